import { bytesAt, bytesColumn, type LogBatch, type RecordBatch } from "@musify/domain/RecordBatch.ts"
import type { Topic } from "@musify/domain/Topic.ts"
import { Effect } from "effect"
import { EventLog } from "../EventLog.ts"

/** A record in plain values, for tests. */
export interface Plain {
  readonly key: string | null
  readonly value: string | null
}

const encoder = new TextEncoder()
const decoder = new TextDecoder()

/** Records of texts, as a batch. */
export const recordsOf = (records: ReadonlyArray<Plain>): RecordBatch => ({
  count: records.length,
  keys: bytesColumn(records.map(({ key }) => (key === null ? null : encoder.encode(key)))),
  values: bytesColumn(records.map(({ value }) => (value === null ? null : encoder.encode(value))))
})

const textAt = (batch: LogBatch, column: "keys" | "values", index: number): string | null => {
  const bytes = bytesAt(batch[column], index)
  return bytes === null ? null : decoder.decode(bytes)
}

/** What a batch holds, in plain values. */
export const plainOf = (batch: LogBatch): ReadonlyArray<Plain & { readonly offset: number }> =>
  Array.from({ length: batch.count }, (_, i) => ({
    offset: batch.offsets[i],
    key: textAt(batch, "keys", i),
    value: textAt(batch, "values", i)
  }))

/** All records of a partition, read in steps of `maxBytes`. */
export const readAll = (topic: Topic, partition: number, maxBytes: number) =>
  Effect.gen(function* () {
    const log = yield* EventLog
    const all: Array<Plain & { readonly offset: number }> = []
    let { start: offset } = yield* log.range(topic, partition)
    while (true) {
      const batch = yield* log.read(topic, partition, offset, maxBytes)
      if (batch.count === 0) return all
      all.push(...plainOf(batch))
      offset = batch.offsets[batch.count - 1] + 1
    }
  })
