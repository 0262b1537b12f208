/*
 * Bytes four at a time. A word is what `DataView.getInt32(at, true)` reads: the first byte lies lowest. Reading it may
 * touch up to three bytes behind a text, so whoever hands bytes to the scanner leaves `slack` behind them.
 */

/** Bytes that must be there behind the end of a value, whatever they hold. */
export const slack = 32

/** What is left of a word when only its first 0, 1, 2, 3 or 4 bytes count. */
export const firstBytes = Int32Array.of(0, 0xff, 0xffff, 0xffffff, -1)

/** Sets the top bit of each byte of `word` that is zero; those above the lowest zero byte may be wrong. */
export const zeroBytes = (word: number): number => (word - 0x01010101) & ~word & 0x80808080

/** Which byte the lowest bit of `marks` (not 0) lies in, 0 to 3. */
export const firstMark = (marks: number): number => (31 - Math.clz32(marks & -marks)) >> 3

/** A hash with one more word; to be finished by `finishHash`. */
export const mix = (hash: number, word: number): number => {
  const mixed = Math.imul(hash ^ word, 0x9e3779b1)
  return mixed ^ (mixed >>> 15)
}

/** The hash of [from, from + length): whole words first, then the rest, which may be none. */
export const hashOf = (view: DataView, from: number, length: number): number => {
  let hash = 0
  let at = from
  for (const end = from + length - 3; at < end; at += 4) hash = mix(hash, view.getInt32(at, true))
  return mix(hash, view.getInt32(at, true) & firstBytes[from + length - at])
}

/** Whether `length` bytes are the same in both. */
export const sameBytes = (a: DataView, atA: number, b: DataView, atB: number, length: number): boolean => {
  let i = 0
  for (; i + 4 <= length; i += 4) if (a.getInt32(atA + i, true) !== b.getInt32(atB + i, true)) return false
  return ((a.getInt32(atA + i, true) ^ b.getInt32(atB + i, true)) & firstBytes[length - i]) === 0
}

/**
 * As `sameBytes`, for long texts in `a` without zero bytes: eight at a time, as doubles. Two of them are equal when their
 * bytes are, but for zeros and for what is no number; the latter only makes it answer no.
 */
export const sameText = (a: DataView, atA: number, b: DataView, atB: number, length: number): boolean => {
  let i = 0
  for (; i + 16 <= length; i += 16) {
    if (a.getFloat64(atA + i, true) !== b.getFloat64(atB + i, true)) return false
    if (a.getFloat64(atA + i + 8, true) !== b.getFloat64(atB + i + 8, true)) return false
  }
  return sameBytes(a, atA + i, b, atB + i, length - i)
}

/** Copies bytes; up to three behind them may change. */
export const copyBytes = (
  from: DataView,
  atFrom: number,
  to: DataView,
  atTo: number,
  length: number
): void => {
  for (let i = 0; i < length; i += 4) to.setInt32(atTo + i, from.getInt32(atFrom + i, true), true)
}
