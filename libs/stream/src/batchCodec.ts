import type { BytesColumn, RecordBatch } from "@musify/domain/RecordBatch.ts"
import { Buffer } from "node:buffer"
import { crc32 } from "node:zlib"
import type { StoredBatch } from "./StoredBatch.ts"

/*
 * A stored batch, little endian:
 *   0 u32 CRC-32 of all that follows   4 u8 version   5 u8 flags   6 u16 0
 *   8 u32 count   12 u32 bytes of keys   16 u32 bytes of values   20 f64 first offset   28 f64 log time, epoch ms
 *   36 u32 bytes of headers, if there are headers
 *   then i32[count] ends of each column, u8[count] nulls of each column that has some, and the columns: keys, values,
 *   headers
 * Flags: 1, 2, 4 = keys, values, headers have nulls; 8 = there are headers.
 */
const headerBytes = 36
const version = 1
const withHeaders = 8

const startOf = (column: BytesColumn, index: number): number => (index === 0 ? 0 : column.ends[index - 1])

const columnsOf = ({ headers, keys, values }: RecordBatch): ReadonlyArray<BytesColumn> =>
  headers === undefined ? [keys, values] : [keys, values, headers]

/** Bytes of records `from` to `to` (exclusive) as a stored batch. */
export const encodedBytes = (records: RecordBatch, from: number, to: number): number => {
  let bytes = headerBytes + (records.headers === undefined ? 0 : 4)
  for (const column of columnsOf(records)) {
    const nulls = column.nulls === undefined ? 0 : 1
    bytes += startOf(column, to) - startOf(column, from) + (to - from) * (4 + nulls)
  }
  return bytes
}

/**
 * Encodes records `from` to `to` (exclusive), the first of which gets the offset `base`, into `out` at `begin`, where
 * there is room for `encodedBytes`; answers the end.
 */
export const encodeBatchInto = (
  out: Buffer,
  begin: number,
  records: RecordBatch,
  from: number,
  to: number,
  base: number,
  timestamp: number
): number => {
  const count = to - from
  const columns = columnsOf(records)
  const sizes = columns.map((column) => startOf(column, to) - startOf(column, from))
  let flags = columns.length > 2 ? withHeaders : 0
  columns.forEach(({ nulls }, c) => (flags |= nulls === undefined ? 0 : 1 << c))
  out[begin + 4] = version
  out[begin + 5] = flags
  out.writeUInt16LE(0, begin + 6)
  out.writeUInt32LE(count, begin + 8)
  out.writeUInt32LE(sizes[0], begin + 12)
  out.writeUInt32LE(sizes[1], begin + 16)
  out.writeDoubleLE(base, begin + 20)
  out.writeDoubleLE(timestamp, begin + 28)
  let at = begin + headerBytes
  if (columns.length > 2) at = out.writeUInt32LE(sizes[2], at)
  for (const { ends } of columns) {
    if (from === 0) {
      out.set(new Uint8Array(ends.buffer, ends.byteOffset, count * 4), at)
      at += count * 4
    } else {
      const start = ends[from - 1]
      for (let i = from; i < to; i++) at = out.writeInt32LE(ends[i] - start, at)
    }
  }
  for (const { nulls } of columns) {
    if (nulls === undefined) continue
    out.set(nulls.subarray(from, to), at)
    at += count
  }
  for (const column of columns) {
    const bytes = column.data.subarray(startOf(column, from), startOf(column, to))
    out.set(bytes, at)
    at += bytes.length
  }
  out.writeUInt32LE(crc32(out.subarray(begin + 4, at)), begin)
  return at
}

/** As `encodeBatchInto`, into bytes of its own. */
export const encodeBatch = (
  records: RecordBatch,
  from: number,
  to: number,
  base: number,
  timestamp: number
): Buffer => {
  const out = Buffer.allocUnsafe(encodedBytes(records, from, to))
  encodeBatchInto(out, 0, records, from, to, base, timestamp)
  return out
}

/** Decodes a stored batch, or undefined when it is not what was written (checksum, version, first offset, lengths). */
export const decodeBatch = (bytes: Uint8Array, base: number, count: number): StoredBatch | undefined => {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (view.length < headerBytes || crc32(view.subarray(4)) !== view.readUInt32LE(0)) return undefined
  if (view[4] !== version || view.readUInt32LE(8) !== count || view.readDoubleLE(20) !== base)
    return undefined
  const flags = view[5]
  const sizes = [view.readUInt32LE(12), view.readUInt32LE(16)]
  let at = headerBytes
  if ((flags & withHeaders) !== 0) {
    if (view.length < headerBytes + 4) return undefined
    sizes.push(view.readUInt32LE(at))
    at += 4
  }
  const take = (size: number): Uint8Array => {
    at += size
    return view.subarray(at - size, at)
  }
  const ends = sizes.map(() => {
    // Stored bytes lie at any address; typed arrays need theirs aligned. All platforms of Node are little endian.
    const aligned = new Int32Array(count)
    new Uint8Array(aligned.buffer).set(take(count * 4))
    return aligned
  })
  const nulls = sizes.map((_, c) => ((flags & (1 << c)) === 0 ? undefined : take(count)))
  const [keys, values, headers] = sizes.map((size, c): BytesColumn => {
    const column = { data: take(size), ends: ends[c] }
    return nulls[c] === undefined ? column : { ...column, nulls: nulls[c] }
  })
  if (at !== view.length) return undefined
  const batch = { base, count, timestamp: view.readDoubleLE(28), keys, values }
  return headers === undefined ? batch : { ...batch, headers }
}

/** A short text with its checksum in front, for the log's own notes. */
export const encodeNote = (text: string): Buffer =>
  Buffer.from(`${crc32(Buffer.from(text)).toString(16).padStart(8, "0")} ${text}`)

/** The text of a note, or undefined when it is not what was written. */
export const decodeNote = (bytes: Uint8Array): string | undefined => {
  const text = Buffer.from(bytes).toString("utf8")
  return encodeNote(text.slice(9)).equals(bytes) ? text.slice(9) : undefined
}
