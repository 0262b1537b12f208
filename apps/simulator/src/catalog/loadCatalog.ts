import { Progress } from "@musify/runtime/Progress.ts"
import { UserError } from "@musify/runtime/UserError.ts"
import { Effect, Runtime } from "effect"
import { Buffer } from "node:buffer"
import { createReadStream } from "node:fs"
import { open, readdir, readFile, stat } from "node:fs/promises"
import { join, relative } from "node:path"
import { createGunzip, gunzipSync } from "node:zlib"
import { type ContentKind, contentKind, headBytes } from "./contentKind.ts"
import { generateCatalog } from "./generateCatalog.ts"
import { makeH5SongReader } from "./h5Songs.ts"
import { isListenCounts, readListenCounts } from "./listenCounts.ts"
import { type LoadedCatalog, refusedTexts } from "./LoadedCatalog.ts"
import { readMetadataDb } from "./metadataDb.ts"
import { neededFields, SongCollector } from "./millionSong.ts"
import { readSongsCsv } from "./songsCsv.ts"
import { eachTarFile } from "./tarFiles.ts"

/** Songs of the built-in catalog, which is the same for every simulation. */
const builtInSeed = 20_261_123

/** The built-in catalog of 10,000 generated songs. */
export const builtInCatalog = (): LoadedCatalog => ({
  songs: generateCatalog(builtInSeed),
  refused: [],
  repeated: 0
})

/** What `--songs` takes, for messages. */
const taken =
  "a folder or .tar.gz of the Million Song data set's .h5 files, its track_metadata.db, a songs.csv, or Eventsim's listen_counts.txt(.gz)"

const refuse = (path: string, message: string) =>
  new UserError({ message: `The songs (--songs) in ${path} ${message}`, exitCode: 2 })

const causeText = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause))

type Report = (songFiles: number) => Promise<void>

/**
 * Reads `--songs`, recognized by its content: a folder, tar or tar.gz of `.h5` files, one such file, SQLite's
 * track_metadata.db, songs.csv, listen_counts.txt; each also in gzip. What cannot be used of it is said. Without a path,
 * the built-in catalog. Fails (exit 2) when it is none of these, or no song in it can be played.
 */
export const loadCatalog = (path: string | undefined): Effect.Effect<LoadedCatalog, UserError> =>
  path === undefined
    ? Effect.sync(builtInCatalog)
    : Effect.gen(function* () {
        const progress = yield* Progress
        const runtime = yield* Effect.runtime()
        const loaded = yield* Effect.tryPromise({
          try: () =>
            readSongs(path, (done) =>
              Runtime.runPromise(runtime)(progress.report("songs", { done, unit: "files" }))
            ),
          catch: (cause) =>
            cause instanceof UserError
              ? cause
              : refuse(path, `cannot be read: ${causeText(cause)}. Expected ${taken}.`)
        })
        yield* progress.finish("songs")
        for (const line of refusedTexts(loaded)) yield* progress.say(line)
        if (!loaded.songs.some((song) => song.weight > 0)) {
          const [first] = loaded.refused
          const why =
            first === undefined
              ? ""
              : ` ${first.file}${first.row === null ? "" : `, ${first.row}`}: ${first.reason}.`
          return yield* refuse(path, `hold no song that can be played.${why}`)
        }
        return loaded
      })

const readSongs = async (path: string, report: Report): Promise<LoadedCatalog> => {
  if ((await stat(path)).isDirectory()) return readFolder(path, report)
  const { gzip, kind } = await kindOf(path)
  if (kind === "tar") return readArchive(path, gzip, report)
  if (kind === "zip") throw refuse(path, `are a zip archive: unpack it and give the file or folder.`)
  const bytes = await readFile(path)
  return readBytes(path, kind, gzip ? gunzipSync(bytes) : bytes)
}

const kindOf = async (path: string): Promise<ContentKind> => {
  const file = await open(path)
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(headBytes), 0, headBytes, 0)
    return contentKind(buffer.subarray(0, bytesRead))
  } finally {
    await file.close()
  }
}

const isH5 = (name: string): boolean => name.toLowerCase().endsWith(".h5")

const readFolder = async (path: string, report: Report): Promise<LoadedCatalog> => {
  const entries = await readdir(path, { recursive: true, withFileTypes: true })
  const names = entries
    .filter((entry) => !entry.isDirectory() && isH5(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
  if (names.length === 0) {
    const other = entries.find(({ name }) =>
      /^(subset_)?track_metadata\.db$|^songs\.csv$|^listen_counts/.test(name)
    )
    throw refuse(
      path,
      other === undefined
        ? `are a folder without .h5 files. Expected ${taken}.`
        : `are a folder without .h5 files. Give the file itself: ${join(other.parentPath, other.name)}.`
    )
  }
  const collector = new SongCollector()
  const reader = await makeH5SongReader()
  for (const [n, name] of names.entries()) {
    reader.read(relative(path, name), await readFile(name), collector)
    if (n % 64 === 63) await report(n + 1)
  }
  return collector.result()
}

const readArchive = async (path: string, gzip: boolean, report: Report): Promise<LoadedCatalog> => {
  const collector = new SongCollector()
  const reader = await makeH5SongReader()
  let files = 0
  const source = createReadStream(path, { highWaterMark: 1 << 20 })
  try {
    await eachTarFile(gzip ? [source, createGunzip()] : [source], isH5, async (name, bytes) => {
      reader.read(name, bytes, collector)
      if (++files % 64 === 0) await report(files)
    })
  } catch (cause) {
    throw refuse(
      path,
      `are a tar archive that is damaged or cut off after ${files} songs: ${causeText(cause)}.`
    )
  }
  if (files === 0) throw refuse(path, `are a tar archive without .h5 files. Expected ${taken}.`)
  return collector.result()
}

const readBytes = async (
  path: string,
  kind: "h5" | "sqlite" | "text",
  bytes: Uint8Array
): Promise<LoadedCatalog> => {
  const collector = new SongCollector()
  if (kind === "h5") {
    const reader = await makeH5SongReader()
    reader.read(path, bytes, collector)
    return collector.result()
  }
  if (kind === "sqlite") {
    const found = await readMetadataDb(bytes, path, collector)
    if (found === undefined) return collector.result()
    throw refuse(
      path,
      `are a database whose table songs has no column ${found.missing.join(", ")}: expected the Million Song data set's track_metadata.db.`
    )
  }
  const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes)
  if (isListenCounts(text)) return readListenCounts(text, path)
  const found = readSongsCsv(text, path)
  if (!("missing" in found)) return found
  throw refuse(
    path,
    `have no column ${found.missing.join(", ")} in the first line: expected a CSV with ${neededFields.join(", ")} (and more), or Eventsim's listen_counts.txt.`
  )
}
