import { createHash } from "node:crypto"
import { Buffer } from "node:buffer"
import type { FileMetaData } from "hyparquet"
import { parquetMetadata, parquetReadObjects } from "hyparquet"
import { compressors } from "hyparquet-compressors"
import { DamagedFile } from "./ChainError.ts"
import type { ColumnValues } from "./columnValues.ts"
import { encodeColumn } from "./encodeColumn.ts"
import type { FileColumn } from "./FileColumn.ts"
import { parquetMagic, writeFooter } from "./footer.ts"
import { Page } from "./Page.ts"

/** A column of a file to be written. */
export interface ColumnData {
  readonly column: FileColumn
  /** Asked for when the columns before it are written: one column's values are held at a time. */
  readonly values: () => ColumnValues
}

const checksumKey = "checksum"
const checksumLength = 32
const zeros = Buffer.from("0".repeat(checksumLength))
/** The entry as thrift's compact protocol writes it: the key's text, then type and length of the value. */
const checksumMark = Buffer.concat([Buffer.from(checksumKey), Buffer.from([0x18, checksumLength])])

/** Where the checksum's hex digits lie; -1 when the file has none. */
const checksumPosition = (bytes: Uint8Array): number => {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const mark = buffer.lastIndexOf(checksumMark)
  const at = mark + checksumMark.length
  return mark < 0 || at + checksumLength > bytes.length ? -1 : at
}

const checksumOf = (bytes: Uint8Array, position: number): string =>
  createHash("sha256")
    .update(bytes.subarray(0, position))
    .update(zeros)
    .update(bytes.subarray(position + checksumLength))
    .digest("hex")
    .slice(0, checksumLength)

/** The entry that a file carries while its checksum is not known: the last of its key-value metadata. */
export const unknownChecksum = { [checksumKey]: zeros.toString() }

/** Puts the checksum into the bytes of a file that carries `unknownChecksum`. */
export const putChecksum = (bytes: Uint8Array): void => {
  const position = checksumPosition(bytes)
  bytes.set(Buffer.from(checksumOf(bytes, position)), position)
}

/** Encoding is synchronous, so one serves all files; it grows to the largest. */
const file = new Page()

/**
 * Parquet bytes of the columns: one row group, snappy, statistics. `metadata` goes into the footer's key-value metadata,
 * with a checksum over the whole file (SHA-256 with the checksum's own digits read as zeros, its first 32 hex digits):
 * truncation and any flipped bit, in pages or footer, are found from the file alone.
 */
export const encodeParquet = (
  columns: ReadonlyArray<ColumnData>,
  metadata: Readonly<Record<string, string>>
): Uint8Array => {
  file.end = 0
  file.int32(parquetMagic)
  const chunks = columns.map(({ column, values }) => encodeColumn(file, 0, column, values()))
  writeFooter(
    file,
    columns.map(({ column }) => column),
    [{ columns: chunks, rows: chunks[0].rows }],
    { ...metadata, ...unknownChecksum }
  )
  const bytes = file.written.slice()
  putChecksum(bytes)
  return bytes
}

/** Throws `DamagedFile`, naming the file, unless its bytes are those that were written. */
export const verifyChecksum = (name: string, bytes: Uint8Array): void => {
  const damaged = (what: string) =>
    new DamagedFile({
      name,
      message: `${name} is damaged: ${what}. Restore it from a backup; no number is made from it until then.`
    })
  const magic = (at: number) => Buffer.from(bytes.subarray(at, at + 4)).toString("latin1")
  if (bytes.length < 12 || magic(0) !== "PAR1") throw damaged("it is not a Parquet file")
  if (magic(bytes.length - 4) !== "PAR1") throw damaged(`it is cut off after ${bytes.length} bytes`)
  const position = checksumPosition(bytes)
  if (position < 0) throw damaged("it carries no checksum")
  const stored = Buffer.from(bytes.subarray(position, position + checksumLength)).toString("latin1")
  if (checksumOf(bytes, position) !== stored) throw damaged("its checksum does not match its bytes")
}

const arrayBufferOf = (bytes: Uint8Array): ArrayBuffer =>
  bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer

/** Footer of a file whose checksum is right; throws `DamagedFile` else. */
export const verifiedFooter = (
  name: string,
  bytes: Uint8Array
): { readonly footer: FileMetaData; readonly metadata: Readonly<Record<string, string>> } => {
  verifyChecksum(name, bytes)
  const footer = parquetMetadata(arrayBufferOf(bytes))
  const metadata: Record<string, string> = {}
  for (const { key, value } of footer.key_value_metadata ?? []) metadata[key] = value ?? ""
  return { footer, metadata }
}

/** All rows of a file, as objects of column name to value; throws `DamagedFile` when its checksum is wrong. */
export const readParquetRows = async (
  name: string,
  bytes: Uint8Array
): Promise<ReadonlyArray<Record<string, unknown>>> => {
  const { footer } = verifiedFooter(name, bytes)
  return parquetReadObjects({ file: arrayBufferOf(bytes), metadata: footer, compressors, utf8: false })
}
