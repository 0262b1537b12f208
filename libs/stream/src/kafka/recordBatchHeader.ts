import type { Buffer } from "node:buffer"

/*
 * The head of a record batch (format 2), big endian:
 *   0 i64 base offset   8 i32 bytes that follow   12 i32 leader epoch   16 i8 format   17 u32 CRC-32C of all that follows
 *   21 i16 attributes   23 i32 last offset - base   27 i64 first timestamp   35 i64 largest timestamp
 *   43 i64 producer id   51 i16 producer epoch   53 i32 first sequence number   57 i32 records   61 records
 */
export const headerBytes = 61
export const formatAt = 16
export const crcAt = 17
export const attributesAt = 21

export const compressionMask = 7
export const logAppendTimeBit = 8
export const transactionalBit = 16
export const controlBit = 32

const int64 = (bytes: Buffer, at: number): number =>
  bytes.readInt32BE(at) * 2 ** 32 + bytes.readUInt32BE(at + 4)

/** Size of the batch at `at`, or undefined when its end is cut off. */
export const batchSizeAt = (bytes: Buffer, at: number): number | undefined => {
  if (bytes.length - at < headerBytes) return undefined
  const size = 12 + bytes.readInt32BE(at + 8)
  return size <= bytes.length - at ? size : undefined
}

export const formatOf = (bytes: Buffer, at: number): number => bytes[at + formatAt]
export const baseOffsetOf = (bytes: Buffer, at: number): number => int64(bytes, at)
/** Of the last record that the batch ever had; compaction may have taken it since. */
export const lastOffsetOf = (bytes: Buffer, at: number): number =>
  int64(bytes, at) + bytes.readInt32BE(at + 23)
export const attributesOf = (bytes: Buffer, at: number): number => bytes.readInt16BE(at + attributesAt)
export const firstTimestampOf = (bytes: Buffer, at: number): number => int64(bytes, at + 27)
export const largestTimestampOf = (bytes: Buffer, at: number): number => int64(bytes, at + 35)
export const producerIdOf = (bytes: Buffer, at: number): number => int64(bytes, at + 43)
export const recordCountOf = (bytes: Buffer, at: number): number => bytes.readInt32BE(at + 57)
