import type { Song } from "@musify/domain/Song.ts"
import { songSpellingRows } from "@musify/domain/songMatch.ts"
import type { Effect } from "effect"
import type { Dialect, SqlType } from "./Dialect.ts"
import { digest } from "./digest.ts"
import type { Table } from "./Model.ts"
import { optional } from "./Model.ts"

/** A catalog and the hash that names its version. */
export interface Catalog {
  readonly version: string
  readonly songs: ReadonlyArray<Song>
}

/** A catalog whose songs are read only when the warehouse does not hold its version. */
export interface CatalogSource<E> {
  readonly version: string
  readonly songs: Effect.Effect<ReadonlyArray<Song>, E>
}

const songColumns = {
  song_id: "string",
  track_id: "string",
  title: "string",
  artist_id: "string",
  artist_name: "string",
  artist_latitude: "float64",
  artist_longitude: "float64",
  artist_location: "string",
  release: "string",
  year: "int32",
  duration: "float64",
  tempo: "float64",
  key: "int32",
  key_confidence: "float64",
  loudness: "float64",
  song_hotttnesss: "float64"
} as const satisfies Partial<Record<keyof Song, SqlType>>

const songNames = Object.keys(songColumns) as ReadonlyArray<keyof typeof songColumns>

const spellingColumns = {
  artist: "string",
  title: "string",
  song_id: "string",
  duration: "float64"
} as const satisfies Readonly<Record<string, SqlType>>

/** Tables that hold the catalog as it came. */
export const catalogTables: ReadonlyArray<Table> = [
  {
    name: "catalog_songs",
    description: "The songs of the catalog, with its own field names.",
    columns: songNames.map((name) => optional(name, songColumns[name], "As in the catalog"))
  },
  {
    name: "song_spellings",
    description: "How the catalog's songs may be spelled in events.",
    columns: Object.entries(spellingColumns).map(([name, type]) =>
      optional(name, type, "As events may say it")
    )
  }
]

/** Rows of an INSERT: bounds the length of a statement. */
const rowsAtOnce = 1000

const chunks = <A>(rows: ReadonlyArray<A>): ReadonlyArray<ReadonlyArray<A>> =>
  Array.from({ length: Math.ceil(rows.length / rowsAtOnce) }, (_, i) =>
    rows.slice(i * rowsAtOnce, (i + 1) * rowsAtOnce)
  )

/** A query of `song_id`s with the keys that plays of them get: an hour's plays need not work them out again. */
const withKeys = (sql: Dialect, spellings: string): string =>
  `SELECT s.*, ${sql.key("song", "s.song_id")} AS song_key, ${sql.key("artist", "c.artist_id")} AS artist_key
FROM (${spellings}) s JOIN catalog_songs c ON s.song_id = c.song_id`

/**
 * Statements that keep the catalog as it came, and make the three look-ups that resolve plays: by (artist, title,
 * float32 of the duration), by (artist, title) if unique, artists by spelling (the smallest artist_id).
 */
export const catalogStatements = (sql: Dialect, catalog: Catalog | undefined): ReadonlyArray<string> => {
  const songs = catalog?.songs ?? []
  return [
    ...catalogTables.map(sql.create),
    `DELETE FROM catalog_songs WHERE TRUE`,
    `DELETE FROM song_spellings WHERE TRUE`,
    ...chunks(songs).map(
      (some) =>
        `INSERT INTO catalog_songs ${sql.rowsOf(
          songColumns,
          some.map((song) => songNames.map((name) => song[name]))
        )}`
    ),
    ...chunks(songSpellingRows(songs)).map(
      (some) =>
        `INSERT INTO song_spellings ${sql.rowsOf(
          spellingColumns,
          some.map(({ artist, duration, song_id, title }) => [artist, title, song_id, duration])
        )}`
    ),
    sql.replaceTable(
      "spellings_by_duration",
      "Songs by spelling and the float32 of their duration; the smallest song_id.",
      withKeys(
        sql,
        `SELECT artist, title, duration32, min(song_id) AS song_id
FROM (SELECT artist, title, ${sql.float32("duration")} AS duration32, song_id FROM song_spellings)
GROUP BY artist, title, duration32`
      )
    ),
    sql.replaceTable(
      "spellings_by_name",
      "Songs by spelling, where it names one.",
      withKeys(
        sql,
        `SELECT artist, title, min(song_id) AS song_id FROM song_spellings s GROUP BY artist, title HAVING count(DISTINCT s.song_id) = 1`
      )
    ),
    sql.replaceTable(
      "artist_spellings",
      "Artists by spelling; the smallest artist_id.",
      `SELECT artist, ${sql.key("artist", "artist_id")} AS artist_key FROM (
  SELECT s.artist, min(c.artist_id) AS artist_id FROM song_spellings s JOIN catalog_songs c ON s.song_id = c.song_id
  GROUP BY s.artist)`
    )
  ]
}

/** Names the catalog that tables were loaded with, and what was made of it. */
export const catalogMark = (sql: Dialect, version: string | undefined): string =>
  `${version ?? "none"} ${digest(catalogStatements(sql, undefined))}`
