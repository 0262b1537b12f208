import type { SqlValue } from "sql.js"
import { Buffer } from "node:buffer"
import { gzipSync } from "node:zlib"

/** A song as the Million Song data set's files have it, and how it is written for a test. */
export interface FileSong {
  readonly song_id: string
  readonly track_id: string
  readonly title: string
  readonly artist_id: string
  readonly artist_name: string
  readonly artist_latitude: number
  readonly artist_longitude: number
  readonly artist_location: string
  readonly release: string
  readonly year: number
  readonly duration: number
  readonly tempo: number
  readonly key: number
  readonly key_confidence: number
  readonly loudness: number
  readonly song_hotttnesss: number
}

/** A song of a file in which everything is known; `n` tells songs apart. */
export const fileSong = (n: number, more: Partial<FileSong> = {}): FileSong => ({
  song_id: `SO${n}`,
  track_id: `TR${n}`,
  title: `Title ${n}`,
  artist_id: "AR1",
  artist_name: "Zoé",
  artist_latitude: 48.85692,
  artist_longitude: 2.34121,
  artist_location: "Paris, France",
  release: "Best Of",
  year: 1999,
  duration: 172.90404,
  tempo: 120.5,
  key: 2,
  key_confidence: 0.344,
  loudness: -13.963,
  song_hotttnesss: 0.6,
  ...more
})

const int = "<i"
const float = "<d"
const text = (size: number) => `A${size}`

/** Columns of the three tables, as the data set's own programs declare them (PyTables: texts marked as ASCII). */
const layout: Readonly<Record<string, ReadonlyArray<readonly [string, string]>>> = {
  metadata: [
    ["analyzer_version", text(32)],
    ["artist_7digitalid", int],
    ["artist_familiarity", float],
    ["artist_hotttnesss", float],
    ["artist_id", text(32)],
    ["artist_latitude", float],
    ["artist_location", text(1024)],
    ["artist_longitude", float],
    ["artist_mbid", text(40)],
    ["artist_name", text(1024)],
    ["artist_playmeid", int],
    ["genre", text(1024)],
    ["idx_artist_terms", int],
    ["idx_similar_artists", int],
    ["release", text(1024)],
    ["release_7digitalid", int],
    ["song_hotttnesss", float],
    ["song_id", text(32)],
    ["title", text(1024)],
    ["track_7digitalid", int]
  ],
  analysis: [
    ["analysis_sample_rate", int],
    ["audio_md5", text(32)],
    ["danceability", float],
    ["duration", float],
    ["end_of_fade_in", float],
    ["energy", float],
    ["idx_bars_start", int],
    ["key", int],
    ["key_confidence", float],
    ["loudness", float],
    ["mode", int],
    ["mode_confidence", float],
    ["start_of_fade_out", float],
    ["tempo", float],
    ["time_signature", int],
    ["time_signature_confidence", float],
    ["track_id", text(32)]
  ],
  musicbrainz: [
    ["idx_artist_mbtags", int],
    ["year", int]
  ]
}

/** An `.h5` file of songs in the data set's layout: three compressed tables, in which row n is about song n. */
export const h5File = async (songs: ReadonlyArray<FileSong>): Promise<Uint8Array> => {
  const h5 = await import("h5wasm")
  const { FS } = await h5.ready
  const file = new h5.File("/written.h5", "w")
  for (const [name, columns] of Object.entries(layout)) {
    const values = new Map(
      columns.map(([field, type]) => {
        const of = (song: FileSong) => song[field as keyof FileSong]
        const numbers = () => songs.map((song) => Number(of(song) ?? 0))
        const column = type.startsWith("A")
          ? songs.map((song) => of(song) ?? "")
          : type === int
            ? Int32Array.from(numbers())
            : Float64Array.from(numbers())
        return [field, column]
      })
    )
    file.create_group(name)
    const group = file.get(name) as InstanceType<typeof h5.Group>
    group.create_dataset({
      name: "songs",
      data: values as never,
      dtype: columns as never,
      shape: [songs.length],
      maxshape: [null],
      chunks: [4],
      compression: "gzip"
    })
  }
  file.flush()
  file.close()
  const bytes = FS!.readFile("/written.h5") as Uint8Array
  FS!.unlink("/written.h5")
  return bytes
}

/** A track_metadata.db with the data set's table `songs`. */
export const metadataDb = async (songs: ReadonlyArray<FileSong>, table = "songs"): Promise<Uint8Array> => {
  const { default: initSqlJs } = await import("sql.js")
  const { Database } = await initSqlJs()
  const database = new Database()
  database.run(
    `CREATE TABLE ${table} (track_id text PRIMARY KEY, title text, song_id text, release text, artist_id text,
      artist_mbid text, artist_name text, duration real, artist_familiarity real, artist_hotttnesss real, year int,
      track_7digitalid int, shs_perf int, shs_work int)`
  )
  for (const song of songs) {
    const values: ReadonlyArray<SqlValue> = [
      ...[song.track_id, song.title, song.song_id, song.release, song.artist_id, "mbid", song.artist_name],
      ...[song.duration, 0.5, 0.4, song.year, -1, -1, 0]
    ]
    database.run(`INSERT INTO ${table} VALUES (${values.map(() => "?").join(",")})`, [...values])
  }
  const bytes = database.export()
  database.close()
  return bytes
}

/** A tar archive, in gzip, of named files. */
export const tarGz = async (files: ReadonlyArray<readonly [string, Uint8Array]>): Promise<Uint8Array> => {
  const { default: tar } = await import("tar-stream")
  const archive = tar.pack()
  for (const [name, bytes] of files) archive.entry({ name }, Buffer.from(bytes))
  archive.finalize()
  const chunks: Array<Uint8Array> = []
  for await (const chunk of archive) chunks.push(chunk as Uint8Array)
  return gzipSync(Buffer.concat(chunks))
}
