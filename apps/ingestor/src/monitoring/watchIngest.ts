import process from "node:process"
import { ObjectStore } from "@musify/lake/ObjectStore.ts"
import { EventLog } from "@musify/stream/EventLog.ts"
import { Clock, type Duration, Effect, Metric } from "effect"
import type { IngestStatus, PartitionStatus } from "../IngestStatus.ts"
import { gatheredGauge, partitionMetrics, residentGauge, waitingGauge } from "./metrics.ts"

/** Partitions that are asked for their end at a time. */
const atOnce = 8

/** Age in ms of the oldest record of a partition that is known not to be in the lake; 0 when all are. */
export const lagMs = ({ lag, oldest, storedAt }: PartitionStatus, now: number): number =>
  lag === 0 ? 0 : Math.max(0, now - (oldest ?? storedAt))

/**
 * Looks at log and bucket again and again, for ever, and notes in the status and the metrics how far each partition is
 * behind and whether both can be reached: also while nothing is written, or everything has stopped.
 */
export const watchIngest = (
  status: IngestStatus,
  every: Duration.DurationInput
): Effect.Effect<never, never, EventLog | ObjectStore> =>
  Effect.gen(function* () {
    const log = yield* EventLog
    const store = yield* ObjectStore
    const lookAt = (partition: PartitionStatus) =>
      Effect.gen(function* () {
        if (partition.end === undefined) return undefined
        const { end } = yield* log.range(partition.topic, partition.partition)
        partition.lag = Math.max(0, end - partition.end)
        const now = yield* Clock.currentTimeMillis
        yield* partitionMetrics(partition).lag(partition.lag, lagMs(partition, now) / 1000)
        return undefined
      }).pipe(Effect.catchAll((error) => Effect.succeed(error.message)))
    const look = Effect.gen(function* () {
      const partitions = [...status.partitions]
      const troubles = yield* Effect.forEach(partitions, lookAt, { concurrency: atOnce })
      status.logTrouble = troubles.find((trouble) => trouble !== undefined) ?? ""
      status.storeTrouble = yield* store.list("log/", { limit: 1 }).pipe(
        Effect.as(""),
        Effect.catchAll(({ message }) => Effect.succeed(message))
      )
      status.checkedAt = yield* Clock.currentTimeMillis
      yield* Metric.set(gatheredGauge, status.budget?.held ?? 0)
      yield* Metric.set(waitingGauge, status.budget?.waiting ?? 0)
      yield* Metric.set(residentGauge, process.memoryUsage.rss())
    })
    return yield* Effect.forever(Effect.zipRight(look, Effect.sleep(every)))
  })
