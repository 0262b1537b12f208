import { createHash } from "node:crypto"
import { Song } from "@musify/domain/Song.ts"
import { Effect, Option, Schema } from "effect"
import { DamagedFile } from "./ChainError.ts"
import type { ObjectStoreService } from "./ObjectStore.ts"
import type { ObjectStoreError } from "./ObjectStoreError.ts"
import type { ColumnValues } from "./columnValues.ts"
import { encodeParquet, readParquetRows } from "./parquetFile.ts"

/** Where a version of the song catalog lies. */
export const catalogName = (version: string): string => `lake/catalog/songs/version=${version}/songs.parquet`

const column = <const Type extends "string" | "int32" | "float64">(
  name: keyof Song,
  type: Type,
  nullable: boolean,
  description: string
) => ({ name, type, nullable, description })

/** The columns of the catalog's file: Song's fields in their order. */
export const catalogColumns = [
  column("song_id", "string", false, "Song"),
  column("track_id", "string", true, "Track of the Million Song Dataset"),
  column("title", "string", false, "Title"),
  column("artist_id", "string", false, "Artist"),
  column("artist_name", "string", false, "Artist's name as the song has it"),
  column("artist_latitude", "float64", true, "Degrees north"),
  column("artist_longitude", "float64", true, "Degrees east"),
  column("artist_location", "string", true, "Where the artist comes from"),
  column("release", "string", true, "Album"),
  column("year", "int32", true, "Year of the release"),
  column("duration", "float64", false, "Seconds"),
  column("tempo", "float64", true, "Beats per minute"),
  column("key", "int32", true, "0 = C to 11 = B"),
  column("key_confidence", "float64", true, "0 to 1"),
  column("loudness", "float64", true, "dB"),
  column("song_hotttnesss", "float64", true, "0 to 1"),
  column("weight", "float64", false, "How often listeners pick it, relative to the others")
] as const

const byId = (a: Song, b: Song): number => (a.song_id < b.song_id ? -1 : a.song_id > b.song_id ? 1 : 0)

const rowText = (song: Song): string => JSON.stringify(catalogColumns.map(({ name }) => song[name]))

/** Version of a catalog: a hash of what it holds, whatever the order of its songs. 16 hex digits. */
export const catalogVersion = (songs: ReadonlyArray<Song>): string => {
  const hash = createHash("sha256")
  for (const row of songs.map(rowText).sort()) hash.update(row).update("\n")
  return hash.digest("hex").slice(0, 16)
}

const valuesOf = (
  { name, type }: (typeof catalogColumns)[number],
  songs: ReadonlyArray<Song>
): ColumnValues => {
  if (type === "string") return { type, values: songs.map((song) => song[name] as string | null) }
  const nulls = Uint8Array.from(songs, (song) => (song[name] === null ? 1 : 0))
  const numbers = songs.map((song) => (song[name] as number | null) ?? 0)
  return type === "int32"
    ? { type, values: Int32Array.from(numbers), nulls }
    : { type, values: Float64Array.from(numbers), nulls }
}

/** Puts a catalog into the lake, unless this version is there, and answers its version. */
export const writeCatalog = (
  store: ObjectStoreService,
  songs: ReadonlyArray<Song>
): Effect.Effect<string, ObjectStoreError> =>
  Effect.suspend(() => {
    const version = catalogVersion(songs)
    const sorted = [...songs].sort(byId)
    const columns = catalogColumns.map((named) => ({ column: named, values: () => valuesOf(named, sorted) }))
    return Effect.as(
      store.putIfAbsent(catalogName(version), encodeParquet(columns, { catalog: version })),
      version
    )
  })

const decodeSongs = Schema.decodeUnknown(Schema.Array(Song))

/** The songs of a version, by song_id; none when the lake does not hold it. */
export const readCatalog = (
  store: ObjectStoreService,
  version: string
): Effect.Effect<Option.Option<ReadonlyArray<Song>>, ObjectStoreError | DamagedFile> =>
  Effect.gen(function* () {
    const name = catalogName(version)
    const found = yield* store.get(name)
    if (Option.isNone(found)) return Option.none()
    const damaged = (what: string) =>
      new DamagedFile({
        name,
        message: `${store.locate(name)} is no song catalog: ${what}. Restore it from a backup.`
      })
    const rows = yield* Effect.tryPromise({
      try: () => readParquetRows(store.locate(name), found.value),
      catch: (cause) => (cause instanceof DamagedFile ? cause : damaged(String(cause)))
    })
    const songs = yield* Effect.mapError(decodeSongs(rows), ({ message }) => damaged(message.split("\n")[0]))
    return Option.some(songs)
  })
