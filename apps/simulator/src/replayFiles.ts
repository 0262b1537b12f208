import { type Topic, topics } from "@musify/domain/Topic.ts"
import { UserError } from "@musify/runtime/UserError.ts"
import { Effect } from "effect"
import { Buffer } from "node:buffer"
import { createHash } from "node:crypto"
import { createReadStream, readdirSync, statSync } from "node:fs"
import { basename, join, resolve, sep } from "node:path"
import { createGunzip } from "node:zlib"

/** A file to replay: NDJSON of one topic. */
export interface ReplayFile {
  readonly path: string
  readonly topic: Topic
  /** SHA-256 of the file's bytes. */
  readonly hash: string
}

const wrong = (message: string) => new UserError({ message, exitCode: 2 })

/** `listen_events`, `listen_events.ndjson.gz`, `listen_events-2.json`, or any file in a folder of that name. */
const topicOf = (path: string): Topic | undefined => {
  const parts = path.split(sep).reverse()
  for (const part of parts) {
    const topic = topics.find(
      (name) => part === name || (/^[.\-_0-9]/.test(part.slice(name.length)) && part.startsWith(name))
    )
    if (topic !== undefined) return topic
  }
  return undefined
}

const list = (path: string): ReadonlyArray<string> => {
  if (!statSync(path).isDirectory()) return [path]
  return readdirSync(path)
    .sort()
    .filter((name) => !name.startsWith(".") && !/\.(tmp|part|crc)$/.test(name))
    .flatMap((name) => list(join(path, name)))
}

/** SHA-256 of a file's bytes, in hex. */
export const hashFile = (path: string): Effect.Effect<string, UserError> =>
  Effect.tryPromise({
    try: async () => {
      const hash = createHash("sha256")
      for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer)
      return hash.digest("hex")
    },
    catch: (cause) =>
      wrong(`${path} cannot be read: ${cause instanceof Error ? cause.message : String(cause)}.`)
  })

/** The files that paths (files or folders) name, by topic, then as given; other files in a folder are passed over. */
export const findReplayFiles = (
  paths: ReadonlyArray<string>
): Effect.Effect<ReadonlyArray<ReplayFile>, UserError> =>
  Effect.gen(function* () {
    const found: Array<ReplayFile> = []
    for (const given of paths) {
      const path = resolve(given)
      const files = yield* Effect.try({
        try: () => list(path),
        catch: (cause) =>
          wrong(`${given} cannot be read: ${cause instanceof Error ? cause.message : String(cause)}.`)
      })
      let usable = 0
      for (const file of files) {
        // Only names below the given folder count, or the file's own, so that a home folder's name decides nothing.
        const topic = topicOf(
          file === path ? basename(path) : join(basename(path), file.slice(path.length + 1))
        )
        if (topic === undefined) continue
        usable++
        found.push({ path: file, topic, hash: yield* hashFile(file) })
      }
      if (usable === 0) {
        return yield* wrong(
          `${given} names no topic: expected files called ${topics.join(", ")} (with .ndjson, .json or .gz if you like), or folders of these names.`
        )
      }
    }
    return found.sort((a, b) => topics.indexOf(a.topic) - topics.indexOf(b.topic))
  })

/**
 * Lines of a file, many at a time: the bytes between line feeds, without the line feed and otherwise untouched. An
 * empty line carries nothing and is left out. Memory is bounded by the stream's chunks and the longest line.
 */
export async function* readLines(path: string): AsyncGenerator<ReadonlyArray<Buffer>> {
  const file = createReadStream(path, { highWaterMark: 1 << 18 })
  const gunzip = path.endsWith(".gz") ? createGunzip({ chunkSize: 1 << 18 }) : undefined
  // A failing file must end the reading of what comes out of the gunzip.
  if (gunzip !== undefined) file.on("error", (cause) => gunzip.destroy(cause))
  try {
    let rest: Array<Buffer> = []
    for await (const chunk of gunzip === undefined ? file : file.pipe(gunzip)) {
      const bytes = chunk as Buffer
      const lines: Array<Buffer> = []
      let from = 0
      for (let to = bytes.indexOf(10); to !== -1; to = bytes.indexOf(10, from)) {
        const piece = bytes.subarray(from, to)
        const line = rest.length === 0 ? piece : Buffer.concat([...rest, piece])
        rest = []
        if (line.length > 0) lines.push(line)
        from = to + 1
      }
      if (from < bytes.length) rest.push(bytes.subarray(from))
      if (lines.length > 0) yield lines
    }
    if (rest.length > 0) yield [Buffer.concat(rest)]
  } finally {
    file.destroy()
    gunzip?.destroy()
  }
}

const tsKey = Buffer.from('"ts":')

/** The event time of a line, epoch ms, or undefined where none can be read off. Only the order of sending depends on it. */
export const tsOf = (line: Buffer): number | undefined => {
  let at = line.indexOf(tsKey)
  if (at === -1) return undefined
  at += tsKey.length
  while (line[at] === 32) at++
  let ts = 0
  const from = at
  for (; at < line.length && line[at] >= 48 && line[at] <= 57; at++) ts = ts * 10 + line[at] - 48
  return at === from ? undefined : ts
}
