import { type Topic, topics } from "@musify/domain/Topic.ts"
import { replaceFile } from "@musify/runtime/replaceFile.ts"
import { UserError } from "@musify/runtime/UserError.ts"
import { Effect, Schema } from "effect"
import { mkdirSync, readFileSync } from "node:fs"
import { join } from "node:path"

const TopicName = Schema.Literal(...topics)
const Offsets = Schema.Array(Schema.Struct({ topic: TopicName, partition: Schema.Int, offset: Schema.Int }))

/**
 * One call of `replay` (or one that put dead letters back, without files): its files, in the order in which they are merged, and where each partition of the log ended
 * before the first record. That and the files' bytes say for every partition which record comes next, so a replay
 * that was cut off goes on exactly where it stopped. `ends` is there when the run is done.
 */
export const ReplayRun = Schema.Struct({
  files: Schema.Array(Schema.Struct({ path: Schema.String, topic: TopicName, hash: Schema.String })),
  bases: Offsets,
  ends: Schema.optional(Offsets)
})
export type ReplayRun = typeof ReplayRun.Type

const Journal = Schema.parseJson(Schema.Struct({ runs: Schema.Array(ReplayRun) }))

const journalFile = (root: string): string => join(root, "simulator", "replay.json")

/** All runs of a data folder, oldest first; only the last can be unfinished. */
export const readJournal = (root: string): Effect.Effect<ReadonlyArray<ReplayRun>, UserError> =>
  Effect.suspend(() => {
    const file = journalFile(root)
    let text: string
    try {
      text = readFileSync(file, "utf8")
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === "ENOENT") return Effect.succeed([])
      return Effect.fail(
        new UserError({
          message: `${file} cannot be read: ${String((cause as Error).message)}.`,
          exitCode: 3
        })
      )
    }
    return Schema.decodeUnknown(Journal)(text).pipe(
      Effect.map(({ runs }) => runs),
      Effect.mapError(
        () =>
          new UserError({
            message: `${file}, which says what was replayed into this data folder, is damaged. Restore it, or use another folder (--data).`,
            exitCode: 2
          })
      )
    )
  })

/** Replaces the journal; whole or not at all, also after a power cut. */
export const writeJournal = (root: string, runs: ReadonlyArray<ReplayRun>): Effect.Effect<void, UserError> =>
  Effect.try({
    try: () => {
      mkdirSync(join(root, "simulator"), { recursive: true })
      replaceFile(journalFile(root), `${Schema.encodeSync(Journal)({ runs })}\n`)
    },
    catch: (cause) =>
      new UserError({
        message: `${journalFile(root)} cannot be written: ${cause instanceof Error ? cause.message : String(cause)}.`,
        exitCode: 3
      })
  })

/** Offsets [from, to) that finished replays wrote. */
export const replayedRanges = (
  runs: ReadonlyArray<ReplayRun>
): ((topic: Topic, partition: number) => ReadonlyArray<readonly [from: number, to: number]>) => {
  const ranges = new Map<string, Array<readonly [number, number]>>()
  const keyOf = (topic: Topic, partition: number) => `${topic}/${partition}`
  for (const { bases, ends } of runs) {
    for (const { offset, partition, topic } of ends ?? []) {
      const base = bases.find((b) => b.topic === topic && b.partition === partition)?.offset ?? 0
      const key = keyOf(topic, partition)
      if (offset > base) ranges.set(key, [...(ranges.get(key) ?? []), [base, offset]])
    }
  }
  return (topic, partition) => ranges.get(keyOf(topic, partition)) ?? []
}

/** A run that was not finished, and how to finish it. */
export const replayCutOff = (root: string, { files }: ReplayRun): UserError => {
  const again =
    files.length === 0
      ? "musify dead-letters replay"
      : `musify replay ${files.map(({ path }) => path).join(" ")}`
  return new UserError({
    message: `A replay into ${root} was cut off. Finish it first: ${again}`,
    exitCode: 2
  })
}

/**
 * Number of records of each partition that replays wrote: those are not the simulator's. Fails when a replay was cut
 * off, since the simulator could then not tell its own records.
 */
export const replayedRecords = (
  root: string
): Effect.Effect<(topic: Topic, partition: number) => number, UserError> =>
  Effect.flatMap(readJournal(root), (runs) => {
    const cutOff = runs.find(({ ends }) => ends === undefined)
    if (cutOff !== undefined) return Effect.fail(replayCutOff(root, cutOff))
    const ranges = replayedRanges(runs)
    return Effect.succeed((topic, partition) =>
      ranges(topic, partition).reduce((sum, [from, to]) => sum + to - from, 0)
    )
  })
