import { isRefused, openDirect, pageBytes, pageMemory } from "@musify/runtime/directAccess.ts"
import * as fs from "node:fs"

const stageBytes = 1 << 20

/**
 * A file that is written from a place on, past the page cache where the system can (O_DIRECT): back-fills write files
 * far larger than what anyone reads next, and copying them into the cache costs as much as making the events. Bytes wait
 * until a stage is full or `flush` is called. Where direct writing is refused, the file is written as usual.
 */
export class DirectFile {
  /** Of the file, for waiting until what was written is on the disk. */
  readonly descriptor: number
  private direct: number | undefined
  private readonly stage = pageMemory(stageBytes)
  /** Offset in the file of the stage's first byte, aligned. */
  private base: number
  private staged: number
  /** Of them are in the file already: the rest of a stage of which some are there is written as usual. */
  private flushed: number

  /** Opens `path`, whose first `bytes` bytes stay; the file is cut there. */
  constructor(path: string, bytes: number) {
    this.descriptor = fs.openSync(path, bytes === 0 ? "w+" : "r+")
    fs.ftruncateSync(this.descriptor, bytes)
    this.direct = openDirect(path, "write")
    this.base = bytes - (bytes % pageBytes)
    this.staged = bytes - this.base
    this.flushed = this.staged
    if (this.staged > 0) readFully(this.descriptor, this.stage, this.staged, this.base)
  }

  write(data: Uint8Array): void {
    for (let from = 0; from < data.length;) {
      const count = Math.min(data.length - from, stageBytes - this.staged)
      this.stage.set(data.subarray(from, from + count), this.staged)
      this.staged += count
      from += count
      if (this.staged === stageBytes) this.writeStage()
    }
  }

  /** Writes what waits. */
  flush(): void {
    writeFully(this.descriptor, this.stage, this.flushed, this.staged, this.base)
    this.flushed = this.staged
  }

  close(): void {
    if (this.direct !== undefined) fs.closeSync(this.direct)
    fs.closeSync(this.descriptor)
  }

  private writeStage(): void {
    if (this.direct !== undefined && this.flushed === 0) {
      try {
        writeFully(this.direct, this.stage, 0, stageBytes, this.base)
        this.flushed = stageBytes
      } catch (cause) {
        if (!isRefused(cause)) throw cause
        fs.closeSync(this.direct)
        this.direct = undefined
      }
    }
    this.flush()
    this.base += stageBytes
    this.staged = 0
    this.flushed = 0
  }
}

/** Writes bytes [from, to) of `data`, whose first byte belongs at `at`. */
const writeFully = (descriptor: number, data: Uint8Array, from: number, to: number, at: number): void => {
  while (from < to) from += fs.writeSync(descriptor, data, from, to - from, at + from)
}

const readFully = (descriptor: number, into: Uint8Array, bytes: number, at: number): void => {
  for (let from = 0; from < bytes;) {
    const read = fs.readSync(descriptor, into, from, bytes - from, at + from)
    if (read === 0) throw new Error("The file is shorter than it was.")
    from += read
  }
}
