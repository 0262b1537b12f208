import { UserError } from "@musify/runtime/UserError.ts"
import { Effect } from "effect"
import { readFile } from "node:fs/promises"
import { gunzipSync } from "node:zlib"
import { generateCatalog } from "./generateCatalog.ts"
import { readListenCounts } from "./listenCounts.ts"
import type { LoadedCatalog } from "./LoadedCatalog.ts"
import { neededColumns, readSongsCsv } from "./songsCsv.ts"

/** Songs of the built-in catalog, which is the same for every simulation. */
const builtInSeed = 20_261_123

/** The built-in catalog of 10,000 generated songs. */
export const builtInCatalog = (): LoadedCatalog => ({ songs: generateCatalog(builtInSeed), refused: [] })

const refuse = (file: string, message: string) =>
  new UserError({ message: `The song file ${file} ${message}`, exitCode: 2 })

/**
 * Reads `--songs`: a songs.csv of the Million Song subset, or Eventsim's listen_counts.txt; .gz too. Which of the two
 * it is, is read off the first line. Without a file, the built-in catalog.
 */
export const loadCatalog = (file: string | undefined): Effect.Effect<LoadedCatalog, UserError> =>
  file === undefined
    ? Effect.sync(builtInCatalog)
    : Effect.gen(function* () {
        const bytes = yield* Effect.tryPromise({
          try: () => readFile(file),
          catch: (cause) =>
            refuse(
              file,
              `cannot be read: ${cause instanceof Error ? cause.message : String(cause)}. Give --songs a songs.csv or listen_counts.txt(.gz), or leave it out for the built-in catalog.`
            )
        })
        const text = yield* Effect.try({
          try: () =>
            new TextDecoder("utf-8", { fatal: true }).decode(
              bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzipSync(bytes) : bytes
            ),
          catch: (cause) =>
            refuse(
              file,
              `is neither UTF-8 nor gzip: ${cause instanceof Error ? cause.message : String(cause)}. Expected a songs.csv or listen_counts.txt(.gz).`
            )
        })
        const loaded = yield* Effect.try({
          try: () => (isListenCounts(text) ? readListenCounts(text) : readSongsCsv(text)),
          catch: (cause) =>
            refuse(
              file,
              `is no CSV with quotes escaped by a backslash: ${cause instanceof Error ? cause.message : String(cause)}.`
            )
        })
        if ("missing" in loaded) {
          return yield* refuse(
            file,
            `has no column ${loaded.missing.join(", ")} in its first line, expected a CSV with ${neededColumns.join(", ")} (and more), or Eventsim's listen_counts.txt.`
          )
        }
        if (!loaded.songs.some((song) => song.weight > 0)) {
          const why =
            loaded.refused.length === 0 ? "" : ` Line ${loaded.refused[0].line}: ${loaded.refused[0].reason}.`
          return yield* refuse(file, `holds no song that can be played.${why}`)
        }
        return loaded
      })

const isListenCounts = (text: string): boolean => {
  const end = text.indexOf("\n")
  return (end === -1 ? text : text.slice(0, end)).split("\t").length === 5
}
