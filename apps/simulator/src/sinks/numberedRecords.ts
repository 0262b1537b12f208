import type { BytesColumn, RecordBatch } from "@musify/domain/RecordBatch.ts"
import { copyColumn } from "@musify/domain/RecordBatch.ts"
import { encodeHeaders } from "@musify/domain/recordHeaders.ts"
import { numberHeader, seriesHeader } from "@musify/stream/kafka/series.ts"

const encoder = new TextEncoder()
const zero = 48

/** Digits of a whole number up to 2^53. */
const digitsOf = (value: number): number => {
  let digits = 1
  for (let limit = 10; value >= limit; limit *= 10) digits++
  return digits
}

/** Headers that give the records of a batch their series and numbers from `first` on. */
const seriesHeaders = (series: string, first: number, count: number): BytesColumn => {
  // All of it but the number: its length is the last four bytes.
  const fixed = encodeHeaders([
    [seriesHeader, encoder.encode(series)],
    [numberHeader, new Uint8Array(0)]
  ])
  const data = new Uint8Array(count * (fixed.length + digitsOf(first + count)))
  const ends = new Int32Array(count)
  let at = 0
  for (let i = 0; i < count; i++) {
    data.set(fixed, at)
    at += fixed.length
    const number = first + i
    const digits = digitsOf(number)
    data[at - 4] = digits
    let rest = number
    for (let d = at + digits - 1; d >= at; d--) {
      const higher = Math.floor(rest / 10)
      data[d] = zero + rest - higher * 10
      rest = higher
    }
    at += digits
    ends[i] = at
  }
  return { data: data.subarray(0, at), ends }
}

const from = (column: BytesColumn, index: number): BytesColumn => {
  const start = index === 0 ? 0 : column.ends[index - 1]
  return {
    data: column.data.subarray(start),
    ends: column.ends.slice(index).map((end) => end - start),
    ...(column.nulls === undefined ? {} : { nulls: column.nulls.subarray(index) })
  }
}

/** A copy of records, with headers that give them their series and numbers from `first` on. */
export const numberedRecords = (records: RecordBatch, series: string, first: number): RecordBatch => ({
  count: records.count,
  keys: copyColumn(records.keys),
  values: copyColumn(records.values),
  headers: seriesHeaders(series, first, records.count)
})

/** The records from `index` on. */
export const recordsFrom = (records: RecordBatch, index: number): RecordBatch => ({
  count: records.count - index,
  keys: from(records.keys, index),
  values: from(records.values, index),
  ...(records.headers === undefined ? {} : { headers: from(records.headers, index) })
})
