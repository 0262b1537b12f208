import { TextDictionary } from "@musify/domain/scanner/TextDictionary.ts"
import { byteStatistics } from "./byteStatistics.ts"
import type { ColumnValues, FileFractions, FileTexts, RawBytes, Statistics } from "./columnValues.ts"
import { countOf } from "./columnValues.ts"
import { greatestWidth, widthOf, writeCodes, writeLevels } from "./encodeCodes.ts"
import { fractionStatistics, writeNumbers } from "./encodeNumbers.ts"
import type { FileColumn } from "./FileColumn.ts"
import type { WrittenColumn, WrittenEncoding } from "./footer.ts"
import { Page } from "./Page.ts"
import { writeDataPageHeader, writeDictionaryPageHeader } from "./pageHeaders.ts"
import { writeSnappy, writeUncompressed } from "./snappy.ts"

// Encoding is synchronous, so one scratch of each kind serves all columns; they grow to the largest page.
const dictionaryPage = new Page()
const data = new Page()
const levels = new Page()
const compressed = new Page()

/** What stands in the pages of a column. */
interface Encoded {
  readonly statistics: Statistics
  readonly encoding: WrittenEncoding
  /** Values of the dictionary page; undefined when there is none. */
  readonly dictionarySize?: number
  /** Whether snappy would make the pages smaller: bytes of texts, but not bits that are packed. */
  readonly isText: boolean
}

/**
 * Appends a column chunk to `file`, which lies in the Parquet file from byte `base` on: one page (after its dictionary
 * page, for codes), texts in snappy. Answers what the footer says of it. Times are given in ms and stored in micros. No
 * object and no bigint is made per value.
 */
export const encodeColumn = (
  file: Page,
  base: number,
  column: FileColumn,
  values: ColumnValues
): WrittenColumn => {
  const rows = countOf(values)
  const start = file.end
  dictionaryPage.end = 0
  data.end = 0
  levels.end = 0
  const { dictionarySize, encoding, isText, statistics } = fillPages(values, column.nullable)

  let uncompressed = 0
  if (dictionarySize !== undefined) {
    const plain = dictionaryPage.written
    compressed.end = 0
    // A dictionary page cannot say that it is not compressed.
    if (isText) writeSnappy(compressed, plain)
    else writeUncompressed(compressed, plain)
    writeDictionaryPageHeader(file, plain.length, compressed.end, dictionarySize)
    uncompressed += file.end - start + plain.length
    file.copy(compressed.written)
  }
  const plain = data.written
  compressed.end = 0
  if (isText && dictionarySize === undefined) writeSnappy(compressed, plain)
  const isSmaller = compressed.end > 0 && compressed.end < plain.length
  const body = isSmaller ? compressed.written : plain
  const dataPage = file.end
  writeDataPageHeader(file, {
    rows,
    nullCount: statistics.nullCount,
    encoding,
    levels: levels.end,
    uncompressed: plain.length,
    compressed: body.length,
    isCompressed: isSmaller
  })
  uncompressed += file.end - dataPage + levels.end + plain.length
  file.copy(levels.written)
  file.copy(body)
  return {
    column,
    encoding,
    rows,
    start: base + start,
    dataPage: base + dataPage,
    compressed: file.end - start,
    uncompressed,
    statistics
  }
}

/** Fills `data`, `levels` when the column is nullable, and, for codes, `dictionaryPage`. */
const fillPages = (column: ColumnValues, nullable: boolean): Encoded => {
  if (column.type === "bytes") return fillBytes(column, nullable)
  if (column.type === "string")
    return fillTexts(column.codes === undefined ? codesOf(column.values) : column, nullable)
  if (column.codes !== undefined) return fillFractions(column, nullable)
  const written = writeNumbers(data, column)
  if (nullable) writeLevels(levels, column.nulls ?? column.values, 1, written.statistics.nullCount)
  return { ...written, isText: false }
}

/** Texts as codes. */
const codesOf = (texts: ReadonlyArray<string | null>): FileTexts => {
  const dictionary = new TextDictionary()
  const codes = new Uint32Array(texts.length)
  let last: string | null = null
  let lastCode = 0
  for (let i = 0; i < texts.length; i++) {
    const text = texts[i]
    // Neighbours are often equal: a column of one value costs no look-up.
    if (text !== last) {
      last = text
      lastCode = text === null ? 0 : dictionary.codeOf(text)
    }
    codes[i] = lastCode
  }
  return { type: "string", codes, texts: dictionary.plain, size: dictionary.count }
}

/** A dictionary of more distinct values, or of more bytes, costs more than it saves. */
const longestDictionary = 2 ** greatestWidth
const largestDictionary = 4 * 1024 * 1024

const fillTexts = ({ codes, size, texts }: FileTexts, nullable: boolean): Encoded => {
  const nullCount = countZeros(codes)
  const statistics = byteStatistics(texts, nullCount)
  if (nullable) writeLevels(levels, codes, 0, nullCount)
  if (size <= longestDictionary && texts.length <= largestDictionary) {
    dictionaryPage.copy(texts)
    writeCodes(data, codes, codes.length - nullCount, widthOf(size))
    return { statistics, encoding: "RLE_DICTIONARY", dictionarySize: size, isText: true }
  }
  const starts = startsOf(texts, size)
  for (const code of codes) if (code !== 0) data.copy(texts.subarray(starts[code - 1], starts[code]))
  return { statistics, encoding: "PLAIN", isText: true }
}

/** Where each of the plain texts begins, and behind the last. */
const startsOf = (texts: Uint8Array, size: number): Uint32Array => {
  const starts = new Uint32Array(size + 1)
  const view = new DataView(texts.buffer, texts.byteOffset, texts.byteLength)
  for (let i = 0; i < size; i++) starts[i + 1] = starts[i] + 4 + view.getInt32(starts[i], true)
  return starts
}

const fillFractions = ({ codes, numbers }: FileFractions, nullable: boolean): Encoded => {
  const nullCount = countZeros(codes)
  const present = codes.length - nullCount
  const statistics = fractionStatistics(numbers, nullCount)
  if (nullable) writeLevels(levels, codes, 0, nullCount)
  const width = widthOf(numbers.length)
  if (width <= greatestWidth && numbers.length * 8 + (present * width) / 8 < present * 8) {
    dictionaryPage.reserve(numbers.length * 8)
    for (const number of numbers) dictionaryPage.double(number)
    writeCodes(data, codes, present, width)
    return { statistics, encoding: "RLE_DICTIONARY", dictionarySize: numbers.length, isText: false }
  }
  data.reserve(present * 8)
  for (const code of codes) if (code !== 0) data.double(numbers[code - 1])
  return { statistics, encoding: "PLAIN", isText: false }
}

const fillBytes = ({ values }: RawBytes, nullable: boolean): Encoded => {
  let nullCount = 0
  for (const value of values) {
    if (value === null) nullCount++
    else {
      data.reserve(4)
      data.int32(value.length)
      data.copy(value)
    }
  }
  if (nullable) writeLevels(levels, values, null, nullCount)
  return { statistics: byteStatistics(data.written, nullCount), encoding: "PLAIN", isText: true }
}

const countZeros = (codes: ArrayLike<number>): number => {
  let zeros = 0
  for (let i = 0; i < codes.length; i++) if (codes[i] === 0) zeros++
  return zeros
}
