import { Buffer } from "node:buffer"

/* Snappy, as Java's producers write it: blocks in a frame of the xerial library, or one bare block. */

const magic = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0])
const frameHeaderBytes = 16

/** Unpacks a snappy block (github.com/google/snappy/blob/main/format_description.txt). Throws a RangeError. */
const unpackBlock = (block: Buffer): Buffer => {
  let at = 0
  let size = 0
  for (let shift = 0; ; shift += 7) {
    if (at >= block.length || shift > 28) throw new RangeError("damaged snappy block")
    const byte = block[at++]
    size += (byte & 127) * 2 ** shift
    if (byte < 128) break
  }
  // No block is packed better than 64 to 3.
  if (size > 22 * block.length) throw new RangeError("damaged snappy block")
  const out = Buffer.allocUnsafeSlow(size)
  let to = 0
  while (at < block.length) {
    const tag = block[at++]
    let length = (tag >>> 2) + 1
    if ((tag & 3) === 0) {
      if (length > 60) {
        const extra = length - 60
        length = block.readUIntLE(at, extra) + 1
        at += extra
      }
      if (at + length > block.length || to + length > size) throw new RangeError("damaged snappy block")
      to += block.copy(out, to, at, at + length)
      at += length
      continue
    }
    let distance: number
    if ((tag & 3) === 1) {
      length = ((tag >>> 2) & 7) + 4
      distance = ((tag >>> 5) << 8) | block[at++]
    } else {
      const width = (tag & 3) === 2 ? 2 : 4
      distance = block.readUIntLE(at, width)
      at += width
    }
    if (distance === 0 || distance > to || to + length > size) throw new RangeError("damaged snappy block")
    // Byte by byte, since the copy may overlap what it makes.
    for (let i = 0; i < length; i++, to++) out[to] = out[to - distance]
  }
  if (to !== size) throw new RangeError("damaged snappy block")
  return out
}

export const unpackSnappy = (bytes: Buffer): Buffer => {
  if (!bytes.subarray(0, magic.length).equals(magic)) return unpackBlock(bytes)
  const parts: Array<Buffer> = []
  for (let at = frameHeaderBytes; at < bytes.length;) {
    const size = bytes.readInt32BE(at)
    if (size < 0 || at + 4 + size > bytes.length) throw new RangeError("a snappy block is cut off")
    parts.push(unpackBlock(bytes.subarray(at + 4, at + 4 + size)))
    at += 4 + size
  }
  return Buffer.concat(parts)
}
