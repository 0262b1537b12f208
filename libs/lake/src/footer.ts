import { Buffer } from "node:buffer"
import type { Statistics } from "./columnValues.ts"
import { schemaElement, type FileColumn } from "./FileColumn.ts"
import type { Page } from "./Page.ts"
import { thriftType, ThriftWriter } from "./ThriftWriter.ts"

/** Encodings that we write, by Parquet's numbers. */
export const encodings = { PLAIN: 0, DELTA_BINARY_PACKED: 5, RLE_DICTIONARY: 8 } as const
export type WrittenEncoding = keyof typeof encodings

const types = { BOOLEAN: 0, INT32: 1, INT64: 2, DOUBLE: 5, BYTE_ARRAY: 6 } as const
const convertedTypes = { UTF8: 0, TIMESTAMP_MICROS: 10 } as const
const snappy = 1

/** A column chunk that lies in a file, its pages from `start` on. Positions and lengths in bytes. */
export interface WrittenColumn {
  readonly column: FileColumn
  readonly encoding: WrittenEncoding
  readonly rows: number
  readonly start: number
  /** The data page; `start` when there is no dictionary page before it. */
  readonly dataPage: number
  readonly compressed: number
  readonly uncompressed: number
  readonly statistics: Statistics
}

/** A row group that lies in a file. */
export interface WrittenGroup {
  readonly columns: ReadonlyArray<WrittenColumn>
  readonly rows: number
}

const sumOf = <A>(all: ReadonlyArray<A>, of: (one: A) => number): number =>
  all.reduce((sum, one) => sum + of(one), 0)

/**
 * Appends the footer of a file of these row groups: FileMetaData of parquet.thrift
 * (https://github.com/apache/parquet-format), its length, and the magic number. The same bytes as hyparquet-writer's
 * `writeMetadata` for the same content, without an object and a bigint for each field.
 */
export const writeFooter = (
  page: Page,
  columns: ReadonlyArray<FileColumn>,
  groups: ReadonlyArray<WrittenGroup>,
  metadata: Readonly<Record<string, string>>
): void => {
  const start = page.end
  const thrift = new ThriftWriter(page)
  thrift.int32(1, 2)
  writeSchema(thrift, columns)
  thrift.int64s(3, [sumOf(groups, ({ rows }) => rows)])
  thrift.list(4, thriftType.struct, groups.length)
  for (const group of groups) writeGroup(thrift, group)
  const entries = Object.entries(metadata)
  thrift.list(5, thriftType.struct, entries.length)
  for (const [key, value] of entries) {
    thrift.item()
    thrift.text(1, key)
    thrift.text(2, value)
    thrift.end()
  }
  thrift.text(6, "musify")
  // Each column's order is that of its type.
  thrift.list(7, thriftType.struct, columns.length)
  for (let c = 0; c < columns.length; c++) {
    thrift.item()
    thrift.begin(1)
    thrift.end()
    thrift.end()
  }
  thrift.end()
  const length = page.end - start
  page.reserve(8)
  page.int32(length)
  page.int32(parquetMagic)
}

/** "PAR1". */
export const parquetMagic = 0x31524150

const writeSchema = (thrift: ThriftWriter, columns: ReadonlyArray<FileColumn>): void => {
  thrift.list(2, thriftType.struct, columns.length + 1)
  thrift.item()
  thrift.text(4, "schema")
  thrift.int32(5, columns.length)
  thrift.end()
  for (const column of columns) {
    const { converted_type, logical_type, name, repetition_type, type } = schemaElement(column)
    thrift.item()
    thrift.int32(1, types[type])
    thrift.int32(3, repetition_type === "OPTIONAL" ? 1 : 0)
    thrift.text(4, name)
    if (converted_type !== undefined) thrift.int32(6, convertedTypes[converted_type])
    if (logical_type !== undefined) {
      thrift.begin(10)
      if (logical_type.type === "STRING") thrift.begin(1)
      else {
        thrift.begin(8)
        thrift.boolean(1, logical_type.isAdjustedToUTC)
        thrift.begin(2)
        // Microseconds.
        thrift.begin(2)
        thrift.end()
        thrift.end()
      }
      thrift.end()
      thrift.end()
    }
    thrift.end()
  }
}

