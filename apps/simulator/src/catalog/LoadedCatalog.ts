import type { Song } from "@musify/domain/Song.ts"

/** A row or file of a song catalog that cannot be used. */
export interface RefusedRow {
  /** The file, as it was given or found. */
  readonly file: string
  /** Where in the file ("line 4", "row 12"); null: the file itself. */
  readonly row: string | null
  readonly reason: string
}

/** The songs of a catalog, in its order, and what of it could not be used. */
export interface LoadedCatalog {
  readonly songs: ReadonlyArray<Song>
  readonly refused: ReadonlyArray<RefusedRow>
  /** Songs that were there a second time, in every field the same. */
  readonly repeated: number
}

/** 32 bits of a text (FNV-1a), to draw what a file does not say about a song from the song itself. */
export const textHash = (text: string): number => {
  let h = 0x811c9dc5
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193)
  return h >>> 0
}

/** Refused rows that are named one by one on a terminal; --json names all. */
const shown = 20

/** What was left out of a catalog, for people: one line for each of the first rows, then the rest by its number. */
export const refusedTexts = ({
  refused,
  repeated
}: Pick<LoadedCatalog, "refused" | "repeated">): ReadonlyArray<string> => {
  const lines = refused
    .slice(0, shown)
    .map(({ file, reason, row }) => `Songs: ${row === null ? file : `${file}, ${row}`} left out: ${reason}.`)
  if (refused.length > shown)
    lines.push(`Songs: ${refused.length} rows or files were left out in all; --json names each.`)
  if (repeated > 0) lines.push(`Songs: ${repeated} were there a second time, the same in every field.`)
  return lines
}
