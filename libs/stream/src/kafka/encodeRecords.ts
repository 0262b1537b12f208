import type { RecordBatch } from "@musify/domain/RecordBatch.ts"
import { Buffer } from "node:buffer"
import { compress } from "./compression.ts"
import { crc32c } from "./crc32c.ts"
import type { KafkaCompression } from "./KafkaSettings.ts"
import { attributesAt, crcAt, formatAt, headerBytes } from "./recordBatchHeader.ts"

/** Who writes, and how many records it wrote to the partition before: Kafka drops a batch that it has already. */
export interface Sequence {
  readonly producerId: number
  readonly producerEpoch: number
  readonly first: number
}

const startOf = (ends: Int32Array, index: number): number => (index === 0 ? 0 : ends[index - 1])

/** Bytes of a zig-zag varint of a whole number from -1 to 2^31 - 1. */
const varintSize = (value: number): number => {
  const zigzag = (value << 1) ^ (value >> 31)
  return zigzag >>> 0 < 128 ? 1 : Math.ceil((32 - Math.clz32(zigzag)) / 7)
}

let at = 0

const putVarint = (out: Buffer, value: number): void => {
  let zigzag = ((value << 1) ^ (value >> 31)) >>> 0
  while (zigzag > 127) {
    out[at++] = (zigzag & 127) | 128
    zigzag >>>= 7
  }
  out[at++] = zigzag
}

const putBytes = (out: Buffer, from: Uint8Array, start: number, end: number): void => {
  if (end - start > 64) {
    out.set(from.subarray(start, end), at)
    at += end - start
  } else for (let i = start; i < end; i++) out[at++] = from[i]
}

/** Headers as `encodeHeaders` writes them: names and values, each after its length. Answers how many parts there are. */
const headerSizes = (
  bytes: Uint8Array,
  start: number,
  end: number
): { readonly parts: number; readonly size: number } => {
  let parts = 0
  let size = 0
  for (let i = start; i < end; parts++) {
    const length = bytes[i] | (bytes[i + 1] << 8) | (bytes[i + 2] << 16) | (bytes[i + 3] << 24)
    size += varintSize(length) + length
    i += 4 + length
  }
  return { parts, size }
}

/** Records `from` to `to` (exclusive) as a record batch of Kafka (format 2). `time`: of all of them, epoch ms. */
export const encodeRecords = (
  records: RecordBatch,
  from: number,
  to: number,
  time: number,
  compression: KafkaCompression,
  { first, producerEpoch, producerId }: Sequence
): Buffer => {
  const { headers, keys, values } = records
  const count = to - from
  const bytes =
    startOf(keys.ends, to) -
    startOf(keys.ends, from) +
    startOf(values.ends, to) -
    startOf(values.ends, from) +
    (headers === undefined ? 0 : startOf(headers.ends, to) - startOf(headers.ends, from))
  // A record has at most 29 bytes around its own; lengths of headers are never longer as varints than as four bytes + 1.
  const out = Buffer.allocUnsafeSlow(
    headerBytes + bytes + 32 * count + (headers === undefined ? 0 : bytes >>> 2)
  )
  at = headerBytes
  for (let i = from; i < to; i++) {
    const keyStart = startOf(keys.ends, i)
    const keyLength = keys.nulls?.[i] === 1 ? -1 : keys.ends[i] - keyStart
    const valueStart = startOf(values.ends, i)
    const valueLength = values.nulls?.[i] === 1 ? -1 : values.ends[i] - valueStart
    const headerStart = headers === undefined ? 0 : startOf(headers.ends, i)
    const headerEnd = headers === undefined ? 0 : headers.ends[i]
    const own = headers === undefined ? noHeaders : headerSizes(headers.data, headerStart, headerEnd)
    const size =
      2 +
      varintSize(i - from) +
      varintSize(keyLength) +
      Math.max(0, keyLength) +
      varintSize(valueLength) +
      Math.max(0, valueLength) +
      varintSize(own.parts >>> 1) +
      own.size
    putVarint(out, size)
    out[at++] = 0 // attributes
    out[at++] = 0 // time, after the batch's
    putVarint(out, i - from)
    putVarint(out, keyLength)
    if (keyLength > 0) putBytes(out, keys.data, keyStart, keyStart + keyLength)
    putVarint(out, valueLength)
    if (valueLength > 0) putBytes(out, values.data, valueStart, valueStart + valueLength)
    putVarint(out, own.parts >>> 1)
    if (headers !== undefined) putHeaders(out, headers.data, headerStart, headerEnd)
  }
  const [code, packed] = compress(compression, out.subarray(headerBytes, at))
  const batch =
    packed === undefined ? out.subarray(0, at) : Buffer.concat([out.subarray(0, headerBytes), packed])
  batch.writeBigInt64BE(0n, 0) // the broker gives the offset
  batch.writeInt32BE(batch.length - 12, 8)
  batch.writeInt32BE(-1, 12)
  batch[formatAt] = 2
  batch.writeInt16BE(code, attributesAt)
  batch.writeInt32BE(count - 1, 23)
  batch.writeBigInt64BE(BigInt(Math.floor(time)), 27)
  batch.writeBigInt64BE(BigInt(Math.floor(time)), 35)
  batch.writeBigInt64BE(BigInt(producerId), 43)
  batch.writeInt16BE(producerEpoch, 51)
  batch.writeInt32BE(first, 53)
  batch.writeInt32BE(count, 57)
  batch.writeUInt32BE(crc32c(batch, attributesAt), crcAt)
  return batch
}

const noHeaders = { parts: 0, size: 0 }

const putHeaders = (out: Buffer, bytes: Uint8Array, start: number, end: number): void => {
  for (let i = start; i < end;) {
    const length = bytes[i] | (bytes[i + 1] << 8) | (bytes[i + 2] << 16) | (bytes[i + 3] << 24)
    putVarint(out, length)
    putBytes(out, bytes, i + 4, i + 4 + length)
    i += 4 + length
  }
}
