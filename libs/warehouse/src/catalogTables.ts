import type { Song } from "@musify/domain/Song.ts"
import { songSpellingRows } from "@musify/domain/songMatch.ts"
import type { Dialect } from "./Dialect.ts"
import { inserts } from "./ledger.ts"

/** A catalog and the hash that names its version. */
export interface Catalog {
  readonly version: string
  readonly songs: ReadonlyArray<Song>
}

const tables = [
  `CREATE TABLE IF NOT EXISTS catalog_songs (song_id VARCHAR NOT NULL, track_id VARCHAR, title VARCHAR NOT NULL, artist_id VARCHAR NOT NULL, artist_name VARCHAR NOT NULL, artist_latitude DOUBLE, artist_longitude DOUBLE, artist_location VARCHAR, release VARCHAR, year INTEGER, duration DOUBLE, tempo DOUBLE, "key" INTEGER, key_confidence DOUBLE, loudness DOUBLE, song_hotttnesss DOUBLE)`,
  `CREATE TABLE IF NOT EXISTS song_spellings (artist VARCHAR NOT NULL, title VARCHAR NOT NULL, song_id VARCHAR NOT NULL, duration DOUBLE NOT NULL)`
]

/**
 * Statements that put the catalog's songs into an empty dim_songs and dim_artists, and make the three look-ups that
 * resolve plays: by (artist, title, float32 of the duration), by (artist, title) if unique, artists by spelling (the
 * smallest artist_id).
 */
export const loadCatalog = (sql: Dialect, catalog: Catalog | undefined): ReadonlyArray<string> => {
  const text = (value: string | null) => (value === null ? "NULL" : sql.text(value))
  const integer = (value: number | null) => (value === null ? "NULL" : String(value))
  // Through text: a decimal literal would be read as DECIMAL first and lose bits.
  const float = (value: number | null) => (value === null ? "NULL" : `CAST('${value}' AS DOUBLE)`)
  const songs = catalog?.songs ?? []
  return [
    ...tables,
    `DELETE FROM catalog_songs`,
    `DELETE FROM song_spellings`,
    ...inserts(
      "catalog_songs",
      songs.map(
        (song) =>
          `(${[
            text(song.song_id),
            text(song.track_id),
            text(song.title),
            text(song.artist_id),
            text(song.artist_name),
            float(song.artist_latitude),
            float(song.artist_longitude),
            text(song.artist_location),
            text(song.release),
            integer(song.year),
            float(song.duration),
            float(song.tempo),
            integer(song.key),
            float(song.key_confidence),
            float(song.loudness),
            float(song.song_hotttnesss)
          ].join(", ")})`
      )
    ),
    ...inserts(
      "song_spellings",
      songSpellingRows(songs).map(
        ({ artist, duration, song_id, title }) =>
          `(${text(artist)}, ${text(title)}, ${text(song_id)}, ${float(duration)})`
      )
    ),
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
