import type { RecordBatch } from "@musify/domain/RecordBatch.ts"
import { type Topic, topics } from "@musify/domain/Topic.ts"
import { Progress } from "@musify/runtime/Progress.ts"
import { UserError } from "@musify/runtime/UserError.ts"
import type { EventLogError } from "@musify/stream/EventLogError.ts"
import type { KafkaEventLogService } from "@musify/stream/KafkaEventLog.ts"
import { Effect } from "effect"
import type { EventSink } from "../EventSink.ts"
import type { Positions } from "../EventWriter.ts"
import { numberedRecords, recordsFrom } from "./numberedRecords.ts"

/** What of the log is used. */
export type SeriesLog = Pick<KafkaEventLogService, "append" | "seriesEnd">

/** Records for one partition, the first of which has this number in the series. */
interface Numbered {
  readonly topic: Topic
  readonly partition: number
  readonly number: number
  readonly records: RecordBatch
}

/**
 * Kafka as a sink. Other producers may write to the same topics: every record says in its headers which simulation it is
 * of and which of its partition's events it is (kafka/series.ts). Where an append failed, nobody may know what of it is
 * in the log: then the log's end is read, and the rest is sent. So every event is there once, in order.
 *
 * `positions`: how many events each partition has. `patient`: wait for Kafka as long as it takes; otherwise a few tries.
 */
export const kafkaSink = (options: {
  readonly log: SeriesLog
  readonly series: string
  readonly partitions: ReadonlyArray<number>
  readonly positions: Positions
  /** Where the series began in each partition. */
  readonly began: (topic: Topic, partition: number) => number
  readonly patient: boolean
}): Effect.Effect<EventSink<EventLogError | UserError>> =>
  Effect.gen(function* () {
    const { began, log, partitions, patient, positions, series } = options
    const progress = yield* Progress
    const next = positions.map((list) => [...list])
    // What a killed run had under way may land after the start has looked for the end, so the first append looks again.
    const unsure = new Set(topics.flatMap((topic, t) => positions[t].map((_, p) => `${topic}/${p}`)))

    /** What of a batch is not in the log yet; undefined: all of it is. */
    const rest = (batch: Numbered): Effect.Effect<Numbered | undefined, EventLogError | UserError> =>
      Effect.gen(function* () {
        const { number, partition, records, topic } = batch
        const end = (yield* log.seriesEnd(series, topic, partition, began(topic, partition))) ?? 0
        const sent = end - number
        if (sent < 0 || sent > records.count) {
          return yield* new UserError({
            message: `The events of this simulation in ${topic}/${partition} end at number ${end - 1}, but ${number} to ${number + records.count - 1} are being written: another simulator of the same settings is at work, or the topic was deleted. Stop the other one, or begin anew in another folder (--data) and with other topics (--kafka-topic-prefix).`,
            exitCode: 1
          })
        }
        if (sent === records.count) return undefined
        return { topic, partition, number: number + sent, records: recordsFrom(records, sent) }
      })

    const send = (batches: ReadonlyArray<Numbered>): Effect.Effect<void, EventLogError | UserError> =>
      Effect.gen(function* () {
        let left = batches
        let failures = 0
        const attempt = Effect.gen(function* () {
          const open: Array<Numbered> = []
          for (const batch of left) {
            const doubtful = failures > 0 || unsure.has(`${batch.topic}/${batch.partition}`)
            const found = doubtful ? yield* rest(batch) : batch
            if (found !== undefined) open.push(found)
          }
          if (open.length > 0) yield* log.append(open)
          for (const { partition, topic } of left) unsure.delete(`${topic}/${partition}`)
          left = []
        })
        while (left.length > 0) {
          yield* Effect.catchTag(attempt, "EventLogUnavailable", (error) =>
            error.retryable && (patient || ++failures < triesOnce)
              ? progress.say(`The simulation waits: ${error.message}`)
              : Effect.fail(error)
          )
          failures = Math.max(1, failures)
        }
      })

    return {
      partitions,
      positions,
      newline: false,
      // Batches of each partition are then about as large as Kafka likes them.
      appendEvents: 16_384,
      append: (batches) => {
        const numbered = batches.map(({ partition, records, topic }): Numbered => {
          const numbers = next[topics.indexOf(topic)]
          const number = numbers[partition]
          numbers[partition] += records.count
          return { topic, partition, number, records: numberedRecords(records, series, number) }
        })
        return send(numbered)
      }
    }
  })

/** Failures in a row after which a history gives up; each took the log's own time (--kafka-timeout). */
const triesOnce = 4
