import type { Song } from "@musify/domain/Song.ts"
import { parse } from "csv-parse/sync"
import { mix32, normal } from "../random.ts"
import { type LoadedCatalog, type RefusedRow, textHash } from "./LoadedCatalog.ts"

/** Columns that a songs.csv must have; others are passed over. */
export const neededColumns = ["artist_id", "artist_name", "duration", "song_id", "title"] as const

interface Parsed {
  readonly record: ReadonlyArray<string>
  readonly info: { readonly lines: number }
}

/**
 * Reads the Million Song subset as one CSV (Streamify-style projects' songs.csv): quotes inside a quoted field are
 * escaped by a backslash, lines end in CRLF or LF. Markers for "not known" (coordinates 0/0, year 0, hotttnesss
 * -1, tempo 0, empty or "nan") become null. A row without song id, artist or a positive duration, and a second
 * row of the same song id, is refused. Answers the missing columns' names when it is no such file.
 *
 * The file has no play counts. A song's weight is log-normal, drawn from a hash of its id, times e^(2·hotttnesss)
 * (0.3 where not known): hot songs are played more, and the tail is long whatever the order of the rows.
 */
export const readSongsCsv = (text: string): LoadedCatalog | { readonly missing: ReadonlyArray<string> } => {
  const rows = parse(text, {
    bom: true,
    escape: "\\",
    info: true,
    record_delimiter: ["\r\n", "\n"],
    relax_column_count: true,
    relax_quotes: true,
    skip_empty_lines: true
  }) as unknown as ReadonlyArray<Parsed>
  const names = rows.length === 0 ? [] : rows[0].record
  const column = new Map(names.map((name, n) => [name.trim(), n]))
  const missing = neededColumns.filter((name) => !column.has(name))
  if (missing.length > 0) return { missing }

  const songs: Array<Song> = []
  const refused: Array<RefusedRow> = []
  const seen = new Set<string>()
  for (const { record, info } of rows.slice(1)) {
    const refuse = (reason: string) => refused.push({ line: info.lines, reason })
    if (record.length !== names.length) {
      refuse(`it has ${record.length} fields, the header ${names.length}`)
      continue
    }
    const field = (name: string): string | null => {
      const n = column.get(name)
      const value = n === undefined ? "" : record[n].trim()
      return value === "" || value.toLowerCase() === "nan" ? null : value
    }
    const number = (name: string): number | null => {
      const value = field(name)
      const n = value === null ? Number.NaN : Number(value)
      return Number.isFinite(n) ? n : null
    }
    // What is not known has a number of its own in this data set.
    const known = (name: string, marker: number): number | null => {
      const n = number(name)
      return n === marker ? null : n
    }
    // Titles such as "nan" are titles; and none is trimmed, since events carry them as they are.
    const title = record[column.get("title")!]
    const artist = record[column.get("artist_name")!]
    const songId = field("song_id")
    const artistId = field("artist_id")
    const duration = number("duration")
    if (songId === null || artistId === null) {
      refuse(`its ${songId === null ? "song_id" : "artist_id"} is empty`)
      continue
    }
    // An empty title is played like any other (Eventsim writes it); a song of nobody cannot be.
    if (artist.trim() === "") {
      refuse(`song ${songId} has no artist_name`)
      continue
    }
    if (duration === null || duration <= 0) {
      refuse(`song ${songId} has no duration above 0 s`)
      continue
    }
    if (seen.has(songId)) {
      refuse(`song ${songId} was there before`)
      continue
    }
    seen.add(songId)
    const latitude = number("artist_latitude")
    const longitude = number("artist_longitude")
    const nowhere = latitude === null || longitude === null || (latitude === 0 && longitude === 0)
    const year = known("year", 0)
    const key = number("key")
    const hotness = known("song_hotttnesss", -1)
    const luck = normal((mix32(textHash(songId)) + 0.5) / 4294967296)
    songs.push({
      song_id: songId,
      track_id: field("track_id"),
      title,
      artist_id: artistId,
      artist_name: artist,
      artist_latitude: nowhere ? null : latitude,
      artist_longitude: nowhere ? null : longitude,
      artist_location: field("artist_location"),
      release: column.has("release") ? record[column.get("release")!].trim() || null : null,
      year: year === null ? null : Math.trunc(year),
      duration,
      tempo: known("tempo", 0),
      key: key === null ? null : Math.trunc(key),
      key_confidence: number("key_confidence"),
      loudness: number("loudness"),
      song_hotttnesss: hotness,
      weight: Number((100 * Math.exp(luck + 2 * (hotness ?? 0.3))).toFixed(6))
    })
  }
  return { songs, refused }
}
