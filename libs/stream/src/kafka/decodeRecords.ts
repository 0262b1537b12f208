import type { BytesColumn, LogBatch } from "@musify/domain/RecordBatch.ts"
import { Buffer } from "node:buffer"
import { decompress } from "./compression.ts"
import {
  attributesOf,
  baseOffsetOf,
  compressionMask,
  firstTimestampOf,
  headerBytes,
  largestTimestampOf,
  logAppendTimeBit,
  recordCountOf
} from "./recordBatchHeader.ts"

/** The records of one batch, no longer compressed. */
export interface RecordSection {
  readonly count: number
  readonly baseOffset: number
  readonly firstTimestamp: number
  /** The time of all records, where the broker stamps them; else undefined. */
  readonly appendTime: number | undefined
  readonly bytes: Buffer
}

/** Unpacks a record batch (a whole one, of format 2). */
export const recordSection = (batch: Buffer): RecordSection => {
  const attributes = attributesOf(batch, 0)
  return {
    count: recordCountOf(batch, 0),
    baseOffset: baseOffsetOf(batch, 0),
    firstTimestamp: firstTimestampOf(batch, 0),
    appendTime: (attributes & logAppendTimeBit) !== 0 ? largestTimestampOf(batch, 0) : undefined,
    bytes: decompress(attributes & compressionMask, batch.subarray(headerBytes))
  }
}

/** Where a loop over bytes is; module variables, since an object per number read would cost more than the reading. */
let at = 0

const varint = (bytes: Buffer): number => {
  let byte = bytes[at++]
  if (byte < 128) return (byte >>> 1) ^ -(byte & 1)
  let value = byte & 127
  let shift = 7
  do {
    byte = bytes[at++]
    value |= (byte & 127) << shift
    shift += 7
  } while (byte > 127 && shift < 35)
  return (value >>> 1) ^ -(value & 1)
}

/** A varint of up to 64 bits; exact up to 2^53. */
const varlong = (bytes: Buffer): number => {
  let byte = bytes[at]
  if (byte < 128) {
    at++
    return (byte >>> 1) ^ -(byte & 1)
  }
  let value = 0
  let scale = 1
  do {
    byte = bytes[at++]
    value += (byte & 127) * scale
    scale *= 128
  } while (byte > 127 && scale < 2 ** 70)
  return value % 2 === 0 ? value / 2 : -(value + 1) / 2
}

/** Bytes of a column that grow with it. */
class Growing {
  private bytes: Buffer
  private view: DataView
  size = 0
  constructor(capacity: number) {
    this.bytes = Buffer.allocUnsafeSlow(capacity + wordSlack)
    this.view = viewOf(this.bytes)
  }
  room(size: number): void {
    const needed = this.size + size + wordSlack
    if (needed <= this.bytes.length) return
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, 2 * this.bytes.length))
    this.bytes.copy(larger, 0, 0, this.size)
    this.bytes = larger
    this.view = viewOf(larger)
  }
  /** Short texts are copied faster by a loop, four bytes at a time, than by a call. There must be room. */
  put(from: Buffer, fromView: DataView, start: number, end: number): void {
    const { size, view } = this
    const length = end - start
    if (length > 128 || end + wordSlack > from.length) from.copy(this.bytes, size, start, end)
    else for (let i = 0; i < length; i += 4) view.setInt32(size + i, fromView.getInt32(start + i, true), true)
    this.size = size + length
  }
  /** Four bytes, little endian. There must be room. */
  putLength(length: number): void {
    this.view.setInt32(this.size, length, true)
    this.size += 4
  }
  column(ends: Int32Array, nulls: Uint8Array | undefined): BytesColumn {
    const data = this.bytes.subarray(0, this.size)
    return nulls === undefined ? { data, ends } : { data, ends, nulls }
  }
}

/** Bytes behind a text that a copy by words may read and write. */
const wordSlack = 3

const viewOf = ({ buffer, byteLength, byteOffset }: Buffer): DataView =>
  new DataView(buffer, byteOffset, byteLength)

/**
 * The records of sections, in offset order, from offset `from` on, as columns. `values` gets the values: it is as large
 * as all sections, and may be where they are, since values only move towards its start. Throws a RangeError when the
 * bytes are no records.
 */
