import type { Codes } from "@musify/domain/EventColumns.ts"
import type { Page } from "./Page.ts"

/** Bits that each code of a dictionary of so many values takes. */
export const widthOf = (values: number): number => (values <= 1 ? 0 : 32 - Math.clz32(values - 1))

/** Codes of more bits cannot be packed here. */
export const greatestWidth = 16

/**
 * Appends codes as the data of a page: their width, then Parquet's hybrid of runs and bit-packed groups, here one of
 * either. Nulls (0) are left out, `present` is the number of the others; code 1 is value 0 of the dictionary.
 */
export const writeCodes = (page: Page, codes: Codes, present: number, width: number): void => {
  const groups = Math.ceil(present / 8)
  page.reserve(16 + groups * width)
  page.byte(width)
  // Of a single value all codes are 0: one repeated run says so.
  if (width === 0) {
    page.varInt(present << 1)
    return
  }
  page.varInt((groups << 1) | 1)
  const { view } = page
  const end = page.end + groups * width
  let at = page.end
  let held = 0
  let bits = 0
  // Two bytes at a time: at most 15 bits are held when 16 more come.
  for (let i = 0; i < codes.length; i++) {
    const code = codes[i]
    if (code === 0) continue
    held |= (code - 1) << bits
    bits += width
    if (bits >= 16) {
      view.setInt16(at, held, true)
      at += 2
      held >>>= 16
      bits -= 16
    }
  }
  for (; at < end; at++, held >>>= 8) view.setInt8(at, held)
  page.end = end
}

/**
 * Appends the definition levels of a nullable column: one run when there is no null, else a bit for each row. A null is a
 * row whose value in `from` is `nullMark`.
 */
export const writeLevels = (
  page: Page,
  from: ArrayLike<unknown>,
  nullMark: unknown,
  nullCount: number
): void => {
  const count = from.length
  const groups = Math.ceil(count / 8)
  page.reserve(16 + groups)
  if (nullCount === 0) {
    page.varInt(count << 1)
    page.byte(1)
    return
  }
  page.varInt((groups << 1) | 1)
  for (let i = 0; i < count; i += 8) {
    let bits = 0
    for (let j = i; j < count && j < i + 8; j++) if (from[j] !== nullMark) bits |= 1 << (j - i)
    page.byte(bits)
  }
}
