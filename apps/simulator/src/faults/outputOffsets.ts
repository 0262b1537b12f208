import type { Topic } from "@musify/domain/Topic.ts"

/** Offsets [from, to). */
export type OffsetRange = readonly [from: number, to: number]

/** Ranges of a partition that another producer wrote (replayed files), rising. */
export type ForeignRanges = (topic: Topic, partition: number) => ReadonlyArray<OffsetRange>

/** The offset of our record number `n` (from 0) of a partition, of which others wrote the ranges `foreign`. */
export const offsetAmong = (foreign: ReadonlyArray<OffsetRange>, n: number): number => {
  let offset = n
  for (const [from, to] of foreign) {
    if (offset < from) break
    offset += to - from
  }
  return offset
}

/** The offsets of our first `count` records. */
export const rangesAmong = (
  foreign: ReadonlyArray<OffsetRange>,
  count: number
): ReadonlyArray<OffsetRange> => {
  const ranges: Array<OffsetRange> = []
  let from = 0
  let left = count
  for (const [start, end] of foreign) {
    const own = Math.min(left, start - from)
    if (own > 0) ranges.push([from, from + own])
    left -= own
    from = end
  }
  if (left > 0) ranges.push([from, from + left])
  return ranges
}
