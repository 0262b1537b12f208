import { Buffer } from "node:buffer"
import fs from "node:fs"

/*
 * LMDB maps its file into memory and follows the page numbers in it: a file that was cut short ends the process with
 * SIGBUS, a damaged tree page with SIGSEGV, and neither can be caught. So meta and tree pages are looked at before the
 * file is opened; the values themselves carry checksums of ours (batchCodec.ts). What is damaged while the log is open
 * cannot be caught.
 *
 * Layout as in lmdb-js's LMDB (mdb.c, data version 2), little endian:
 *   page    0 u64 page number   8 u64 txnid   18 u16 flags   20 u16 lower   22 u16 upper   24 u16[] node positions
 *   meta    (pages 0 and 1, at 24; the higher txnid counts)  0 u32 magic   4 u32 version   24 free table   72 main table
 *           120 u64 last page   128 u64 txnid
 *   table   (the free table's first field is the page size)   0 u32 page size   6 u16 depth   40 u64 root page
 *   node    0 u16 low   2 u16 high   4 u16 flags   6 u16 key size   8 key, data; positions count from byte 24
 */
const pageHeader = 24
const magic = 0xbeefc0de
const dataVersion = 2
const metaBytes = 200
const branchFlag = 1
const leafFlag = 2
const bigDataFlag = 1
const noPage = 0xffff_ffff_ffff_ffffn

interface Table {
  readonly depth: number
  readonly root: bigint
}
interface Meta {
  readonly pageSize: number
  readonly lastPage: number
  readonly transaction: number
  readonly tables: ReadonlyArray<Table>
}

const damaged = (what: string): Error => new Error(`it is damaged: ${what}`)

const readAt = (handle: number, position: number, length: number): Buffer => {
  const bytes = Buffer.alloc(length)
  return bytes.subarray(0, fs.readSync(handle, bytes, 0, length, position))
}

const readMeta = (bytes: Buffer): Meta | undefined => {
  if (bytes.length < metaBytes || bytes.readUInt32LE(pageHeader) !== magic) return undefined
  if ((bytes.readUInt32LE(pageHeader + 4) & 0xffff) !== dataVersion) return undefined
  return {
    pageSize: bytes.readUInt32LE(pageHeader + 24),
    lastPage: Number(bytes.readBigUInt64LE(pageHeader + 120)),
    transaction: Number(bytes.readBigUInt64LE(pageHeader + 128)),
    tables: [24, 72].map((at) => ({
      depth: bytes.readUInt16LE(pageHeader + at + 6),
      root: bytes.readBigUInt64LE(pageHeader + at + 40)
    }))
  }
}

const currentMeta = (handle: number): Meta => {
  const first = readMeta(readAt(handle, 0, metaBytes))
  if (first === undefined) throw new Error("it is no LMDB file, or its beginning is damaged")
  const { pageSize } = first
  if (pageSize < 512 || pageSize > 65536 || (pageSize & (pageSize - 1)) !== 0) {
    throw damaged("its page size is impossible")
  }
  const second = readMeta(readAt(handle, pageSize, metaBytes))
  if (second === undefined || second.pageSize !== pageSize) throw damaged("its second page is wrong")
  // Each commit writes the meta page that the one before did not.
  if (Math.abs(first.transaction - second.transaction) > 1)
    throw damaged("its first two pages do not fit together")
  return first.transaction > second.transaction ? first : second
}

/** Checks the pages of one tree: each where it should be, everything that they point to within the file. */
const checkTree = (handle: number, meta: Meta, table: Table): void => {
  const { lastPage, pageSize } = meta
  const room = pageSize - pageHeader
  const seen = new Set<number>()

  const visit = (number: number, depth: number): void => {
    if (number < 2 || number > lastPage || seen.has(number)) throw damaged(`it points to page ${number}`)
    seen.add(number)
    const wrong = () => damaged(`page ${number}, at byte ${number * pageSize}, is not what was written`)
    const page = readAt(handle, number * pageSize, pageSize)
    if (page.length < pageSize || page.readBigUInt64LE(0) !== BigInt(number)) throw wrong()
    const flags = page.readUInt16LE(18) & 0xff
    const lower = page.readUInt16LE(20)
    const upper = page.readUInt16LE(22)
    if (flags !== (depth === 1 ? leafFlag : branchFlag)) throw wrong()
    if ((lower & 1) !== 0 || lower > upper || upper > room || lower === 0) throw wrong()
    for (let i = 0; i < lower; i += 2) {
      const position = page.readUInt16LE(pageHeader + i)
      if (position < upper || position + 8 > room) throw wrong()
      const node = page.subarray(pageHeader + position)
      const low = node.readUInt32LE(0)
      const nodeFlags = node.readUInt16LE(4)
      const data = 8 + node.readUInt16LE(6)
      if (data > node.length) throw wrong()
      if (depth > 1) visit(low + nodeFlags * 2 ** 32, depth - 1)
      else if (nodeFlags === bigDataFlag) {
        if (data + 24 > node.length) throw wrong()
        const first = Number(node.readBigUInt64LE(data))
        const pages = Number(node.readBigUInt64LE(data + 16))
        if (first < 2 || first + pages - 1 > lastPage || low + pageHeader > pages * pageSize) throw wrong()
      } else if (nodeFlags !== 0 || data + low > node.length) throw wrong()
    }
  }

  if (table.root === noPage) return
  if (table.depth < 1 || table.depth > 32) throw damaged("the depth of its tree is impossible")
  visit(Number(table.root), table.depth)
}

/** Each commit of ours writes the main table's root page anew: another txnid there tells of a damaged meta page. */
const checkRoot = (handle: number, { pageSize, tables, transaction }: Meta): void => {
  const { root } = tables[1]
  if (root === noPage) return
  const page = readAt(handle, Number(root) * pageSize, pageHeader)
  if (page.length < pageHeader || Number(page.readBigUInt64LE(8)) !== transaction) {
    throw damaged("its first pages name another state than the last one")
  }
}

const checkState = (handle: number): void => {
  const meta = currentMeta(handle)
  const size = fs.fstatSync(handle).size
  const expected = (meta.lastPage + 1) * meta.pageSize
  if (size < expected) throw damaged(`it was cut short to ${size} of at least ${expected} bytes`)
  for (const table of meta.tables) checkTree(handle, meta, table)
  checkRoot(handle, meta)
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
    // A log that another process is just making is empty for a moment.
    if (fs.fstatSync(handle).size === 0) return
    for (let attempts = 1; ; attempts++) {
      const before = readAt(handle, 0, 2 * 65536)
      try {
        checkState(handle)
        return
      } catch (cause) {
        // Another process may write meanwhile and use the pages of an older state again: then look anew.
        if (attempts >= 10 || readAt(handle, 0, 2 * 65536).equals(before)) throw cause
      }
    }
  } finally {
    fs.closeSync(handle)
  }
}
