import type { Page } from "./Page.ts"

/** Copies reach back within a block, so that two bytes say how far. */
const blockBytes = 65_536
/** Matches are not looked for in the last bytes, where a word would end behind them. */
const margin = 8
const mostTableBits = 14

/** By the hash of four bytes: where in the block they were seen last. */
const table = new Uint16Array(1 << mostTableBits)

/**
 * Appends bytes in snappy's format. The method of the reference implementation, as hyparquet-writer's `snappyCompress`
 * has it: four bytes are looked for where the same hash was seen last, in longer and longer steps while nothing is found.
 */
export const writeSnappy = (page: Page, input: Uint8Array): void => {
  // At worst every 60 bytes of literals take one more.
  page.reserve(input.length + Math.ceil(input.length / 60) + 64)
  page.varInt(input.length)
  const view = new DataView(input.buffer, input.byteOffset, input.byteLength)
  for (let from = 0; from < input.length; from += blockBytes)
    writeBlock(page, input, view, from, Math.min(input.length, from + blockBytes))
}

const writeBlock = (page: Page, input: Uint8Array, view: DataView, from: number, to: number): void => {
  const bits = Math.min(mostTableBits, Math.max(8, 32 - Math.clz32(to - from)))
  const shift = 32 - bits
  table.fill(0, 0, 1 << bits)
  const limit = to - margin
  let literals = from
  let at = from + 1
  let misses = 32
  while (at <= limit) {
    const word = view.getInt32(at, true)
    const slot = Math.imul(word, 0x1e35a7bd) >>> shift
    let candidate = from + table[slot]
    table[slot] = at - from
    if (view.getInt32(candidate, true) !== word) {
      at += misses++ >>> 5
      continue
    }
    misses = 32
    writeLiteral(page, input, literals, at)
    const start = at
    at += 4
    candidate += 4
    while (at < to && input[at] === input[candidate]) {
      at++
      candidate++
    }
    writeCopy(page, at - candidate, at - start)
    literals = at
  }
  writeLiteral(page, input, literals, to)
}

const writeLiteral = (page: Page, input: Uint8Array, from: number, to: number): void => {
  const length = to - from
  if (length === 0) return
  if (length <= 60) page.byte((length - 1) << 2)
  else if (length <= 256) {
    page.byte(60 << 2)
    page.byte(length - 1)
  } else {
    page.byte(61 << 2)
    page.byte((length - 1) & 0xff)
    page.byte((length - 1) >>> 8)
  }
  if (length > 32) page.bytes.set(input.subarray(from, to), page.end)
  else for (let i = 0; i < length; i++) page.bytes[page.end + i] = input[from + i]
  page.end += length
}

const writeCopy = (page: Page, offset: number, length: number): void => {
  for (; length >= 68; length -= 64) writeShortCopy(page, offset, 64)
  if (length > 64) {
    writeShortCopy(page, offset, 60)
    length -= 60
  }
  writeShortCopy(page, offset, length)
}

/** A copy of 4 to 64 bytes. */
const writeShortCopy = (page: Page, offset: number, length: number): void => {
  if (length < 12 && offset < 2048) page.byte(1 | ((length - 4) << 2) | ((offset >>> 8) << 5))
  else {
    page.byte(2 | ((length - 1) << 2))
    page.byte(offset & 0xff)
    page.byte(offset >>> 8)
    return
  }
  page.byte(offset & 0xff)
}

/** Appends bytes in snappy's format as they are. */
export const writeUncompressed = (page: Page, input: Uint8Array): void => {
  page.reserve(input.length + Math.ceil(input.length / blockBytes) * 3 + 16)
  page.varInt(input.length)
  for (let from = 0; from < input.length; from += blockBytes)
    writeLiteral(page, input, from, Math.min(input.length, from + blockBytes))
}
