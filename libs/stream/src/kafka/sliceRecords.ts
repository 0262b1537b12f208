import type { BytesColumn, LogBatch } from "@musify/domain/RecordBatch.ts"

const sliceColumn = (column: BytesColumn, from: number, to: number): BytesColumn => {
  const start = from === 0 ? 0 : column.ends[from - 1]
  const end = to === 0 ? 0 : column.ends[to - 1]
  const ends = column.ends.slice(from, to)
  for (let i = 0; i < ends.length; i++) ends[i] -= start
  const data = column.data.subarray(start, end)
  return column.nulls === undefined ? { data, ends } : { data, ends, nulls: column.nulls.subarray(from, to) }
}

/** Records `from` to `to` (exclusive) of a batch, as views of it. */
export const sliceRecords = (batch: LogBatch, from: number, to: number): LogBatch => ({
  count: to - from,
  offsets: batch.offsets.subarray(from, to),
  timestamps: batch.timestamps.subarray(from, to),
  keys: sliceColumn(batch.keys, from, to),
  values: sliceColumn(batch.values, from, to),
  ...(batch.headers === undefined ? {} : { headers: sliceColumn(batch.headers, from, to) })
})
