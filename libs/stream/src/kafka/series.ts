import type { LogBatch } from "@musify/domain/RecordBatch.ts"
import { bytesAt } from "@musify/domain/RecordBatch.ts"
import { decodeHeaders } from "@musify/domain/recordHeaders.ts"

/** Header of a record that says which series it is of: what a producer makes again exactly, after any stop. */
export const seriesHeader = "musify-series"
/** Header with the record's number in its partition's series, from 0 on, in decimal digits. */
export const numberHeader = "musify-number"

const decoder = new TextDecoder()

/** The number of the last record of a series in a batch; undefined: the batch has none of it. */
export const lastNumber = (batch: LogBatch, series: string): number | undefined => {
  if (batch.headers === undefined) return undefined
  for (let i = batch.count - 1; i >= 0; i--) {
    const bytes = bytesAt(batch.headers, i)
    if (bytes === null || bytes.length === 0) continue
    let found = false
    let number: number | undefined
    for (const [name, value] of decodeHeaders(bytes)) {
      if (name === seriesHeader) found = decoder.decode(value) === series
      else if (name === numberHeader) number = Number(decoder.decode(value))
    }
    if (found && number !== undefined && Number.isSafeInteger(number)) return number
  }
  return undefined
}

/** Reads records at and after an offset. */
type Read = (offset: number) => Promise<LogBatch>

const firstStep = 1
const stepGrowth = 16
const largestStep = 1 << 18

/**
 * The number of a series' last record between two offsets, looking backwards in growing steps past the records of other
 * producers; undefined: there is none. Memory: one read at a time.
 */
export const findLastNumber = async (
  series: string,
  range: { readonly start: number; readonly end: number },
  read: Read
): Promise<number | undefined> => {
  let step = firstStep
  for (let to = range.end; to > range.start;) {
    const from = Math.max(range.start, to - step)
    let found: number | undefined
    for (let offset = from; offset < to;) {
      const batch = await read(offset)
      if (batch.count === 0) break
      found = lastNumber(batch, series) ?? found
      offset = batch.offsets[batch.count - 1] + 1
    }
    if (found !== undefined) return found
    to = from
    step = Math.min(largestStep, step * stepGrowth)
  }
  return undefined
}
