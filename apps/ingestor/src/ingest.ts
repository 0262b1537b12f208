import { topics } from "@musify/domain/Topic.ts"
import { ObjectStore } from "@musify/lake/ObjectStore.ts"
import { EventLog } from "@musify/stream/EventLog.ts"
import type { EventLogError } from "@musify/stream/EventLogError.ts"
import { Effect, Schedule } from "effect"
import { GatherBudget } from "./GatherBudget.ts"
import { IngestLog } from "./IngestLog.ts"
import type { IngestOptions } from "./IngestOptions.ts"
import { defaultIngestOptions } from "./IngestOptions.ts"
import { IngestStatus } from "./IngestStatus.ts"
import type { IngestSummary } from "./IngestSummary.ts"
import { Counters } from "./IngestSummary.ts"
import { runAssigned } from "./runAssigned.ts"
import { supervisePartition } from "./supervisePartition.ts"

/** Memory of all reads that wait for their decoding, where that leaves enough for each. */
const allReadsBytes = 32 * 1024 * 1024
const leastReadBytes = 256 * 1024

/** How much is read at a time: the fewer partitions there are the more, since each read costs as much as some 200 records. */
const readBytesFor = (partitions: number, most: number): number =>
  Math.min(most, Math.max(leastReadBytes, Math.floor(allReadsBytes / partitions)))

/**
 * Brings the log into the lake, each record exactly once: as a member of a consumer group, it runs each (topic,
 * partition) that is its own. A partition that halts is reported in the summary and does not stop the others. While
 * bucket or log cannot be reached a partition waits, says so, and tries again with growing pauses from the chain's own
 * tail: for ever, or with `once` a few times in a row (and not at all when only a person can mend it), and then it halts
 * as "unavailable". Any number of ingestors may run on one bucket.
 */
export const ingest = (
  given: Partial<IngestOptions>
): Effect.Effect<IngestSummary, EventLogError, EventLog | ObjectStore> =>
  Effect.gen(function* () {
    const options: IngestOptions = {
      ...defaultIngestOptions,
      status: new IngestStatus(),
      onProgress: () => Effect.void,
      ...given
    }
    const { status } = options
    const log = yield* EventLog
    const store = yield* ObjectStore
    const notices = yield* IngestLog
    const counters = new Counters()
    const budget = new GatherBudget(options.gatherBytes, options.bytes)
    status.budget = budget
    const slots = yield* Effect.makeSemaphore(options.puts)
    const takeOver = yield* Effect.makeSemaphore(1)

    const membership = Effect.scoped(
      Effect.gen(function* () {
        const counts = yield* Effect.forEach(topics, (topic) => log.partitions(topic))
        const partitions = counts.reduce((sum, count) => sum + count, 0)
        const { assignments, read } = yield* log.join(options.group)
        const parts = {
          ...{ store, log, read, budget, slots, takeOver, counters },
          options: { ...options, readBytes: readBytesFor(partitions, options.readBytes) }
        }
        yield* runAssigned(assignments, (partition) => supervisePartition(parts, partition), {
          once: options.once,
          onAssigned: () => {
            status.hasJoined = true
            status.joinTrouble = ""
          }
        })
      })
    )
    // Who follows the log waits for it.
    const rejoined = membership.pipe(
      Effect.tapError((error) => {
        status.hasJoined = false
        status.joinTrouble = error.message
        return options.once
          ? Effect.void
          : notices.tell({
              level: "Warning",
              message: `The ingestor cannot join its group: ${error.message}`,
              fields: { group: options.group, error: error._tag }
            })
      }),
      Effect.retry({
        while: (error) => !options.once && "retryable" in error && error.retryable,
        schedule: Schedule.exponential("500 millis").pipe(
          Schedule.union(Schedule.spaced("10 seconds")),
          Schedule.jittered
        )
      })
    )
    yield* rejoined
    return counters.summary(status)
  })
