import { type Topic, topics } from "@musify/domain/Topic.ts"
import { UserError } from "@musify/runtime/UserError.ts"
import { EventLog } from "@musify/stream/EventLog.ts"
import type { EventLogError } from "@musify/stream/EventLogError.ts"
import { Effect, type Scope } from "effect"
import { closeSync, mkdirSync, openSync, writeSync } from "node:fs"
import { join } from "node:path"
import type { Positions, WrittenBatch } from "./EventWriter.ts"

/** The role (`DataFolder.lockRole`) of whoever writes events into a data folder's log: one at a time. */
export const producerRole = "producer"

/** Where simulated events go. */
export interface EventSink<E> {
  /** Partitions per topic, in the order of `topics`. */
  readonly partitions: ReadonlyArray<number>
  /** Records that are there already: that many events of each (topic, partition) are passed over. */
  readonly positions: Positions
  /** Every event ends in a line feed. */
  readonly newline: boolean
  /** `time`: epoch ms up to which all events have been handed over with these. */
  readonly append: (batches: ReadonlyArray<WrittenBatch>, time: number) => Effect.Effect<void, E>
  /** Wants to be told of time that passes without events as well. */
  readonly timed?: boolean
  /** Called when the history is written, and at the end. */
  readonly finish?: Effect.Effect<void, E>
  /** What went out, where that is not what came in: events by topic, faults by kind. */
  readonly summary?: () => {
    readonly events: Readonly<Record<Topic, number>>
    readonly faults: Readonly<Record<string, number>>
  }
}

/**
 * The event log as a sink. Each append says at which offset it must land, so that a second producer is noticed and
 * nothing is ever written twice. `foreign`: records of a partition that another producer wrote (replayed files).
 */
export const logSink = (
  foreign: (topic: Topic, partition: number) => number = () => 0
): Effect.Effect<EventSink<EventLogError>, EventLogError, EventLog> =>
  Effect.gen(function* () {
    const log = yield* EventLog
    const partitions = yield* Effect.forEach(topics, (topic) => log.partitions(topic))
    const ends = yield* Effect.forEach(topics, (topic, t) =>
      Effect.forEach(
        Array.from({ length: partitions[t] }, (_, p) => p),
        (p) => Effect.map(log.range(topic, p), ({ end }) => end)
      )
    )
    const positions = ends.map((list, t) => list.map((end, p) => end - foreign(topics[t], p)))
    const append = (batches: ReadonlyArray<WrittenBatch>) =>
      log
        .append(
          batches.map(({ topic, partition, records }) => ({
            topic,
            partition,
            expectedOffset: ends[topics.indexOf(topic)][partition],
            // The writer's buffer is reused; the log may keep what it is given.
            records: { ...records, values: { ...records.values, data: records.values.data.slice() } }
          }))
        )
        .pipe(
          Effect.tap(() =>
            Effect.sync(() => {
              for (const { topic, partition, records } of batches) {
                ends[topics.indexOf(topic)][partition] += records.count
              }
            })
          ),
          Effect.asVoid
        )
    return { partitions, positions, newline: false, append }
  })

const onePartition = topics.map(() => 1)

/** Nowhere: to measure. */
export const nullSink: EventSink<never> = {
  partitions: onePartition,
  positions: [],
  newline: false,
  append: () => Effect.void
}

/** Files `<topic>.ndjson` in a folder, which is made if missing; existing ones are replaced. */
export const ndjsonSink = (dir: string): Effect.Effect<EventSink<UserError>, UserError, Scope.Scope> => {
  const failed = (cause: unknown) =>
    new UserError({
      message: `The events cannot be written to ${dir}: ${cause instanceof Error ? cause.message : String(cause)}. Give --output ndjson:DIR a folder that can be written to and has room.`,
      exitCode: 3
    })
  return Effect.acquireRelease(
    Effect.try({
      try: () => {
        mkdirSync(dir, { recursive: true })
        return new Map(topics.map((topic) => [topic, openSync(join(dir, `${topic}.ndjson`), "w")]))
      },
      catch: failed
    }),
    (files) => Effect.sync(() => files.forEach((file) => closeSync(file)))
  ).pipe(
    Effect.map((files) => ({
      partitions: onePartition,
      positions: [],
      newline: true,
      append: (batches) =>
        Effect.try({
          try: () => {
            for (const { topic, records } of batches) {
              for (let from = 0; from < records.values.data.length;) {
                from += writeSync(files.get(topic)!, records.values.data, from)
              }
            }
          },
          catch: failed
        })
    }))
  )
}
