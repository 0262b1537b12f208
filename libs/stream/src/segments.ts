import { isRefused, openDirect, pageBytes, pageMemory, wholePages } from "@musify/runtime/directAccess.ts"
import { Buffer } from "node:buffer"
import fs from "node:fs"
import path from "node:path"
import { promisify } from "node:util"

/*
 * Segments are files of stored batches (batchCodec.ts), each beginning at a byte that LMDB knows and nobody else. They
 * are written and read past the page cache, where large appends cost a third of what they cost in LMDB's own file. A
 * segment is written by one process, the one that made it, from its begin on: what a killed process left behind its last
 * reference is never read.
 */

const write = promisify(fs.write)
const fdatasync = promisify(fs.fdatasync)

const fileOf = (folder: string, segment: number): string =>
  path.join(folder, `${String(segment).padStart(8, "0")}.segment`)

/** Where a stored batch lies in its segment. */
export interface Place {
  readonly at: number
  readonly bytes: number
}

/** A segment being written, in whole pages. */
export class SegmentWriter {
  readonly number: number
  /** Where the next write goes. A writer may go back to where it was before writes that nobody knows of. */
  position = 0
  private descriptor: number
  private isDirect: boolean

  /** Makes the segment's file, which must not be there. */
  constructor(folder: string, segment: number) {
    this.number = segment
    fs.mkdirSync(folder, { recursive: true })
    const file = fileOf(folder, segment)
    this.descriptor = fs.openSync(file, "wx")
    const direct = openDirect(file, "write")
    this.isDirect = direct !== undefined
    if (direct !== undefined) {
      fs.closeSync(this.descriptor)
      this.descriptor = direct
    }
    // The name must last before anything refers to it.
    const directory = fs.openSync(folder, "r")
    fs.fsyncSync(directory)
    fs.closeSync(directory)
    this.file = file
  }
  readonly file: string

  /** Appends the first `bytes` bytes of `memory` (`pageMemory`, filled up with zeros to whole pages). */
  async write(memory: Buffer, bytes: number): Promise<void> {
    const end = wholePages(bytes)
    memory.fill(0, bytes, end)
    for (let from = 0; from < end;) {
      try {
        const { bytesWritten } = await write(this.descriptor, memory, from, end - from, this.position + from)
        from += bytesWritten
      } catch (cause) {
        if (!this.isDirect || !isRefused(cause)) throw cause
        fs.closeSync(this.descriptor)
        this.isDirect = false
        this.descriptor = fs.openSync(this.file, "r+")
      }
    }
    this.position += end
  }

  /** Waits until everything written is on the disk. */
  sync(): Promise<void> {
    return fdatasync(this.descriptor)
  }

  close(): void {
    fs.closeSync(this.descriptor)
  }
}

/** How many segments a reader keeps open. */
const openSegments = 8

/** Reads stored batches out of segments. */
export class SegmentReader {
  private readonly folder: string
  private memory = pageMemory(1 << 20)
  /** Descriptors by segment, the one used last at the end. */
  private readonly open = new Map<number, { readonly descriptor: number; readonly isDirect: boolean }>()

  constructor(folder: string) {
    this.folder = folder
  }

  /** Name of a segment's file. */
  fileOf(segment: number): string {
    return fileOf(this.folder, segment)
  }

  /** The bytes at a place; fewer when the segment ends before. Fails with ENOENT when it is not there. */
  read(segment: number, { at, bytes }: Place): Buffer {
    const skipped = at % pageBytes
    const wanted = wholePages(skipped + bytes)
    if (this.memory.length < wanted) this.memory = pageMemory(wanted)
    let got = 0
    while (got < skipped + bytes) {
      const read = this.readPages(segment, got, wanted - got, at - skipped + got)
      if (read === 0) break
      got += read
    }
    return Buffer.from(this.memory.subarray(skipped, Math.min(skipped + bytes, got)))
  }

  close(): void {
    for (const { descriptor } of this.open.values()) fs.closeSync(descriptor)
    this.open.clear()
  }

  private readPages(segment: number, into: number, bytes: number, at: number): number {
    const { descriptor, isDirect } = this.descriptorOf(segment)
    try {
      return fs.readSync(descriptor, this.memory, into, bytes, at)
    } catch (cause) {
      if (!isDirect || !isRefused(cause)) throw cause
      fs.closeSync(descriptor)
      this.open.set(segment, { descriptor: fs.openSync(this.fileOf(segment), "r"), isDirect: false })
      return this.readPages(segment, into, bytes, at)
    }
  }

  private descriptorOf(segment: number): { readonly descriptor: number; readonly isDirect: boolean } {
    const known = this.open.get(segment)
    if (known !== undefined) {
      this.open.delete(segment)
      this.open.set(segment, known)
      return known
    }
    for (const [oldest, { descriptor }] of this.open) {
      if (this.open.size < openSegments) break
      fs.closeSync(descriptor)
      this.open.delete(oldest)
    }
    const file = this.fileOf(segment)
    const direct = openDirect(file, "read")
    const made =
      direct === undefined
        ? { descriptor: fs.openSync(file, "r"), isDirect: false }
        : { descriptor: direct, isDirect: true }
    this.open.set(segment, made)
    return made
  }
}

/** Removes the files of all segments but those that are still known. */
export const removeSegments = (folder: string, isKnown: (segment: number) => boolean): void => {
  if (!fs.existsSync(folder)) return
  for (const name of fs.readdirSync(folder)) {
    if (name.endsWith(".segment") && !isKnown(Number.parseInt(name, 10))) fs.rmSync(path.join(folder, name))
  }
}
