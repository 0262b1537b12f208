import { Buffer } from "node:buffer"
import type { Values } from "@musify/domain/EventColumns.ts"
import type { ColumnChunk, Encoding, SchemaElement } from "hyparquet"
import type { ByteWriter } from "hyparquet-writer"
import { writePageHeader } from "hyparquet-writer/src/datapage.js"
import { snappyCompress } from "hyparquet-writer/src/snappy.js"

/** The values of a column to be written: the decoder's columns, or raw bytes. */
export type ColumnValues =
  Values | { readonly type: "bytes"; readonly values: ReadonlyArray<Uint8Array | null> }

/** Smallest and greatest value as the file has them, and how many are null. */
interface Statistics {
  min_value?: bigint | number | boolean | Uint8Array
  max_value?: bigint | number | boolean | Uint8Array
  null_count: bigint
}

// Encoding is synchronous, so one scratch of each kind serves all columns; they grow to the largest page.
let page = Buffer.allocUnsafe(64 * 1024)
let pageEnd = 0
let levels = new Uint8Array(8 * 1024)
let codes = new Int32Array(8 * 1024)

const reserve = (bytes: number): void => {
  if (pageEnd + bytes <= page.length) return
  const grown = Buffer.allocUnsafe(Math.max(pageEnd + bytes, page.length * 2))
  page.copy(grown, 0, 0, pageEnd)
  page = grown
}

const writeVarInt = (value: number): void => {
  while (value > 0x7f) {
    page[pageEnd++] = (value & 0x7f) | 0x80
    value >>>= 7
  }
  page[pageEnd++] = value
}

const two32 = 4294967296

/** A whole number as INT64; exact for safe integers. */
const writeInt64 = (value: number): void => {
  page.writeUInt32LE(value >>> 0, pageEnd)
  page.writeInt32LE(Math.floor(value / two32), pageEnd + 4)
  pageEnd += 8
}

/** Epoch ms up to which microseconds are safe integers (year 2255). */
const safeMs = 9_007_199_254_740

const writeMicros = (ms: number): void => {
  if (ms <= safeMs && ms >= -safeMs) writeInt64(ms * 1000)
  else {
    page.writeBigInt64LE(BigInt(ms) * 1000n, pageEnd)
    pageEnd += 8
  }
}

