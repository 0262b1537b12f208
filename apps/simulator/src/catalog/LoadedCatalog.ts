import type { Song } from "@musify/domain/Song.ts"

/** A row of a song file that cannot be used. */
export interface RefusedRow {
  /** From 1, in the file. */
  readonly line: number
  readonly reason: string
}

/** The songs of a file, in its order, and what of it could not be used. */
export interface LoadedCatalog {
  readonly songs: ReadonlyArray<Song>
  readonly refused: ReadonlyArray<RefusedRow>
}

/** 32 bits of a text (FNV-1a), to draw what a file does not say about a song from the song itself. */
export const textHash = (text: string): number => {
  let h = 0x811c9dc5
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193)
  return h >>> 0
}
