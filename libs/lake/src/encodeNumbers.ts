import type { PlainNumbers } from "@musify/domain/EventColumns.ts"
import type { Statistics } from "./columnValues.ts"
import type { Page } from "./Page.ts"
import { widestRange, writeDeltas } from "./writeDeltas.ts"

/** The values that are not null, in the file's units; grows to the longest column. */
let present = new Float64Array(1024)

/**
 * Appends the values of a number column, nulls left out, and answers how. Whole numbers are written as differences where
 * these are exact.
 */
export const writeNumbers = (
  page: Page,
  column: PlainNumbers
): { readonly encoding: "PLAIN" | "DELTA_BINARY_PACKED"; readonly statistics: Statistics } => {
  const { nulls, type, values } = column
  if (present.length < values.length) present = new Float64Array(values.length * 2)
  let count = 0
  let min = Number.POSITIVE_INFINITY
  let max = Number.NEGATIVE_INFINITY
  for (let i = 0; i < values.length; i++) {
    if (nulls !== undefined && nulls[i] === 1) continue
    const value = values[i]
    if (value < min) min = value
    if (value > max) max = value
    present[count++] = value
  }
  const statistics = statisticsOf(type, values.length - count, count, min, max)
  page.reserve(count * 8 + 8)
  if (type === "boolean") writeBits(page, count)
  else if (type === "float64") for (let i = 0; i < count; i++) page.double(present[i])
  else {
    const scale = type === "timestamp" ? 1000 : 1
    if (
      max * scale <= Number.MAX_SAFE_INTEGER &&
      min * scale >= Number.MIN_SAFE_INTEGER &&
      (max - min) * scale <= widestRange
    ) {
      if (scale > 1) for (let i = 0; i < count; i++) present[i] *= scale
      writeDeltas(page, present, count)
      return { encoding: "DELTA_BINARY_PACKED", statistics }
    }
    if (type === "timestamp") for (let i = 0; i < count; i++) page.micros(present[i])
    else if (type === "int64") for (let i = 0; i < count; i++) page.int64(present[i])
    else for (let i = 0; i < count; i++) page.int32(present[i])
  }
  return { encoding: "PLAIN", statistics }
}

const statisticsOf = (
  type: PlainNumbers["type"],
  nullCount: number,
  count: number,
  min: number,
  max: number
): Statistics =>
  count === 0 ? { nullCount } : { nullCount, min: plainBytes(type, min), max: plainBytes(type, max) }

/** A value in Parquet's plain encoding. */
const plainBytes = (type: PlainNumbers["type"], value: number): Uint8Array => {
  if (type === "boolean") return Uint8Array.of(value)
  const bytes = new Uint8Array(type === "int32" ? 4 : 8)
  const view = new DataView(bytes.buffer)
  if (type === "int32") view.setInt32(0, value, true)
  else if (type === "float64") view.setFloat64(0, value, true)
  else view.setBigInt64(0, type === "timestamp" ? BigInt(value) * 1000n : BigInt(value), true)
  return bytes
}

const writeBits = (page: Page, count: number): void => {
  let bits = 0
  for (let i = 0; i < count; i++) {
    if (present[i] === 1) bits |= 1 << (i & 7)
    if ((i & 7) === 7 || i === count - 1) {
      page.byte(bits)
      bits = 0
    }
  }
}

/** Statistics of fractions of which each is used. */
export const fractionStatistics = (numbers: Float64Array, nullCount: number): Statistics => {
  let min = numbers[0]
  let max = numbers[0]
  for (const number of numbers) {
    if (number < min) min = number
    if (number > max) max = number
  }
  return statisticsOf("float64", nullCount, numbers.length, min, max)
}
