import type { BytesColumn, LogBatch, RecordBatch } from "@musify/domain/RecordBatch.ts"

/** Records that were appended together: offsets `base`, `base + 1`, …, all of the same log time. */
export interface StoredBatch extends RecordBatch {
  readonly base: number
  /** Log time, epoch ms. */
  readonly timestamp: number
}

/** Records `from` (inclusive) to `to` (exclusive) of a batch. */
export interface Slice {
  readonly batch: StoredBatch
  readonly from: number
  readonly to: number
}

const startOf = (column: BytesColumn, index: number): number => (index === 0 ? 0 : column.ends[index - 1])

/** Bytes of keys, values and headers of records `from` to `to` (exclusive). */
export const bytesBetween = ({ headers, keys, values }: RecordBatch, from: number, to: number): number => {
  const bytes = startOf(keys, to) - startOf(keys, from) + startOf(values, to) - startOf(values, from)
  return headers === undefined ? bytes : bytes + startOf(headers, to) - startOf(headers, from)
}

/** The end of the longest run of records from `from` on that holds at most `maxBytes`, but at least one record. */
export const cutAt = (records: RecordBatch, from: number, maxBytes: number): number => {
  if (bytesBetween(records, from, records.count) <= maxBytes) return records.count
  let low = from + 1
  let high = records.count
  while (low < high) {
    const middle = (low + high + 1) >>> 1
    if (bytesBetween(records, from, middle) <= maxBytes) low = middle
    else high = middle - 1
  }
  return low
}

/** Takes records from `offset` on out of batches in offset order, at most `maxBytes`, but at least one record. */
export const takeSlices = (
  batches: Iterable<StoredBatch>,
  offset: number,
  maxBytes: number
): ReadonlyArray<Slice> => {
  const slices: Array<Slice> = []
  let room = maxBytes
  for (const batch of batches) {
    const from = Math.max(0, offset - batch.base)
    let to = cutAt(batch, from, room)
    if (slices.length > 0 && bytesBetween(batch, from, to) > room) to = from
    if (to > from) slices.push({ batch, from, to })
    room -= bytesBetween(batch, from, to)
    if (to < batch.count || room <= 0) break
  }
  return slices
}

const joinColumn = (
  slices: ReadonlyArray<Slice>,
  count: number,
  of: (b: StoredBatch) => BytesColumn
): BytesColumn => {
  if (slices.length === 1 && slices[0].from === 0 && slices[0].to === slices[0].batch.count) {
    return of(slices[0].batch)
  }
  let size = 0
  let anyNull = false
  for (const { batch, from, to } of slices) {
    const column = of(batch)
    size += startOf(column, to) - startOf(column, from)
    if (column.nulls !== undefined) anyNull = true
  }
  const data = new Uint8Array(size)
  const ends = new Int32Array(count)
  const nulls = new Uint8Array(anyNull ? count : 0)
  let at = 0
  let index = 0
  for (const { batch, from, to } of slices) {
    const column = of(batch)
    const start = startOf(column, from)
    data.set(column.data.subarray(start, startOf(column, to)), at)
    for (let i = from; i < to; i++) ends[index + i - from] = column.ends[i] - start + at
    if (column.nulls !== undefined) nulls.set(column.nulls.subarray(from, to), index)
    at += startOf(column, to) - start
    index += to - from
  }
  return anyNull ? { data, ends, nulls } : { data, ends }
}

/** A column without any value. */
const nothing = (count: number): BytesColumn => ({
  data: new Uint8Array(0),
  ends: new Int32Array(count),
  nulls: new Uint8Array(count).fill(1)
})

/** The records of slices as one batch. */
export const joinSlices = (slices: ReadonlyArray<Slice>): LogBatch => {
  let count = 0
  for (const { from, to } of slices) count += to - from
  const offsets = new Float64Array(count)
  const timestamps = new Float64Array(count)
  let index = 0
  for (const { batch, from, to } of slices) {
    for (let i = from; i < to; i++) offsets[index + i - from] = batch.base + i
    timestamps.fill(batch.timestamp, index, index + to - from)
    index += to - from
  }
  const joined = {
    count,
    keys: joinColumn(slices, count, (batch) => batch.keys),
    values: joinColumn(slices, count, (batch) => batch.values),
    offsets,
    timestamps
  }
  if (slices.every(({ batch }) => batch.headers === undefined)) return joined
  return { ...joined, headers: joinColumn(slices, count, (batch) => batch.headers ?? nothing(batch.count)) }
}
