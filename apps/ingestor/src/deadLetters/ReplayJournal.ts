import { Buffer } from "node:buffer"
import { topics } from "@musify/domain/Topic.ts"
import { DamagedFile } from "@musify/lake/ChainError.ts"
import type { ObjectStoreService } from "@musify/lake/ObjectStore.ts"
import type { ObjectStoreError } from "@musify/lake/ObjectStoreError.ts"
import { Effect, Option, Schema } from "effect"
import type { DeadLetterFile } from "./findDeadLetters.ts"

/*
 * What was put back into the log, per dead-letter file: a chain of replays like that of micro-batches. Replay n is put if
 * absent before any of its records is appended, so whoever finds it knows which records may be in the log, and from
 * which offset on. Nothing of it is ever deleted or replaced.
 */

const version = 1

/** Dead letters of one file that are to be put back into the log. */
export const Replay = Schema.Struct({
  version: Schema.Literal(version),
  /** Name of the dead-letter file. */
  file: Schema.String,
  topic: Schema.Literal(...topics),
  partition: Schema.Int,
  /** Number in the file's chain. */
  number: Schema.Int,
  /** Offsets of the dead letters, ascending. */
  offsets: Schema.Array(Schema.Int),
  /** Where the log's partition ended before: no record of this replay lies before it. */
  after: Schema.Int
})
export type Replay = typeof Replay.Type

const encodeReplay = Schema.encodeSync(Schema.parseJson(Replay))
const decodeReplay = Schema.decodeUnknownEither(Schema.parseJson(Replay))

/** The replays of a dead-letter file so far. */
export interface ReplayChain {
  readonly replays: ReadonlyArray<Replay>
  /** Numbers of those whose records are all known to be in the log. */
  readonly done: ReadonlySet<number>
}

const prefixOf = (file: string): string =>
  `log/replays/${file.replace(/^dead-letters\//, "").replace(/\.parquet$/, "")}/`
const nameOf = (file: string, number: number, kind: "plan" | "done"): string =>
  `${prefixOf(file)}${String(number).padStart(6, "0")}.${kind}.json`

/** Reads what was put back of a file. */
export const readReplays = (
  store: ObjectStoreService,
  { name: file }: DeadLetterFile
): Effect.Effect<ReplayChain, ObjectStoreError | DamagedFile> =>
  Effect.gen(function* () {
    const replays: Array<Replay> = []
    const done = new Set<number>()
    for (const { name } of yield* store.list(prefixOf(file))) {
      if (name.endsWith(".done.json")) {
        done.add(Number(/(\d+)\.done\.json$/.exec(name)?.[1]))
        continue
      }
      const found = yield* store.get(name)
      const text = Option.match(found, { onNone: () => "", onSome: (bytes) => Buffer.from(bytes).toString() })
      const replay = decodeReplay(text)
      if (replay._tag === "Left" || replay.right.file !== file || replay.right.number !== replays.length)
        return yield* new DamagedFile({
          name,
          message: `${store.locate(name)} is no replay of ${file}: it is damaged, of a newer release, or plans were deleted. Restore it from a backup; nothing of ${file} is replayed until then.`
        })
      replays.push(replay.right)
    }
    return { replays, done }
  })

/** Puts the next replay of a file, if absent. False: another one was first. */
export const putReplay = (
  store: ObjectStoreService,
  replay: Replay
): Effect.Effect<boolean, ObjectStoreError> =>
  Effect.map(
    store.putIfAbsent(nameOf(replay.file, replay.number, "plan"), Buffer.from(encodeReplay(replay))),
    (answer) => answer === "created"
  )

/** Notes that all records of a replay are in the log. */
export const putDone = (
  store: ObjectStoreService,
  { file, number }: Replay
): Effect.Effect<void, ObjectStoreError> =>
  Effect.asVoid(store.putIfAbsent(nameOf(file, number, "done"), Buffer.from("{}")))

/** A new replay. */
export const makeReplay = (
  { name: file, partition, topic }: DeadLetterFile,
  number: number,
  offsets: ReadonlyArray<number>,
  after: number
): Replay => ({ version, file, topic, partition, number, offsets, after })
