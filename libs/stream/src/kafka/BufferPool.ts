import { Buffer } from "node:buffer"

/** Smaller ones are not worth keeping. */
const leastBytes = 64 << 10
/** Larger ones, of single huge records, are not kept. */
const mostBytes = 8 << 20

/**
 * Memory of large answers and of what is kept of them, used again once they are used up. Each would else be garbage
 * outside of V8's heap, of which it knows no other measure than to collect the whole heap.
 */
export class BufferPool {
  private readonly keptBytes: number
  private freeBytes = 0
  private readonly free: Array<ArrayBuffer> = []
  /** How many hold each. */
  private readonly lent = new WeakMap<ArrayBufferLike, number>()

  /** `keptBytes`: of memory that nobody holds, no more is kept. */
  constructor(keptBytes: number) {
    this.keptBytes = keptBytes
  }

  /** So many bytes, whatever they hold. */
  take(size: number): Buffer {
    if (size < leastBytes || size > mostBytes) return Buffer.allocUnsafeSlow(size)
    const found = this.free.findIndex(({ byteLength }) => byteLength >= size)
    // Powers of two, so that an answer somewhat larger than the last one finds room; pages that nobody touches cost nothing.
    const memory =
      found < 0 ? new ArrayBuffer(2 ** Math.ceil(Math.log2(size))) : this.free.splice(found, 1)[0]
    if (found >= 0) this.freeBytes -= memory.byteLength
    this.lent.set(memory, 1)
    return Buffer.from(memory, 0, size)
  }

  /** One more holds the memory that these bytes are part of: it is to be given back once more. */
  hold({ buffer }: Uint8Array): void {
    const holders = this.lent.get(buffer)
    if (holders !== undefined) this.lent.set(buffer, holders + 1)
  }

  /**
   * Whoever took or holds the memory that these bytes are part of does not read it any more. What was not taken from here
   * is left alone.
   */
  give({ buffer }: Uint8Array): void {
    const holders = this.lent.get(buffer)
    if (!(buffer instanceof ArrayBuffer) || holders === undefined) return
    if (holders > 1) this.lent.set(buffer, holders - 1)
    else {
      this.lent.delete(buffer)
      if (this.freeBytes + buffer.byteLength > this.keptBytes) return
      this.free.push(buffer)
      this.freeBytes += buffer.byteLength
    }
  }
}
