import type { BytesColumn, RecordBatch } from "@musify/domain/RecordBatch.ts"
import { Buffer } from "node:buffer"
import { crc32 } from "node:zlib"
import type { StoredBatch } from "./StoredBatch.ts"

/*
 * A stored batch, little endian:
 *   0 u32 CRC-32 of all that follows   4 u8 version   5 u8 flags (1: keys have nulls, 2: values have nulls)   6 u16 0
 *   8 u32 count   12 u32 bytes of keys   16 u32 bytes of values   20 f64 first offset   28 f64 log time, epoch ms
 *   36 i32[count] key ends, i32[count] value ends, u8[count] key nulls?, u8[count] value nulls?, keys, values
 */
const headerBytes = 36
const version = 1

const startOf = (column: BytesColumn, index: number): number => (index === 0 ? 0 : column.ends[index - 1])

/** Encodes records `from` to `to` (exclusive), the first of which gets the offset `base`. */
export const encodeBatch = (
  records: RecordBatch,
  from: number,
  to: number,
  base: number,
  timestamp: number
): Buffer => {
  const count = to - from
  const columns = [records.keys, records.values]
  const sizes = columns.map((column) => startOf(column, to) - startOf(column, from))
  const nullable = columns.filter((column) => column.nulls !== undefined).length
  const out = Buffer.allocUnsafe(headerBytes + count * 8 + count * nullable + sizes[0] + sizes[1])
  out[4] = version
  out[5] = (records.keys.nulls === undefined ? 0 : 1) | (records.values.nulls === undefined ? 0 : 2)
  out.writeUInt16LE(0, 6)
  out.writeUInt32LE(count, 8)
  out.writeUInt32LE(sizes[0], 12)
  out.writeUInt32LE(sizes[1], 16)
  out.writeDoubleLE(base, 20)
  out.writeDoubleLE(timestamp, 28)
  let at = headerBytes
  for (const column of columns) {
    const start = startOf(column, from)
    for (let i = from; i < to; i++) at = out.writeInt32LE(column.ends[i] - start, at)
  }
  for (const column of columns) {
    if (column.nulls === undefined) continue
    out.set(column.nulls.subarray(from, to), at)
    at += count
  }
  for (const column of columns) {
    const bytes = column.data.subarray(startOf(column, from), startOf(column, to))
    out.set(bytes, at)
    at += bytes.length
  }
  out.writeUInt32LE(crc32(out.subarray(4)), 0)
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
  const readEnds = (): Int32Array => {
    // Stored bytes lie at any address; typed arrays need theirs aligned. All platforms of Node are little endian.
    const ends = new Int32Array(count)
    new Uint8Array(ends.buffer).set(view.subarray(at, at + count * 4))
    at += count * 4
    return ends
  }
  const keyEnds = readEnds()
  const valueEnds = readEnds()
  const take = (size: number): Uint8Array => {
    at += size
    return view.subarray(at - size, at)
  }
  const keyNulls = (flags & 1) === 0 ? undefined : take(count)
  const valueNulls = (flags & 2) === 0 ? undefined : take(count)
  const keys = { data: take(sizes[0]), ends: keyEnds }
  const values = { data: take(sizes[1]), ends: valueEnds }
  if (at !== view.length) return undefined
  return {
    base,
    count,
    timestamp: view.readDoubleLE(28),
    keys: keyNulls === undefined ? keys : { ...keys, nulls: keyNulls },
    values: valueNulls === undefined ? values : { ...values, nulls: valueNulls }
  }
}

/** A short text with its checksum in front, for the log's own notes. */
export const encodeNote = (text: string): Buffer =>
  Buffer.from(`${crc32(Buffer.from(text)).toString(16).padStart(8, "0")} ${text}`)

/** The text of a note, or undefined when it is not what was written. */
export const decodeNote = (bytes: Uint8Array): string | undefined => {
  const text = Buffer.from(bytes).toString("utf8")
  return encodeNote(text.slice(9)).equals(bytes) ? text.slice(9) : undefined
}
