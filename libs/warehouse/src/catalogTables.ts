import type { Song } from "@musify/domain/Song.ts"
import { songSpellingRows } from "@musify/domain/songMatch.ts"
import type { Effect } from "effect"
import type { Dialect, SqlType } from "./Dialect.ts"

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

const tables = (sql: Dialect): ReadonlyArray<string> => [
  `CREATE TABLE IF NOT EXISTS catalog_songs (${songNames
    .map((name) => `"${name}" ${sql.type(songColumns[name])}`)
    .join(", ")})`,
  `CREATE TABLE IF NOT EXISTS song_spellings (artist VARCHAR, title VARCHAR, song_id VARCHAR, duration DOUBLE)`
]

/**
 * Statements that put the catalog's songs into an empty dim_songs and dim_artists, and make the three look-ups that
 * resolve plays: by (artist, title, float32 of the duration), by (artist, title) if unique, artists by spelling (the
 * smallest artist_id).
 */
export const loadCatalog = (sql: Dialect, catalog: Catalog | undefined): ReadonlyArray<string> => {
  const songs = catalog?.songs ?? []
  return [
    ...tables(sql),
    `DELETE FROM catalog_songs`,
    `DELETE FROM song_spellings`,
    `INSERT INTO catalog_songs ${sql.rowsOf(
      songColumns,
      songs.map((song) => songNames.map((name) => song[name]))
    )}`,
    `INSERT INTO song_spellings ${sql.rowsOf(
      { artist: "string", title: "string", song_id: "string", duration: "float64" },
      songSpellingRows(songs).map(({ artist, duration, song_id, title }) => [
        artist,
        title,
        song_id,
        duration
      ])
    )}`,
    `CREATE OR REPLACE TABLE spellings_by_duration AS
SELECT artist, title, ${sql.float32("duration")} AS duration32, min(song_id) AS song_id FROM song_spellings GROUP BY ALL`,
    `CREATE OR REPLACE TABLE spellings_by_name AS
SELECT artist, title, min(song_id) AS song_id FROM song_spellings GROUP BY artist, title HAVING count(DISTINCT song_id) = 1`,
    `CREATE OR REPLACE TABLE artist_spellings AS
SELECT s.artist, min(c.artist_id) AS artist_id FROM song_spellings s JOIN catalog_songs c ON s.song_id = c.song_id
GROUP BY s.artist`,
    `INSERT INTO dim_songs SELECT ${sql.key("song", "song_id")}, song_id, track_id, title, ${sql.key("artist", "artist_id")}, artist_name,
  release, year, duration, tempo, "key", key_confidence, loudness, song_hotttnesss, true FROM catalog_songs`,
    `INSERT INTO dim_artists SELECT ${sql.key("artist", "artist_id")}, artist_id, name, ${sql.pairLat("pair")}, ${sql.pairLon("pair")}, location
FROM (SELECT artist_id, min(artist_name) AS name, ${sql.minPair("artist_latitude", "artist_longitude")} AS pair,
  min(artist_location) AS location FROM catalog_songs GROUP BY artist_id)`
  ]
}
