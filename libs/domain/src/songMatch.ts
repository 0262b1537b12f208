import { songSpellings } from "./songSpellings.ts"

/** What matching needs of a catalog song (`Song` has it). */
export interface MatchableSong {
  readonly song_id: string
  readonly artist_name: string
  readonly title: string
  /** Seconds. */
  readonly duration: number
}

/** A row of the table `song_spellings`: one spelling of one song. (artist, title, song_id) is its key. */
export interface SongSpelling {
  readonly artist: string
  readonly title: string
  readonly song_id: string
  /** Seconds, as in the catalog; compared after rounding to float32. */
  readonly duration: number
}

/** The rows of `song_spellings` for a catalog, in catalog order. */
export const songSpellingRows = (songs: Iterable<MatchableSong>): ReadonlyArray<SongSpelling> => {
  const rows: Array<SongSpelling> = []
  for (const { artist_name, duration, song_id, title } of songs)
    for (const spelling of songSpellings(artist_name, title)) rows.push({ ...spelling, song_id, duration })
  return rows
}

/** How a play found its song; "seen" is a song of its own, keyed by (artist, title). */
export type SongMatch<S> =
  { readonly by: "duration" | "name"; readonly song: S } | { readonly by: "seen"; readonly song?: undefined }

const seen: SongMatch<never> = { by: "seen" }

const bySongId = (a: MatchableSong, b: MatchableSong): number =>
  a.song_id < b.song_id ? -1 : a.song_id > b.song_id ? 1 : 0

/**
 * The song that a play's strings mean: the one with this (artist, title) in any spelling and the same duration in
 * float32 (Eventsim prints a 32-bit float), the smallest song_id of several; else the one with this (artist, title), if
 * there is only one; else none of the catalog. The warehouse's SQL is held to this.
 */
export const makeSongMatcher = <S extends MatchableSong>(
  songs: Iterable<S>
): ((artist: string, title: string, duration: number | null) => SongMatch<S>) => {
  const byArtist = new Map<string, Map<string, Array<S>>>()
  for (const song of songs)
    for (const { artist, title } of songSpellings(song.artist_name, song.title)) {
      let titles = byArtist.get(artist)
      if (titles === undefined) byArtist.set(artist, (titles = new Map()))
      const same = titles.get(title)
      if (same === undefined) titles.set(title, [song])
      else same.push(song)
    }
  for (const titles of byArtist.values()) for (const same of titles.values()) same.sort(bySongId)

  return (artist, title, duration) => {
    const candidates = byArtist.get(artist)?.get(title)
    if (candidates === undefined) return seen
    if (duration !== null) {
      const played = Math.fround(duration)
      for (const song of candidates)
        if (Math.fround(song.duration) === played) return { by: "duration", song }
    }
    return candidates.length === 1 ? { by: "name", song: candidates[0] } : seen
  }
}
