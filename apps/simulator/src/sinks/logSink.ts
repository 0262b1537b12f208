import { type Topic, topics } from "@musify/domain/Topic.ts"
import { EventLog } from "@musify/stream/EventLog.ts"
import type { EventLogError } from "@musify/stream/EventLogError.ts"
import { Effect } from "effect"
import type { EventSink } from "../EventSink.ts"
import type { WrittenBatch } from "../EventWriter.ts"

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
            records
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
    // Each append is a transaction, which waits for the disk twice.
    return { partitions, positions, newline: false, append, appendEvents: 16_384 }
  })
