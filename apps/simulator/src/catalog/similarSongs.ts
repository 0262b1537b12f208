import type { Song } from "@musify/domain/Song.ts"
import { Progress } from "@musify/runtime/Progress.ts"
import { UserError } from "@musify/runtime/UserError.ts"
import { Effect } from "effect"
import { Buffer } from "node:buffer"
import { createHash } from "node:crypto"
import { createReadStream } from "node:fs"
import { open } from "node:fs/promises"
import type { Readable } from "node:stream"
import { createGunzip } from "node:zlib"
import type { SimilarPairs } from "../SimilarSongs.ts"
import { type RefusedRow, refusedTexts } from "./LoadedCatalog.ts"

/** What a similar_songs file says about the songs of a catalog. */
export interface LoadedSimilarSongs {
  readonly pairs: SimilarPairs
  /** Lines about tracks that the catalog does not have. */
  readonly unknown: number
  readonly refused: ReadonlyArray<RefusedRow>
}

/** Whole numbers in an array that grows. */
class Numbers {
  private values = new Float64Array(1024)
  private length = 0

  push(value: number): void {
    if (this.length === this.values.length) {
      const larger = new Float64Array(this.length * 2)
      larger.set(this.values)
      this.values = larger
    }
    this.values[this.length++] = value
  }

  sorted(): Float64Array {
    return this.values.slice(0, this.length).sort()
  }
}

const linesOf = async function* (path: string): AsyncGenerator<ReadonlyArray<string>> {
  const file = await open(path)
  const head = Buffer.alloc(2)
  await file.read(head, 0, 2, 0).finally(() => file.close())
  const source = createReadStream(path, { highWaterMark: 1 << 18 })
  const gunzip = createGunzip()
  const bytes: Readable =
    head[0] === 0x1f && head[1] === 0x8b
      ? source.on("error", (cause) => gunzip.destroy(cause)).pipe(gunzip)
      : source
  let rest = ""
  for await (const chunk of bytes) {
    // Track ids are ASCII; Eventsim reads the file as Latin-1.
    const lines = (rest + (chunk as Buffer).toString("latin1")).split("\n")
    rest = lines.pop()!
    yield lines
  }
  if (rest !== "") yield [rest]
}

const readPairs = async (path: string, songs: ReadonlyArray<Song>): Promise<LoadedSimilarSongs> => {
  const numbers = new Map<string, number>()
  for (const [n, { track_id }] of songs.entries()) {
    if (track_id !== null && !numbers.has(track_id)) numbers.set(track_id, n)
  }
  const found = new Numbers()
  const refused: Array<RefusedRow> = []
  let unknown = 0
  let line = 0
  for await (const lines of linesOf(path)) {
    for (const text of lines) {
      line++
      const [track, similar] = text.replace(/\r$/, "").split(",", 2)
      if (track === "" || similar === undefined || similar === "") {
        if (text.trim() !== "") {
          refused.push({ file: path, row: `line ${line}`, reason: "it is no track,similar" })
        }
        continue
      }
      const from = numbers.get(track)
      const to = numbers.get(similar)
      if (from === undefined || to === undefined) unknown++
      else found.push(from * songs.length + to)
    }
  }
  const codes = found.sorted()
  return {
    pairs: {
      from: Int32Array.from(codes, (code) => Math.floor(code / songs.length)),
      to: Int32Array.from(codes, (code) => code % songs.length)
    },
    unknown,
    refused
  }
}

/**
 * Reads Eventsim's similar_songs.csv(.gz): lines `track,similar` of track ids. Lines about tracks that the catalog does
 * not have say nothing and are counted; lines of another form are refused, and said. Fails (exit 2) when the file
 * cannot be read or has nothing about this catalog.
 */
export const loadSimilarSongs = (
  path: string,
  songs: ReadonlyArray<Song>
): Effect.Effect<LoadedSimilarSongs, UserError> =>
  Effect.gen(function* () {
    const progress = yield* Progress
    const wrong = (what: string) =>
      new UserError({ message: `The similar songs (--similar-songs) in ${path} ${what}`, exitCode: 2 })
    const loaded = yield* Effect.tryPromise({
      try: () => readPairs(path, songs),
      catch: (cause) =>
        wrong(
          `cannot be read: ${cause instanceof Error ? cause.message : String(cause)}. Expected lines track,similar, in gzip or not.`
        )
    })
    for (const text of refusedTexts({ refused: loaded.refused, repeated: 0 })) yield* progress.say(text)
    if (loaded.pairs.from.length === 0) {
      const first = loaded.refused[0]
      return yield* wrong(
        first === undefined
          ? `are about none of the catalog's songs (${loaded.unknown} lines about other tracks): its track ids must be those of --songs.`
          : `have no line track,similar about a song of the catalog. ${first.row}: ${first.reason}.`
      )
    }
    if (loaded.unknown > 0) {
      yield* progress.say(
        `Similar songs: ${loaded.unknown} lines are about tracks that the catalog does not have.`
      )
    }
    return loaded
  })

/** The pairs as lines `track,similar`, in order of the songs: the form in which a data folder keeps them. */
export const similarSongsText = (pairs: SimilarPairs, songs: ReadonlyArray<Song>): Buffer => {
  const blocks: Array<Buffer> = []
  let lines: Array<string> = []
  for (let n = 0; n < pairs.from.length; n++) {
    lines.push(`${songs[pairs.from[n]].track_id},${songs[pairs.to[n]].track_id}\n`)
    if (lines.length === 65_536 || n === pairs.from.length - 1) {
      blocks.push(Buffer.from(lines.join(""), "latin1"))
      lines = []
    }
  }
  return Buffer.concat(blocks)
}

/** Names the pairs by their content: 16 hex digits. */
export const similarSongsHash = (text: Buffer): string =>
  createHash("sha256").update(text).digest("hex").slice(0, 16)
