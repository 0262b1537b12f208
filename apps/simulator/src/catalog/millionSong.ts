import type { Song } from "@musify/domain/Song.ts"
import { mix32, normal } from "../random.ts"
import { type LoadedCatalog, type RefusedRow, textHash } from "./LoadedCatalog.ts"

/** A field as a file has it. */
export type RawValue = string | number | bigint | null | undefined

/** A song of the Million Song data set as a file has it; fields by their name in the data set. */
export type RawSong = (field: Exclude<keyof Song, "weight">) => RawValue

/** Fields without which there is no song. */
export const neededFields = ["artist_id", "artist_name", "duration", "song_id", "title"] as const

const textOf = (value: RawValue): string | null => {
  const text = value === null || value === undefined ? "" : String(value).trim()
  return text === "" || text.toLowerCase() === "nan" ? null : text
}

const numberOf = (value: RawValue): number | null => {
  const text = textOf(value)
  const number = text === null ? Number.NaN : Number(text)
  return Number.isFinite(number) ? number : null
}

/** Titles and names as they are: events carry them so, and "nan" or " x" are titles like any other. */
const exactText = (value: RawValue): string => (value === null || value === undefined ? "" : String(value))

/**
 * The weight of a song whose plays are not known: log-normal, drawn from a hash of its id, times e^(2·hotttnesss) (0.3
 * where that is not known either). Hot songs are played more, and the tail is long whatever the order of the rows.
 */
const unknownPlays = (songId: string, hotness: number | null): number => {
  const luck = normal((mix32(textHash(songId)) + 0.5) / 4294967296)
  return Number((100 * Math.exp(luck + 2 * (hotness ?? 0.3))).toFixed(6))
}

/**
 * A song, or the reason why it cannot be one: no song id, artist id or artist name, no duration above 0. The data
 * set's marks for "not known" become null: coordinates 0/0, year 0, tempo 0, hotttnesss -1, not-a-number, empty texts
 * and the place "NA". An empty title is played like any other; a song of nobody cannot be.
 */
export const songOf = (raw: RawSong): Song | string => {
  const songId = textOf(raw("song_id"))
  const artistId = textOf(raw("artist_id"))
  if (songId === null || artistId === null) {
    return `its ${songId === null ? "song_id" : "artist_id"} is empty`
  }
  const artist = exactText(raw("artist_name"))
  if (artist.trim() === "") return `song ${songId} has no artist_name`
  const duration = numberOf(raw("duration"))
  if (duration === null || duration <= 0) return `song ${songId} has no duration above 0 s`
  const known = (field: "year" | "tempo" | "song_hotttnesss", mark: number): number | null => {
    const value = numberOf(raw(field))
    return value === mark ? null : value
  }
  const latitude = numberOf(raw("artist_latitude"))
  const longitude = numberOf(raw("artist_longitude"))
  const nowhere = latitude === null || longitude === null || (latitude === 0 && longitude === 0)
  const place = textOf(raw("artist_location"))
  const year = known("year", 0)
  const key = numberOf(raw("key"))
  const hotness = known("song_hotttnesss", -1)
  return {
    song_id: songId,
    track_id: textOf(raw("track_id")),
    title: exactText(raw("title")),
    artist_id: artistId,
    artist_name: artist,
    artist_latitude: nowhere ? null : latitude,
    artist_longitude: nowhere ? null : longitude,
    artist_location: place === "NA" ? null : place,
    release: exactText(raw("release")).trim() || null,
    year: year === null ? null : Math.trunc(year),
    duration,
    tempo: known("tempo", 0),
    key: key === null ? null : Math.trunc(key),
    key_confidence: numberOf(raw("key_confidence")),
    loudness: numberOf(raw("loudness")),
    song_hotttnesss: hotness,
    weight: unknownPlays(songId, hotness)
  }
}

/** Gathers the songs of one or many files; a second song of the same id is refused unless it is the same song. */
export class SongCollector {
  private readonly songs = new Map<string, Song>()
  private readonly refused: Array<RefusedRow> = []
  private repeated = 0

  add(file: string, row: string | null, song: Song | string): void {
    if (typeof song === "string") {
      this.refused.push({ file, row, reason: song })
      return
    }
    const before = this.songs.get(song.song_id)
    if (before === undefined) this.songs.set(song.song_id, song)
    else if (JSON.stringify(before) === JSON.stringify(song)) this.repeated++
    else this.refused.push({ file, row, reason: `song ${song.song_id} was there before, with other fields` })
  }

  result(): LoadedCatalog {
    return { songs: [...this.songs.values()], refused: this.refused, repeated: this.repeated }
  }
}
