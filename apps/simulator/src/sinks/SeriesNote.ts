import { type Topic, topics } from "@musify/domain/Topic.ts"
import { replaceFile } from "@musify/runtime/replaceFile.ts"
import { fileError, UserError } from "@musify/runtime/UserError.ts"
import { Effect, Schema } from "effect"
import { mkdirSync, readFileSync } from "node:fs"
import { join } from "node:path"

/** Where a simulation's events begin in Kafka, by partition. */
const SeriesNote = Schema.parseJson(
  Schema.Struct({
    series: Schema.String,
    began: Schema.Array(
      Schema.Struct({ topic: Schema.Literal(...topics), partition: Schema.Int, offset: Schema.Int })
    )
  })
)
export type SeriesNote = typeof SeriesNote.Type

const noteFile = (root: string): string => join(root, "simulator", "kafka-series.json")

/** The note of a data folder; undefined when there is none, or one of another series. */
export const readSeriesNote = (
  root: string,
  series: string
): Effect.Effect<SeriesNote | undefined, UserError> =>
  Effect.suspend(() => {
    const file = noteFile(root)
    let text: string
    try {
      text = readFileSync(file, "utf8")
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === "ENOENT") return Effect.succeed(undefined)
      return Effect.fail(fileError(`read ${file}`, cause))
    }
    return Schema.decodeUnknown(SeriesNote)(text).pipe(
      Effect.map((note) => (note.series === series ? note : undefined)),
      Effect.mapError(
        () =>
          new UserError({
            message: `${file}, which says where this simulation's events begin in Kafka, is damaged. Restore it, or use another folder (--data).`,
            exitCode: 2
          })
      )
    )
  })

/** Writes the note; whole or not at all, also after a power cut. */
export const writeSeriesNote = (root: string, note: SeriesNote): Effect.Effect<void, UserError> =>
  Effect.try({
    try: () => {
      mkdirSync(join(root, "simulator"), { recursive: true })
      replaceFile(noteFile(root), `${Schema.encodeSync(SeriesNote)(note)}\n`)
    },
    catch: (cause) => fileError(`write ${noteFile(root)}`, cause)
  })

/** The offset of a partition in a note. */
export const beganAt = (note: SeriesNote, topic: Topic, partition: number): number =>
  note.began.find((one) => one.topic === topic && one.partition === partition)?.offset ?? 0