export const decodeRecords = (
  sections: ReadonlyArray<RecordSection>,
  from: number,
  values: Buffer
): LogBatch => {
  let most = 0
  for (const { count } of sections) most += count
  const offsets = new Float64Array(most)
  const timestamps = new Float64Array(most)
  const keyEnds = new Int32Array(most)
  const valueEnds = new Int32Array(most)
  let keyNulls: Uint8Array | undefined
  let valueNulls: Uint8Array | undefined
  let headerEnds: Int32Array | undefined
  let keys: Growing | undefined
  let headers: Growing | undefined
  // Where values move within their memory it is addressed as a whole: a call without an object per record.
  const memory = new Uint8Array(values.buffer)
  let valueSize = 0
  let count = 0

  for (const section of sections) {
    const { appendTime, baseOffset, bytes, firstTimestamp } = section
    const isInPlace = bytes.buffer === values.buffer
    const view = viewOf(bytes)
    at = 0
    for (let r = 0; r < section.count; r++) {
      const length = varint(bytes)
      const end = at + length
      if (length < 0 || end > bytes.length) throw new RangeError("a record is longer than its batch")
      at++
      const timestamp = firstTimestamp + varlong(bytes)
      const offset = baseOffset + varint(bytes)
      if (offset < from) {
        at = end
        continue
      }
      offsets[count] = offset
      timestamps[count] = appendTime ?? timestamp
      const keyLength = varint(bytes)
      if (keyLength >= 0) {
        if (at + keyLength > end) throw new RangeError("a key is longer than its record")
        // Those of the others are about as long.
        keys ??= new Growing(Math.min(values.length, keyLength * (most - count)))
        keys.room(keyLength)
        keys.put(bytes, view, at, at + keyLength)
        at += keyLength
      } else (keyNulls ??= new Uint8Array(most))[count] = 1
      keyEnds[count] = keys?.size ?? 0
      const valueLength = varint(bytes)
      if (valueLength >= 0) {
        if (at + valueLength > end) throw new RangeError("a value is longer than its record")
        if (isInPlace) {
          const start = bytes.byteOffset + at
          memory.copyWithin(values.byteOffset + valueSize, start, start + valueLength)
        } else bytes.copy(values, valueSize, at, at + valueLength)
        valueSize += valueLength
        at += valueLength
      } else (valueNulls ??= new Uint8Array(most))[count] = 1
      valueEnds[count] = valueSize
      const headerCount = varint(bytes)
      if (headerCount > 0) {
        headerEnds ??= new Int32Array(most)
        if (headerCount > end - at) throw new RangeError("a record has more headers than bytes")
        headers ??= new Growing(Math.min(values.length, (end - at + 8 * headerCount) * (most - count)))
        putHeaders(headers, bytes, view, headerCount, end)
      }
      if (headerEnds !== undefined) headerEnds[count] = headers?.size ?? 0
      if (at !== end) throw new RangeError("a record does not end where it should")
      count++
    }
  }
  return {
    count,
    offsets: offsets.subarray(0, count),
    timestamps: timestamps.subarray(0, count),
    keys: (keys ?? new Growing(0)).column(keyEnds.subarray(0, count), keyNulls?.subarray(0, count)),
    values: {
      data: values.subarray(0, valueSize),
      ends: valueEnds.subarray(0, count),
      ...(valueNulls === undefined ? {} : { nulls: valueNulls.subarray(0, count) })
    },
    ...(headerEnds === undefined || headers === undefined
      ? {}
      : { headers: headers.column(headerEnds.subarray(0, count), undefined) })
  }
}

/** As `encodeHeaders` (recordHeaders.ts) writes them; a header without a value gets an empty one. They end before `end`. */
const putHeaders = (headers: Growing, bytes: Buffer, view: DataView, count: number, end: number): void => {
  headers.room(end - at + 8 * count)
  for (let i = 0; i < 2 * count; i++) {
    const length = Math.max(0, varint(bytes))
    if (at + length > end) throw new RangeError("a header is longer than its record")
    headers.putLength(length)
    headers.put(bytes, view, at, at + length)
    at += length
  }
}
