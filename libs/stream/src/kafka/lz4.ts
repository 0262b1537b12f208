import { Buffer } from "node:buffer"

/* LZ4 frames (github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md). Their checksums are not looked at: Kafka has its own. */

const magic = 0x184d2204
const independentBit = 0x20
const blockChecksumBit = 0x10
const contentSizeBit = 0x08
const dictionaryBit = 0x01

class Output {
  bytes: Buffer
  size = 0
  constructor(capacity: number) {
    this.bytes = Buffer.allocUnsafeSlow(capacity)
  }
  room(length: number): void {
    if (this.size + length <= this.bytes.length) return
    const larger = Buffer.allocUnsafeSlow(Math.max(this.size + length, 2 * this.bytes.length))
    this.bytes.copy(larger, 0, 0, this.size)
    this.bytes = larger
  }
}

/** Unpacks a block to the end of `out`; copies may reach back to `from`. */
const unpackBlock = (block: Buffer, out: Output, from: number): void => {
  let at = 0
  const longer = (length: number): number => {
    let total = length
    for (let byte = 255; byte === 255; total += byte) {
      if (at >= block.length) throw new RangeError("damaged LZ4 block")
      byte = block[at++]
    }
    return total
  }
  while (at < block.length) {
    const token = block[at++]
    const literals = token >>> 4 === 15 ? longer(15) : token >>> 4
    if (at + literals > block.length) throw new RangeError("damaged LZ4 block")
    out.room(literals)
    out.size += block.copy(out.bytes, out.size, at, at + literals)
    at += literals
    if (at === block.length) return
    const distance = block.readUInt16LE(at)
    at += 2
    const length = ((token & 15) === 15 ? longer(15) : token & 15) + 4
    if (distance === 0 || out.size - distance < from) throw new RangeError("damaged LZ4 block")
    out.room(length)
    const { bytes } = out
    let to = out.size
    for (const end = to + length; to < end; to++) bytes[to] = bytes[to - distance]
    out.size = to
  }
}

/** Unpacks a frame. Throws a RangeError when it is none. */
export const unpackLz4 = (frame: Buffer): Buffer => {
  if (frame.readUInt32LE(0) !== magic) throw new RangeError("no LZ4 frame")
  const flags = frame[4]
  let at = 7 + ((flags & contentSizeBit) === 0 ? 0 : 8) + ((flags & dictionaryBit) === 0 ? 0 : 4)
  const out = new Output(4 * frame.length)
  while (true) {
    const head = frame.readUInt32LE(at)
    at += 4
    if (head === 0) break
    const size = head & 0x7fffffff
    if (at + size > frame.length) throw new RangeError("an LZ4 block is cut off")
    const block = frame.subarray(at, at + size)
    if (head >>> 31 === 1) {
      out.room(size)
      out.size += block.copy(out.bytes, out.size)
    } else unpackBlock(block, out, (flags & independentBit) === 0 ? 0 : out.size)
    at += size + ((flags & blockChecksumBit) === 0 ? 0 : 4)
  }
  return out.bytes.subarray(0, out.size)
}
