import { TextDictionary } from "@musify/domain/scanner/TextDictionary.ts"
import type { ColumnChunk, Encoding, SchemaElement } from "hyparquet"
import type { ByteWriter } from "hyparquet-writer"
import { writePageHeader } from "hyparquet-writer/src/datapage.js"
import { byteStatistics } from "./byteStatistics.ts"
import type { ColumnValues, FileFractions, FileTexts, RawBytes, Statistics } from "./columnValues.ts"
import { countOf } from "./columnValues.ts"
import { greatestWidth, widthOf, writeCodes, writeLevels } from "./encodeCodes.ts"
import { fractionStatistics, writeNumbers } from "./encodeNumbers.ts"
import { Page } from "./Page.ts"
import { writeSnappy, writeUncompressed } from "./snappy.ts"

// Encoding is synchronous, so one scratch of each kind serves all columns; they grow to the largest page.
const dictionaryPage = new Page()
const data = new Page()
const levels = new Page()
const compressed = new Page()

/** What stands in the pages of a column. */
interface Encoded {
  readonly statistics: Statistics
  readonly encoding: Encoding
  /** Values of the dictionary page; undefined when there is none. */
  readonly dictionarySize?: number
  /** Whether snappy would make the pages smaller: bytes of texts, but not bits that are packed. */
  readonly isText: boolean
}

/**
 * Writes a column chunk as one page (after its dictionary page, for codes), texts in snappy, and answers what the footer
 * says of it. Times are given in ms and stored in micros. No object and no bigint is made per value.
 */
export const encodeColumn = (
  writer: ByteWriter,
  element: SchemaElement,
  column: ColumnValues
): ColumnChunk => {
  const count = countOf(column)
  const start = writer.offset
  dictionaryPage.end = 0
  data.end = 0
  levels.end = 0
  const { dictionarySize, encoding, isText, statistics } = fillPages(
    column,
    element.repetition_type === "OPTIONAL"
  )

  let uncompressed = 0
  if (dictionarySize !== undefined) {
    const plain = dictionaryPage.written
    compressed.end = 0
    // A dictionary page cannot say that it is not compressed.
    if (isText) writeSnappy(compressed, plain)
    else writeUncompressed(compressed, plain)
    writePageHeader(writer, {
      type: "DICTIONARY_PAGE",
      uncompressed_page_size: plain.length,
      compressed_page_size: compressed.end,
      dictionary_page_header: { num_values: dictionarySize, encoding: "PLAIN" }
    })
    uncompressed += writer.offset - start + plain.length
    writer.appendBytes(compressed.written)
  }
  const plain = data.written
  compressed.end = 0
  if (isText && dictionarySize === undefined) writeSnappy(compressed, plain)
  const isSmaller = compressed.end > 0 && compressed.end < plain.length
  const body = isSmaller ? compressed.written : plain
  const pageStart = writer.offset
  writePageHeader(writer, {
    type: "DATA_PAGE_V2",
    uncompressed_page_size: levels.end + plain.length,
    compressed_page_size: levels.end + body.length,
    data_page_header_v2: {
      num_values: count,
      num_nulls: Number(statistics.null_count),
      num_rows: count,
      encoding,
      definition_levels_byte_length: levels.end,
      repetition_levels_byte_length: 0,
      is_compressed: isSmaller
    }
  })
  uncompressed += writer.offset - pageStart + levels.end + plain.length
  if (levels.end > 0) writer.appendBytes(levels.written)
  writer.appendBytes(body)
  return {
    file_offset: BigInt(start),
    meta_data: {
      type: element.type!,
      encodings: encoding === "PLAIN" ? ["PLAIN"] : ["PLAIN", encoding],
      path_in_schema: [element.name],
      codec: "SNAPPY",
      num_values: BigInt(count),
      total_compressed_size: BigInt(writer.offset - start),
      total_uncompressed_size: BigInt(uncompressed),
      data_page_offset: BigInt(pageStart),
      ...(dictionarySize === undefined ? {} : { dictionary_page_offset: BigInt(start) }),
      statistics
    }
  }
}

/** Fills `data`, `levels` when the column is nullable, and, for codes, `dictionaryPage`. */
const fillPages = (column: ColumnValues, nullable: boolean): Encoded => {
  if (column.type === "bytes") return fillBytes(column, nullable)
  if (column.type === "string")
    return fillTexts(column.codes === undefined ? codesOf(column.values) : column, nullable)
  if (column.codes !== undefined) return fillFractions(column, nullable)
  const written = writeNumbers(data, column)
  if (nullable) writeLevels(levels, column.nulls ?? column.values, 1, Number(written.statistics.null_count))
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
