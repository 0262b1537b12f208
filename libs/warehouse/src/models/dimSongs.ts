import type { Dialect } from "../Dialect.ts"
import { noHour } from "../Dialect.ts"
import type { Model } from "../Model.ts"
import { column, optional } from "../Model.ts"

/** Songs of the build's hours as they were, which may have gone with a play. */
const withoutVanished = (sql: Dialect): ReadonlyArray<string> => [
  sql.tempTable(
    "vanished_songs",
    `SELECT song_key FROM old_song_keys EXCEPT DISTINCT SELECT song_key FROM played_songs
EXCEPT DISTINCT SELECT song_key FROM dim_songs WHERE in_catalog`
  ),
  // All plays are looked at only when there are such songs, which is rare: a join with none of them reads nothing.
  sql.setVariable(
    "songs_from",
    `SELECT CASE WHEN count(*) > 0 THEN 0 ELSE ${noHour} END FROM vanished_songs`
  ),
  `DELETE FROM dim_songs WHERE NOT in_catalog AND song_key IN (SELECT song_key FROM vanished_songs
EXCEPT DISTINCT SELECT f.song_key FROM fact_streams f JOIN vanished_songs v ON f.song_key = v.song_key
  WHERE ${sql.sinceHour(sql.variable("songs_from"), "f.")})`
]

/**
 * Songs. The catalog's rows are put in when the catalog is loaded; a song seen only in events comes with its first play
 * and leaves when no play means it any more.
 */
export const dimSongs: Model = {
  name: "dim_songs",
  kind: "dimension",
  grain: "one song of the catalog, or (artist, title) seen only in events",
  description: "Songs.",
  key: ["song_key"],
  columns: [
    column("song_key", "int64", "Key of song_id, or of (artist, title) for a song seen only in events"),
    optional("song_id", "string", "Catalog's id"),
    optional("track_id", "string", "Catalog's track id"),
    column("title", "string", "Title, as the catalog spells it"),
    column("artist_key", "int64", "Artist"),
    column("artist_name", "string", "Artist, as the catalog spells it for this song"),
    optional("release", "string", "Album"),
    optional("year", "int32", "Year of release"),
    optional("duration", "float64", "Seconds"),
    optional("tempo", "float64", "Beats per minute"),
    optional("key", "int32", "0 = C to 11 = B"),
    optional("key_confidence", "float64", "0 to 1"),
    optional("loudness", "float64", "dB"),
    optional("song_hotttnesss", "float64", "0 to 1"),
    column("in_catalog", "boolean", "Whether the catalog has it")
  ],
  dependsOn: ["stage_listen_events", "fact_streams", "catalog_songs"],
  cluster: ["song_key"],
  references: { artist_key: "dim_artists" },
  seed: (sql) => [
    `INSERT INTO dim_songs SELECT ${sql.key("song", "song_id")}, song_id, track_id, title, ${sql.key("artist", "artist_id")}, artist_name,
  release, year, duration, tempo, ${sql.id("key")}, key_confidence, loudness, song_hotttnesss, true FROM catalog_songs`
  ],
  steps: (sql, { isNew }) => [
    ...(isNew ? [] : withoutVanished(sql)),
    `INSERT INTO dim_songs (song_key, title, artist_key, artist_name, in_catalog)
SELECT DISTINCT p.song_key, p.song, p.artist_key, p.artist, false FROM played_songs p
WHERE p.song_id IS NULL AND p.song_key NOT IN (SELECT song_key FROM dim_songs)`
  ],
  audits: [
    {
      name: "every artist_key is in dim_artists",
      badRows: () =>
        `SELECT s.song_key, s.artist_key, s.artist_name FROM dim_songs s LEFT JOIN dim_artists a ON s.artist_key = a.artist_key
WHERE a.artist_key IS NULL`
    }
  ],
  publish: "whole"
}
