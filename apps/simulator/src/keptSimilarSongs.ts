import type { Song } from "@musify/domain/Song.ts"
import type { DataFolderService } from "@musify/runtime/DataFolder.ts"
import { replaceFile } from "@musify/runtime/replaceFile.ts"
import { UserError } from "@musify/runtime/UserError.ts"
import { Effect } from "effect"
import type { Buffer } from "node:buffer"
import { mkdirSync } from "node:fs"
import { join } from "node:path"
import { gzipSync } from "node:zlib"
import { loadSimilarSongs, similarSongsHash, similarSongsText } from "./catalog/similarSongs.ts"
import { makeSimilarSongs, type SimilarPairs, type SimilarSongs } from "./SimilarSongs.ts"

/** The frozen setting, and its value in a folder whose simulation began without similar songs. */
const setting = "similar-songs"
const none = "none"

const fileOf = (root: string, hash: string): string => join(root, "simulator", `similar-songs-${hash}.csv.gz`)

const keep = (root: string, text: Buffer): Effect.Effect<void, UserError> =>
  Effect.try({
    try: () => {
      mkdirSync(join(root, "simulator"), { recursive: true })
      replaceFile(fileOf(root, similarSongsHash(text)), gzipSync(text))
    },
    catch: (cause) =>
      new UserError({
        message: `The similar songs cannot be kept in ${root}: ${cause instanceof Error ? cause.message : String(cause)}.`,
        exitCode: 3
      })
  })

const kept = (
  root: string,
  hash: string,
  songs: ReadonlyArray<Song>
): Effect.Effect<SimilarPairs, UserError> => {
  const file = fileOf(root, hash)
  const damaged = new UserError({
    message: `${file}, the similar songs that this data folder was made with, is missing or damaged. Give them again by --similar-songs.`,
    exitCode: 2
  })
  return loadSimilarSongs(file, songs).pipe(
    Effect.mapError(() => damaged),
    Effect.map(({ pairs }) => pairs),
    Effect.filterOrFail(
      (pairs) => similarSongsHash(similarSongsText(pairs, songs)) === hash,
      () => damaged
    )
  )
}

/** The similar songs of a simulation without a data folder. `songs` are in the order of the simulation. */
export const givenSimilarSongs = (
  path: string | undefined,
  songs: ReadonlyArray<Song>
): Effect.Effect<SimilarSongs | undefined, UserError> =>
  path === undefined
    ? Effect.succeed(undefined)
    : Effect.map(loadSimilarSongs(path, songs), ({ pairs }) => indexed(pairs, songs))

/**
 * The similar songs of a data folder's simulation: those given, else those that the folder was made with. They are kept
 * in the folder and frozen by their hash; others later, or any in a folder that `began` without, fail (exit 2).
 */
export const folderSimilarSongs = (
  folder: DataFolderService,
  given: { readonly path: string | undefined; readonly songs: ReadonlyArray<Song>; readonly began: boolean }
): Effect.Effect<SimilarSongs | undefined, UserError> =>
  Effect.gen(function* () {
    const { began, path, songs } = given
    let frozen = yield* folder.frozen(setting)
    if (path === undefined) {
      if (frozen === undefined) yield* folder.freeze(setting, none)
      if (frozen === undefined || frozen === none) return undefined
      return indexed(yield* kept(folder.root, frozen, songs), songs)
    }
    if (frozen === undefined && began) {
      yield* folder.freeze(setting, none)
      frozen = none
    }
    const { pairs } = yield* loadSimilarSongs(path, songs)
    const text = similarSongsText(pairs, songs)
    // Frozen only when what it stands for is stored.
    if (frozen === undefined || frozen === similarSongsHash(text)) yield* keep(folder.root, text)
    yield* folder.freeze(setting, similarSongsHash(text))
    return indexed(pairs, songs)
  })

const indexed = (pairs: SimilarPairs, songs: ReadonlyArray<Song>): SimilarSongs =>
  makeSimilarSongs(
    pairs,
    songs.map(({ weight }) => weight)
  )
