import type { PlainNumbers } from "@musify/domain/EventColumns.ts"
import type { Statistics } from "./columnValues.ts"
import type { Page } from "./Page.ts"

/** Appends the plain values of a number column, nulls left out; answers the statistics. */
export const writeNumbers = (page: Page, { nulls, type, values }: PlainNumbers): Statistics => {
  page.reserve(values.length * 8)
  let min = Number.POSITIVE_INFINITY
  let max = Number.NEGATIVE_INFINITY
  let nullCount = 0
  let bits = 0
  let present = 0
  for (let i = 0; i < values.length; i++) {
    if (nulls !== undefined && nulls[i] === 1) {
      nullCount++
      continue
    }
    const value = values[i]
    if (value < min) min = value
    if (value > max) max = value
    if (type === "timestamp") page.micros(value)
    else if (type === "int64") page.int64(value)
    else if (type === "float64") page.double(value)
    else if (type === "int32") page.int32(value)
    else {
      if (value === 1) bits |= 1 << (present & 7)
      if ((present & 7) === 7) {
        page.byte(bits)
        bits = 0
      }
    }
    present++
  }
  if (type === "boolean" && (present & 7) !== 0) page.byte(bits)
  const statistics: Statistics = { null_count: BigInt(nullCount) }
  if (min <= max) {
    const stored = (value: number) =>
      type === "timestamp"
        ? BigInt(value) * 1000n
        : type === "int64"
          ? BigInt(value)
          : type === "boolean"
            ? value === 1
            : value
    statistics.min_value = stored(min)
    statistics.max_value = stored(max)
  }
  return statistics
}

/** Statistics of fractions of which each is used. */
export const fractionStatistics = (numbers: Float64Array, nullCount: number): Statistics => {
  if (numbers.length === 0) return { null_count: BigInt(nullCount) }
  let min = numbers[0]
  let max = numbers[0]
  for (const number of numbers) {
    if (number < min) min = number
    if (number > max) max = number
  }
  return { null_count: BigInt(nullCount), min_value: min, max_value: max }
}
