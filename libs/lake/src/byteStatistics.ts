import type { Statistics } from "./columnValues.ts"

/** Smallest and greatest of plain byte strings (each behind its length), in byte order as Parquet wants it. */
export const byteStatistics = (plain: Uint8Array, nullCount: number): Statistics => {
  const view = new DataView(plain.buffer, plain.byteOffset, plain.byteLength)
  let minStart = -1
  let minEnd = 0
  let maxStart = 0
  let maxEnd = 0
  for (let at = 0; at < plain.length;) {
    const start = at + 4
    const end = start + view.getUint32(at, true)
    if (minStart < 0) {
      minStart = maxStart = start
      minEnd = maxEnd = end
    } else if (isLess(plain, start, end, minStart, minEnd)) {
      minStart = start
      minEnd = end
    } else if (isLess(plain, maxStart, maxEnd, start, end)) {
      maxStart = start
      maxEnd = end
    }
    at = end
  }
  return minStart < 0
    ? { nullCount }
    : { nullCount, min: plain.slice(minStart, minEnd), max: plain.slice(maxStart, maxEnd) }
}

const isLess = (bytes: Uint8Array, a: number, aEnd: number, b: number, bEnd: number): boolean => {
  while (a < aEnd && b < bEnd) {
    const difference = bytes[a++] - bytes[b++]
    if (difference !== 0) return difference < 0
  }
  return a === aEnd && b < bEnd
}
