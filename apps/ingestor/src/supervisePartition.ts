import type { FrozenBatch } from "@musify/lake/BatchBuilder.ts"
import type { ObjectStoreService } from "@musify/lake/ObjectStore.ts"
import type { ObjectStoreError } from "@musify/lake/ObjectStoreError.ts"
import type { EventLogService, Membership, TopicPartition } from "@musify/stream/EventLog.ts"
import type { EventLogError } from "@musify/stream/EventLogError.ts"
import { Cause, Clock, Duration, Effect, Random } from "effect"
import { startCommitter } from "./Committer.ts"
import type { GatherBudget } from "./GatherBudget.ts"
import { Handover } from "./Handover.ts"
import { IngestLog } from "./IngestLog.ts"
import type { IngestOptions } from "./IngestOptions.ts"
import { partitionName, type PartitionStatus } from "./IngestStatus.ts"
import { type Counters, unavailable } from "./IngestSummary.ts"
import { partitionMetrics } from "./monitoring/metrics.ts"
import { openChain } from "./openChain.ts"
import { runPartitionWriter } from "./PartitionWriter.ts"
import { type Fetched, startReader } from "./Reader.ts"

const firstPauseMs = 100
const longestPauseMs = 10_000
const longestCommit = Duration.seconds(1)
/** Failures in a row after which a partition that is to be drained once gives up: three to six seconds of waiting. */
export const triesOnce = 7

/** Reason of a partition that fails by a fault of the program. */
export const fault = "fault"

/** What the partitions of one ingestor share. */
export interface IngestParts {
  readonly store: ObjectStoreService
  readonly log: EventLogService
  readonly read: Membership["read"]
  readonly budget: GatherBudget
  /** See `putFiles`. */
  readonly slots: Effect.Semaphore
  /** See `ChainSource`. */
  readonly takeOver: Effect.Semaphore
  readonly counters: Counters
  readonly options: IngestOptions
}

/**
 * Runs a partition until it is drained or halts; after anything else it begins again from the chain's tail, after a
 * pause that grows and is not the same for all. One session is a reader, a writer and a committer of the partition.
 */
export const supervisePartition = (parts: IngestParts, of: TopicPartition): Effect.Effect<void> =>
  Effect.gen(function* () {
    const { budget, counters, log, options, read, slots, store, takeOver } = parts
    const { partition, topic } = of
    const name = partitionName(of)
    const notices = yield* IngestLog
    const metrics = partitionMetrics(of)
    yield* metrics.assigned
    const status: PartitionStatus = yield* Effect.acquireRelease(
      Effect.map(Clock.currentTimeMillis, (now) => options.status.assigned(of, now)),
      // What was drained or has halted stays to be seen.
      (assigned, exit) =>
        Effect.suspend(() => {
          if (exit._tag === "Success") return Effect.void
          options.status.lost(assigned)
          return metrics.lost
        })
    )
    let knownSeq = 0
    let pauseMs = firstPauseMs
    let failures = 0

    const tell = (what: string) =>
      notices.tell({
        level: "Info",
        message: `${name} ${what}.`,
        fields: { topic, partition, seq: knownSeq }
      })
    const halt = (reason: string, message: string, tag: string) =>
      Effect.gen(function* () {
        Object.assign(status, { phase: "halted", reason, message })
        yield* metrics.halted
        yield* notices.tell({
          level: "Error",
          message: `${name} has stopped: ${message}`,
          fields: { topic, partition, seq: knownSeq, error: tag, reason }
        })
        return true
      })
    const wait = (reason: string, message: string, tag: string, mendsItself: boolean) =>
      Effect.gen(function* () {
        failures++
        if (options.once && (failures >= triesOnce || !mendsItself)) return yield* halt(reason, message, tag)
        Object.assign(status, { phase: "waiting", reason, message })
        yield* metrics.retried(tag)
        yield* notices.tell({
          level: "Warning",
          message: `${name} waits: ${message}`,
          fields: { topic, partition, seq: knownSeq, error: tag }
        })
        yield* Effect.sleep(Duration.millis(pauseMs * (yield* Random.nextRange(0.5, 1))))
        pauseMs = Math.min(longestPauseMs, pauseMs * 2)
        return false
      })
    const waitFor = (error: EventLogError | ObjectStoreError) =>
      "retryable" in error
        ? wait(unavailable, error.message, error._tag, error.retryable)
        : wait("changing log", error.message, error._tag, true)

    const succeeded = (end: number) => {
      pauseMs = firstPauseMs
      failures = 0
      Object.assign(status, { phase: "following", reason: "", message: "", end })
    }

    const onClosed = (batch: FrozenBatch) =>
      Effect.gen(function* () {
        const { end, seq } = batch.plan
        succeeded(end)
        knownSeq = seq
        status.oldest = undefined
        status.storedAt = yield* Clock.currentTimeMillis
        counters.closed(batch)
        yield* metrics.closed(batch)
        // A hint that may get lost: the lake's chain is the position. So nobody waits for it long.
        yield* log
          .commit(options.group, topic, partition, end)
          .pipe(Effect.ignore, Effect.timeoutOption(longestCommit))
        yield* options.onProgress(counters.progress())
      })

    const session = Effect.scoped(
      Effect.gen(function* () {
        const source = { store, range: log.range, read, budget, takeOver, options }
        const position = yield* openChain(source, topic, partition, knownSeq)
        status.end = position.offset
        if (position.tookOver) {
          counters.takenOver++
          yield* metrics.tookOver
          yield* tell(`completed plan ${position.nextSeq - 1}, which another writer had left open`)
          succeeded(position.offset)
        } else if (failures === 0) status.phase = "following"
        knownSeq = Math.max(0, position.nextSeq - 1)
        const committer = yield* startCommitter({
          name: `committer of ${name}`,
          store,
          slots,
          unsealed: position.unsealed,
          onClosed
        })
        const fetches = yield* Handover.make<Fetched, EventLogError>()
        yield* startReader(read, of, position.offset, fetches, options)
        const share = yield* budget.share(() => fetches.ring())
        const writing = runPartitionWriter({
          of,
          position,
          fetches,
          share,
          committer,
          options,
          onRolled: metrics.rolled,
          onOldest: (logTime) => {
            status.oldest = logTime
            // All that the log holds is stored.
            if (logTime === undefined) succeeded(status.end ?? position.offset)
          }
        })
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
        RaceLost: ({ seq }) => {
          counters.racesLost++
          const told = tell(`dropped a batch, since another writer planned ${seq} first`)
          return Effect.as(Effect.zipRight(metrics.lostRace, told), false)
        },
        ChainHalted: ({ _tag, message, reason }) => halt(reason, message, _tag),
        // The session that follows reads the tail again and finds out whether records are lost.
        OffsetOutOfRange: waitFor,
        UnexpectedOffset: waitFor,
        EventLogUnavailable: (error) =>
          error.damaged === true ? halt("damaged log", error.message, error._tag) : waitFor(error),
        // Full, away, read-only or not ours to write: someone may mend it while the partition waits.
        ObjectStoreUnavailable: waitFor
      }),
      // A fault of the program in one partition: the chain holds whatever it was, so begin again from its tail.
      Effect.catchAllCause((cause) =>
        wait(fault, `this is a fault in Musify itself: ${Cause.pretty(cause).split("\n")[0]}`, "Defect", true)
      )
    )
    while (!(yield* attempt));
    if (status.phase !== "halted") status.phase = "drained"
  }).pipe(Effect.scoped)