/** Plain values of a number column, nulls left out; answers the statistics. */
const writeNumbers = (column: Exclude<Values, { readonly type: "string" }>): Statistics => {
  const { nulls, type, values } = column
  const count = values.length
  reserve(count * 8)
  let min = Number.POSITIVE_INFINITY
  let max = Number.NEGATIVE_INFINITY
  let nullCount = 0
  let bits = 0
  let present = 0
  for (let i = 0; i < count; i++) {
    if (nulls !== undefined && nulls[i] === 1) {
      nullCount++
      continue
    }
    const value = values[i]
    if (value < min) min = value
    if (value > max) max = value
    if (type === "timestamp") writeMicros(value)
    else if (type === "int64") writeInt64(value)
    else if (type === "float64") pageEnd = page.writeDoubleLE(value, pageEnd)
    else if (type === "int32") pageEnd = page.writeInt32LE(value, pageEnd)
    else {
      if (value === 1) bits |= 1 << (present & 7)
      if ((present & 7) === 7) {
        page[pageEnd++] = bits
        bits = 0
      }
    }
    present++
  }
  if (type === "boolean" && (present & 7) !== 0) page[pageEnd++] = bits
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

/** Appends length and UTF-8 of a text. Short ASCII, which nearly all are, is copied without a call. */
const writeText = (text: string): void => {
  const length = text.length
  reserve(4 + length * 3)
  const start = pageEnd + 4
  let at = start
  let i = 0
  if (length < 64) {
    for (; i < length; i++) {
      const code = text.charCodeAt(i)
      if (code > 0x7f) break
      page[at++] = code
    }
  }
  if (i < length) at = start + page.write(text, start, "utf8")
  page.writeUInt32LE(at - start, pageEnd)
  pageEnd = at
}

const writeBytes = (bytes: Uint8Array): void => {
  reserve(4 + bytes.length)
  page.writeUInt32LE(bytes.length, pageEnd)
  page.set(bytes, pageEnd + 4)
  pageEnd += 4 + bytes.length
}

/** Smallest and greatest of the plain byte strings in page[0, pageEnd), in byte order as Parquet wants it. */
const byteStatistics = (nullCount: number): Statistics => {
  const statistics: Statistics = { null_count: BigInt(nullCount) }
  let minStart = -1
  let minEnd = 0
  let maxStart = 0
  let maxEnd = 0
  for (let at = 0; at < pageEnd;) {
    const start = at + 4
    const end = start + page.readUInt32LE(at)
    if (minStart < 0) {
      minStart = maxStart = start
      minEnd = maxEnd = end
    } else if (isLess(start, end, minStart, minEnd)) {
      minStart = start
      minEnd = end
    } else if (isLess(maxStart, maxEnd, start, end)) {
      maxStart = start
      maxEnd = end
    }
    at = end
  }
  if (minStart >= 0) {
    statistics.min_value = new Uint8Array(page.subarray(minStart, minEnd))
    statistics.max_value = new Uint8Array(page.subarray(maxStart, maxEnd))
  }
  return statistics
}

const isLess = (a: number, aEnd: number, b: number, bEnd: number): boolean => {
  while (a < aEnd && b < bEnd) {
    const difference = page[a++] - page[b++]
    if (difference !== 0) return difference < 0
  }
  return a === aEnd && b < bEnd
}

/** Codes as one bit-packed run of `width` bits each (Parquet's RLE/bit-packed hybrid). */
const writeBitPacked = (count: number, width: number): void => {
  const groups = Math.ceil(count / 8)
  reserve(8 + groups * width)
  writeVarInt((groups << 1) | 1)
  let held = 0
  let bits = 0
  // At most 24 bits of a code beside at most 7 held ones.
  for (let i = 0; i < groups * 8; i++) {
    held |= (i < count ? codes[i] : 0) << bits
    bits += width
    while (bits >= 8) {
      page[pageEnd++] = held & 0xff
      held >>>= 8
      bits -= 8
    }
  }
}

/** Definition levels of a nullable column, in `levels`; answers their length. One run when there is no null. */
const makeLevels = (values: ColumnValues, count: number): number => {
  const texts = values.type === "string" || values.type === "bytes" ? values.values : undefined
  const nulls = values.type === "string" || values.type === "bytes" ? undefined : values.nulls
  let any = false
  const groups = Math.ceil(count / 8)
  if (levels.length < groups + 16) levels = new Uint8Array(groups * 2 + 16)
  let at = 0
  const varInt = (value: number) => {
    at = 0
    for (; value > 0x7f; value >>>= 7) levels[at++] = (value & 0x7f) | 0x80
    levels[at++] = value
  }
  varInt((groups << 1) | 1)
  for (let i = 0; i < count; i += 8) {
    let bits = 0
    for (let j = i; j < count && j < i + 8; j++) {
      const isNull = texts !== undefined ? texts[j] === null : nulls !== undefined && nulls[j] === 1
      if (isNull) any = true
      else bits |= 1 << (j - i)
    }
    levels[at++] = bits
  }
  if (any) return at
  varInt(count << 1)
  levels[at++] = 1
  return at
}

/** A dictionary of more distinct values, or of more bytes, costs more than it saves. */
const longestDictionary = 65_536
const largestDictionary = 4 * 1024 * 1024

/** Dictionary page of a text column and its codes; undefined when the values hardly repeat. */
const makeDictionary = (
  texts: ReadonlyArray<string | null>
): { readonly size: number; readonly present: number } | undefined => {
  if (codes.length < texts.length) codes = new Int32Array(texts.length * 2)
  const known = new Map<string, number>()
  let present = 0
  let last: string | null = null
  let lastCode = 0
  for (let i = 0; i < texts.length; i++) {
    const text = texts[i]
    if (text === null) continue
    // Neighbours are often equal: a column of one value costs no look-up.
    if (text !== last) {
      let code = known.get(text)
      if (code === undefined) {
        code = known.size
        if (code >= longestDictionary || pageEnd > largestDictionary) return undefined
        known.set(text, code)
        writeText(text)
      }
      last = text
      lastCode = code
    }
    codes[present++] = lastCode
  }
  return { size: known.size, present }
}

/**
 * Writes a column chunk as one page (after its dictionary page, for texts), snappy, and answers what the footer says of
 * it. Times are given in ms and stored in micros. No object and no bigint is made per value.
 */
export const encodeColumn = (
  writer: ByteWriter,
  element: SchemaElement,
  column: ColumnValues
): ColumnChunk => {
  const count = column.values.length
  const offsetStart = writer.offset
  let uncompressed = 0
  let encoding: Encoding = "PLAIN"
  let dictionaryOffset: bigint | undefined
  let statistics: Statistics
  pageEnd = 0
  if (column.type === "string") {
    const dictionary = makeDictionary(column.values)
    if (dictionary === undefined) {
      pageEnd = 0
      statistics = writePlain(column.values)
    } else {
      statistics = byteStatistics(count - dictionary.present)
      encoding = "RLE_DICTIONARY"
      dictionaryOffset = BigInt(offsetStart)
      const plain = page.subarray(0, pageEnd)
      const compressed = snappyCompress(plain)
      writePageHeader(writer, {
        type: "DICTIONARY_PAGE",
        uncompressed_page_size: plain.length,
        compressed_page_size: compressed.length,
        dictionary_page_header: { num_values: dictionary.size, encoding: "PLAIN" }
      })
      uncompressed += writer.offset - offsetStart + plain.length
      writer.appendBytes(compressed)
      pageEnd = 0
      const width = dictionary.size <= 1 ? 0 : 32 - Math.clz32(dictionary.size - 1)
      reserve(16)
      page[pageEnd++] = width
      // Of a single value all codes are 0: one repeated run says so.
      if (width === 0) writeVarInt(dictionary.present << 1)
      else writeBitPacked(dictionary.present, width)
    }
  } else if (column.type === "bytes") statistics = writePlain(column.values)
  else statistics = writeNumbers(column)

  const levelsLength = element.repetition_type === "OPTIONAL" ? makeLevels(column, count) : 0
  const plain = page.subarray(0, pageEnd)
  const compressed = snappyCompress(plain)
  const isSmaller = compressed.length < plain.length
  const body = isSmaller ? compressed : plain
  const pageStart = writer.offset
  writePageHeader(writer, {
    type: "DATA_PAGE_V2",
    uncompressed_page_size: levelsLength + plain.length,
    compressed_page_size: levelsLength + body.length,
    data_page_header_v2: {
      num_values: count,
      num_nulls: Number(statistics.null_count),
      num_rows: count,
      encoding,
      definition_levels_byte_length: levelsLength,
      repetition_levels_byte_length: 0,
      is_compressed: isSmaller
    }
  })
  uncompressed += writer.offset - pageStart + levelsLength + plain.length
  if (levelsLength > 0) writer.appendBytes(levels.subarray(0, levelsLength))
  writer.appendBytes(body)
  return {
    file_offset: BigInt(offsetStart),
    meta_data: {
      type: element.type!,
      encodings: encoding === "PLAIN" ? ["PLAIN"] : ["PLAIN", encoding],
      path_in_schema: [element.name],
      codec: "SNAPPY",
      num_values: BigInt(count),
      total_compressed_size: BigInt(writer.offset - offsetStart),
      total_uncompressed_size: BigInt(uncompressed),
      data_page_offset: BigInt(pageStart),
      ...(dictionaryOffset === undefined ? {} : { dictionary_page_offset: dictionaryOffset }),
      statistics
    }
  }
}

/** Plain byte strings, nulls left out. */
const writePlain = (values: ReadonlyArray<string | Uint8Array | null>): Statistics => {
  let nullCount = 0
  for (const value of values) {
    if (value === null) nullCount++
    else if (typeof value === "string") writeText(value)
    else writeBytes(value)
  }
  return byteStatistics(nullCount)
}
