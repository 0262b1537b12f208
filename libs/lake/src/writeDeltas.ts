import type { Page } from "./Page.ts"

const blockValues = 128
const miniblocks = 4
const miniblockValues = blockValues / miniblocks

/** Values that lie further apart have differences that a double does not hold exactly. */
export const widestRange = 2 ** 52

const adjusted = new Float64Array(blockValues)

/**
 * Appends whole numbers as Parquet's DELTA_BINARY_PACKED: differences to the value before, less the smallest of their
 * block, in as few bits as the greatest of each 32 needs. All must be safe integers, and lie within
 * `widestRange`.
 */
export const writeDeltas = (page: Page, values: ArrayLike<number>, count: number): void => {
  page.reserve(count * 8 + Math.ceil(count / blockValues) * 64 + 64)
  page.varInt(blockValues)
  page.varInt(miniblocks)
  page.varInt(count)
  if (count === 0) {
    page.varInt(0)
    return
  }
  page.zigzag(values[0])
  for (let from = 1; from < count; from += blockValues) {
    const size = Math.min(blockValues, count - from)
    let least = Number.POSITIVE_INFINITY
    for (let i = 0; i < size; i++) {
      const delta = values[from + i] - values[from + i - 1]
      adjusted[i] = delta
      if (delta < least) least = delta
    }
    for (let i = 0; i < size; i++) adjusted[i] -= least
    adjusted.fill(0, size)
    page.zigzag(least)
    const widths = page.end
    page.end += miniblocks
    for (let m = 0; m < miniblocks; m++) {
      const width = m * miniblockValues < size ? widthOfMiniblock(m) : 0
      page.bytes[widths + m] = width
      if (width > 0) pack(page, m * miniblockValues, width)
    }
  }
}

const two16 = 65_536
const two32 = 4_294_967_296

/** Bits of the greatest value of a miniblock. */
const widthOfMiniblock = (m: number): number => {
  let greatest = 0
  for (let i = m * miniblockValues; i < (m + 1) * miniblockValues; i++)
    if (adjusted[i] > greatest) greatest = adjusted[i]
  return greatest >= two32 ? 64 - Math.clz32(Math.floor(greatest / two32)) : 32 - Math.clz32(greatest)
}

/** Packs the 32 values from `from` on: `width * 4` bytes. */
const pack = (page: Page, from: number, width: number): void => {
  const { view } = page
  let at = page.end
  let held = 0
  let bits = 0
  for (let i = from; i < from + miniblockValues; i++) {
    let rest = adjusted[i]
    let left = width
    // Sixteen bits at a time beside at most 15 that are held.
    do {
      const piece = Math.min(left, 16)
      held |= (rest & 0xffff) << bits
      bits += piece
      if (bits >= 16) {
        view.setInt16(at, held, true)
        at += 2
        held >>>= 16
        bits -= 16
      }
      left -= piece
      if (left > 0) rest = Math.floor(rest / two16)
    } while (left > 0)
  }
  page.end = at
}