const writeGroup = (thrift: ThriftWriter, { columns, rows }: WrittenGroup): void => {
  thrift.item()
  thrift.list(1, thriftType.struct, columns.length)
  for (const column of columns) writeChunk(thrift, column)
  thrift.int64s(2, [sumOf(columns, ({ uncompressed }) => uncompressed), rows])
  thrift.int64s(6, [sumOf(columns, ({ compressed }) => compressed)])
  thrift.end()
}

const writeChunk = (
  thrift: ThriftWriter,
  { column, compressed, dataPage, encoding, rows, start, statistics, uncompressed }: WrittenColumn
): void => {
  const { name, type } = schemaElement(column)
  thrift.item()
  thrift.int64s(2, [start])
  thrift.begin(3)
  thrift.int32(1, types[type])
  thrift.int32List(2, encoding === "PLAIN" ? [encodings.PLAIN] : [encodings.PLAIN, encodings[encoding]])
  thrift.list(3, thriftType.binary, 1)
  thrift.textItem(name)
  thrift.int32(4, snappy)
  thrift.int64s(5, [rows, uncompressed, compressed])
  thrift.int64s(9, [dataPage])
  if (dataPage > start) thrift.int64s(11, [start])
  writeStatistics(thrift, column.type, statistics)
  thrift.end()
  thrift.end()
}

const writeStatistics = (
  thrift: ThriftWriter,
  type: FileColumn["type"],
  { max, min, nullCount }: Statistics
): void => {
  thrift.begin(12)
  thrift.int64s(3, [nullCount])
  if (max !== undefined && min !== undefined) {
    const upper = type === "string" ? upperText(max) : type === "bytes" ? upperBytes(max) : max
    const lower = type === "string" ? lowerText(min) : type === "bytes" ? lowerBytes(min) : min
    thrift.bytes(5, upper)
    thrift.bytes(6, lower)
    if (upper !== max) thrift.boolean(7, false)
    if (lower !== min) thrift.boolean(8, false)
  }
  thrift.end()
}

/**
 * Bounds that are longer are cut: what is before the cut is no greater than the whole, and no less when its last
 * character that has a next one is replaced by that.
 */
const longestBound = 16

const lowerBytes = (bytes: Uint8Array): Uint8Array =>
  bytes.length <= longestBound ? bytes : bytes.subarray(0, longestBound)

const upperBytes = (bytes: Uint8Array): Uint8Array => {
  if (bytes.length <= longestBound) return bytes
  let at = longestBound - 1
  while (at >= 0 && bytes[at] === 0xff) at--
  if (at < 0) return bytes
  const bound = bytes.slice(0, at + 1)
  bound[at]++
  return bound
}

/** Where the character of UTF-8 that has the byte `at` begins. */
const startOfCharacter = (bytes: Uint8Array, at: number): number => {
  while (at > 0 && (bytes[at] & 0xc0) === 0x80) at--
  return at
}

const lowerText = (bytes: Uint8Array): Uint8Array =>
  bytes.length <= longestBound ? bytes : bytes.subarray(0, startOfCharacter(bytes, longestBound))

const upperText = (bytes: Uint8Array): Uint8Array => {
  if (bytes.length <= longestBound) return bytes
  for (let end = startOfCharacter(bytes, longestBound); end > 0;) {
    const start = startOfCharacter(bytes, end - 1)
    const code = Buffer.from(bytes.subarray(start, end)).toString().codePointAt(0)!
    end = start
    if (code === 0x10ffff) continue
    // Surrogates are no characters.
    const next = Buffer.from(String.fromCodePoint(code === 0xd7ff ? 0xe000 : code + 1))
    if (start + next.length <= longestBound) return Buffer.concat([bytes.subarray(0, start), next])
  }
  return bytes
}
