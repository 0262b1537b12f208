import { makeAliasSampler } from "./AliasSampler.ts"

/** Pairs (song, similar song), by the songs' numbers, in order of both; a pair may be there more than once. */
export interface SimilarPairs {
  readonly from: Int32Array
  readonly to: Int32Array
}

/** For each song an alias sampler of its similar songs; those of song n are columns [starts[n], starts[n + 1]). */
export interface SimilarSongs {
  readonly starts: Int32Array
  readonly songs: Int32Array
  readonly thresholds: Uint32Array
  readonly aliases: Int32Array
}

/**
 * Eventsim's rule for the song after one that has similar songs: one of those, with probability by their weights, a pair
 * that is there twice counting twice. Songs whose similar songs all have the weight 0 are taken for songs without.
 */
export const makeSimilarSongs = (pairs: SimilarPairs, weights: ArrayLike<number>): SimilarSongs => {
  const { from, to } = pairs
  const starts = new Int32Array(weights.length + 1)
  const songs = new Int32Array(to.length)
  const thresholds = new Uint32Array(to.length)
  const aliases = new Int32Array(to.length)
  let size = 0
  for (let n = 0, at = 0; n < weights.length; n++) {
    const first = at
    while (at < from.length && from[at] === n) at++
    const similar = to.subarray(first, at)
    const plays = Array.from(similar, (song) => weights[song])
    if (plays.some((weight) => weight > 0)) {
      const sampler = makeAliasSampler(plays)
      songs.set(similar, size)
      thresholds.set(sampler.thresholds, size)
      for (let column = 0; column < similar.length; column++) {
        aliases[size + column] = similar[sampler.aliases[column]]
      }
      size += similar.length
    }
    starts[n + 1] = size
  }
  return {
    starts,
    songs: songs.slice(0, size),
    thresholds: thresholds.slice(0, size),
    aliases: aliases.slice(0, size)
  }
}

/** The song after song `last` by two draws of 32 random bits; -1 when `last` (or -1: none) has no similar songs. */
export const sampleSimilar = (similar: SimilarSongs, last: number, column: number, coin: number): number => {
  if (last === -1) return -1
  const first = similar.starts[last]
  const size = similar.starts[last + 1] - first
  if (size === 0) return -1
  const at = first + Math.floor((column * size) / 4294967296)
  return coin < similar.thresholds[at] ? similar.songs[at] : similar.aliases[at]
}
