import type { Topic } from "@musify/domain/Topic.ts"
import { topics } from "@musify/domain/Topic.ts"
import { ObjectStore } from "@musify/lake/ObjectStore.ts"
import { Progress } from "@musify/runtime/Progress.ts"
import { EventLog } from "@musify/stream/EventLog.ts"
import type { ObjectStoreError } from "@musify/lake/ObjectStoreError.ts"
import type { EventLogError } from "@musify/stream/EventLogError.ts"
import { Duration, Effect } from "effect"
import { startCommitter } from "./Committer.ts"
import type { IngestOptions } from "./IngestOptions.ts"
import { defaultIngestOptions } from "./IngestOptions.ts"
import type { IngestSummary } from "./IngestSummary.ts"
import { Counters, unavailable } from "./IngestSummary.ts"
import { openChain } from "./openChain.ts"
import { runPartitionWriter } from "./PartitionWriter.ts"
import type { Reader } from "./Reader.ts"
import { startReader } from "./Reader.ts"

const firstPauseMs = 100
const longestPauseMs = 10_000
/** Failures in a row after which a partition that is to be drained once gives up: some six seconds of waiting. */
export const triesOnce = 7

/**
 * Brings the log into the lake, each record exactly once: one reader, and per (topic, partition) a writer and a
 * committer. A partition that halts is reported in the summary and does not stop the others. While bucket or log cannot
 * be reached a partition waits, says so, and tries again with growing pauses from the chain's own tail: for ever, or with
 * `once` a few times in a row (and not at all when only a person can mend it), and then it halts as "unavailable". Any
 * number of ingestors may run on one bucket.
 */
export const ingest = (
  given: Partial<IngestOptions>
): Effect.Effect<IngestSummary, EventLogError, EventLog | ObjectStore> =>
  Effect.scoped(
    Effect.gen(function* () {
      const options: IngestOptions = { ...defaultIngestOptions, onProgress: () => Effect.void, ...given }
      const log = yield* EventLog
      const counters = new Counters()
      const reader = yield* startReader(log, options)
      const partitions: Array<{ readonly topic: Topic; readonly partition: number }> = []
      for (const topic of topics) {
        const count = yield* log.partitions(topic)
        for (let partition = 0; partition < count; partition++) partitions.push({ topic, partition })
      }
      yield* Effect.forEach(
        partitions,
        ({ partition, topic }) => supervise(topic, partition, reader, counters, options),
        { concurrency: "unbounded", discard: true }
      )
      return counters.summary()
    })
  )

/** Runs a partition until it is drained or halts; begins again from the chain's tail after anything else. */
const supervise = (
  topic: Topic,
  partition: number,
  reader: Reader,
  counters: Counters,
  options: IngestOptions
): Effect.Effect<void, never, EventLog | ObjectStore> =>
  Effect.gen(function* () {
    const progress = yield* Progress
    let knownSeq = 0
    let pauseMs = firstPauseMs
    let failures = 0

    const halt = (reason: string, message: string) => {
      counters.halt({ topic, partition, reason, message })
      return Effect.as(progress.say(`${topic}/${partition} has stopped: ${message}`), true)
    }
    const wait = (error: EventLogError | ObjectStoreError) =>
      Effect.gen(function* () {
        const mendsItself = "retryable" in error ? error.retryable : true
        if (options.once && (++failures >= triesOnce || !mendsItself))
          return yield* halt("retryable" in error ? unavailable : "changing log", error.message)
        yield* progress.say(`${topic}/${partition} waits: ${error.message}`)
        yield* Effect.sleep(Duration.millis(pauseMs))
        pauseMs = Math.min(longestPauseMs, pauseMs * 2)
        return false
      })

    const succeeded = () => {
      pauseMs = firstPauseMs
      failures = 0
    }

    const session = Effect.scoped(
      Effect.gen(function* () {
        const log = yield* EventLog
        const store = yield* ObjectStore
        const position = yield* openChain(store, log, topic, partition, knownSeq, options)
        if (position.tookOver) {
          counters.takenOver++
          succeeded()
        }
        knownSeq = Math.max(0, position.nextSeq - 1)
        const committer = yield* startCommitter(
          store,
          log,
          `committer of ${topic}/${partition}`,
          position.unsealed,
          (batch) =>
            Effect.suspend(() => {
              succeeded()
              knownSeq = batch.plan.seq
              counters.closed(batch)
              return options.onProgress(counters.progress())
            })
        )
        const fetches = yield* reader.subscribe(topic, partition, position.offset)
        const writing = runPartitionWriter(topic, partition, position, fetches, committer, options)
        // The committer's own error says more than the writer's "has stopped".
        yield* Effect.raceFirst(
          Effect.catchTag(writing, "ActorStopped", () => Effect.never),
          Effect.zipRight(committer.join, Effect.never)
        )
      })
    )

    const attempt = session.pipe(
      Effect.as(true),
      Effect.catchTags({
        RaceLost: () => {
          counters.racesLost++
          return Effect.succeed(false)
        },
        ChainHalted: ({ message, reason }) => halt(reason, message),
        // The session that follows reads the tail again and finds out whether records are lost.
        OffsetOutOfRange: wait,
        UnexpectedOffset: wait,
        EventLogUnavailable: (error) =>
          error.damaged === true ? halt("damaged log", error.message) : wait(error),
        // Full, away, read-only or not ours to write: someone may mend it while the partition waits.
        ObjectStoreUnavailable: wait
      })
    )
    while (!(yield* attempt));
  })
