import type { Buffer } from "node:buffer"
import type { WrittenBatch } from "../EventWriter.ts"
import { asBuffer, eventTime } from "./eventTime.ts"

/**
 * Calls `visit` for the events of several batches in order of time; events of the same second by the order of the
 * batches. Each batch is in time order. An event without time comes right after the one before it in its batch.
 */
export const inTimeOrder = (
  batches: ReadonlyArray<WrittenBatch>,
  visit: (batch: WrittenBatch, data: Buffer, from: number, to: number) => boolean | void
): void => {
  const datas = batches.map(({ records }) => asBuffer(records.values.data))
  const next = batches.map(() => 0)
  const times = batches.map((_, b) => timeOf(batches[b], datas[b], 0, Number.NEGATIVE_INFINITY))
  for (;;) {
    let best = -1
    for (let b = 0; b < batches.length; b++) {
      if (next[b] < batches[b].records.count && (best === -1 || times[b] < times[best])) best = b
    }
    if (best === -1) return
    const { ends } = batches[best].records.values
    const n = next[best]++
    if (visit(batches[best], datas[best], n === 0 ? 0 : ends[n - 1], ends[n]) === false) return
    times[best] = timeOf(batches[best], datas[best], n + 1, times[best])
  }
}

const timeOf = ({ records }: WrittenBatch, data: Buffer, n: number, before: number): number => {
  if (n >= records.count) return before
  const { ends } = records.values
  const ts = eventTime(data, n === 0 ? 0 : ends[n - 1], ends[n])
  return Number.isNaN(ts) ? before : ts
}
