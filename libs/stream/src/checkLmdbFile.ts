import { Buffer } from "node:buffer"
import fs from "node:fs"

/*
 * LMDB maps its file into memory and follows the page numbers in it: a file that was cut short ends the process with
 * SIGBUS, a damaged tree page with SIGSEGV, and neither can be caught. So the file is looked at before it is opened.
 * Layout as in lmdb-js's LMDB (mdb.c, data version 2): page header {pgno u64, txnid u64, pad u16, flags u16, lower u16,
 * upper u16}; pages 0 and 1 hold the two meta records, the one with the higher txnid counts.
 */
const pageHeader = 24
const magic = 0xbeefc0de
const dataVersion = 2
const metaBytes = 200

interface Meta {
  readonly pageSize: number
  readonly lastPage: number
  readonly transaction: number
}

const readMeta = (bytes: Buffer): Meta | undefined => {
  if (bytes.length < metaBytes || bytes.readUInt32LE(pageHeader) !== magic) return undefined
  if ((bytes.readUInt32LE(pageHeader + 4) & 0xffff) !== dataVersion) return undefined
  return {
    pageSize: bytes.readUInt32LE(pageHeader + 24),
    lastPage: Number(bytes.readBigUInt64LE(pageHeader + 120)),
    transaction: Number(bytes.readBigUInt64LE(pageHeader + 128))
  }
}

const readAt = (handle: number, position: number, length: number): Buffer => {
  const bytes = Buffer.alloc(length)
  return bytes.subarray(0, fs.readSync(handle, bytes, 0, length, position))
}

/** Throws an Error that says what is wrong with an LMDB data file. A file that does not exist yet is fine. */
export const checkLmdbFile = (file: string): void => {
  let handle: number
  try {
    handle = fs.openSync(file, "r")
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return
    throw cause
  }
  try {
    // A log that is being made by another process is empty for a moment.
    if (fs.fstatSync(handle).size === 0) return
    const first = readMeta(readAt(handle, 0, metaBytes))
    if (first === undefined) throw new Error("it is no LMDB file, or its beginning is damaged")
    const { pageSize } = first
    if (pageSize < 512 || pageSize > 65536 || (pageSize & (pageSize - 1)) !== 0) {
      throw new Error("it is damaged: its page size is impossible")
    }
    const second = readMeta(readAt(handle, pageSize, metaBytes))
    if (second === undefined) throw new Error("it is damaged: its second page is wrong")
    const meta = first.transaction > second.transaction ? first : second
    const size = fs.fstatSync(handle).size
    const expected = (meta.lastPage + 1) * pageSize
    if (size < expected) {
      throw new Error(`it is damaged: it was cut short to ${size} of at least ${expected} bytes`)
    }
  } finally {
    fs.closeSync(handle)
  }
}
