import type { LogBatch } from "@musify/domain/RecordBatch.ts"
import type { Topic } from "@musify/domain/Topic.ts"
import { BatchBuilder, gatheredBytes } from "@musify/lake/BatchBuilder.ts"
import type { Tail } from "@musify/lake/Chain.ts"
import { checkDecoder, executeTail, findTail, missingFiles } from "@musify/lake/Chain.ts"
import { ChainHalted } from "@musify/lake/ChainError.ts"
import type { ObjectStoreService } from "@musify/lake/ObjectStore.ts"
import type { ObjectStoreError } from "@musify/lake/ObjectStoreError.ts"
import type { Plan } from "@musify/lake/Plan.ts"
import { witnessOf } from "@musify/lake/rowHash.ts"
import type { EventLogService, Membership } from "@musify/stream/EventLog.ts"
import type { EventLogError } from "@musify/stream/EventLogError.ts"
import { Effect } from "effect"
import type { GatherBudget } from "./GatherBudget.ts"
import type { IngestOptions } from "./IngestOptions.ts"

/** Where a partition's writer goes on. */
export interface ChainPosition {
  readonly nextSeq: number
  /** Offset of the next record to plan. */
  readonly offset: number
  /** The last plan, complete but not sealed yet. */
  readonly unsealed: Plan | undefined
  readonly tookOver: boolean
}

/** What opening a chain needs of its surroundings. */
export interface ChainSource {
  readonly store: ObjectStoreService
  readonly range: EventLogService["range"]
  readonly read: Membership["read"]
  readonly budget: GatherBudget
  /** Held by whoever completes an open tail: one at a time, since its batch cannot be stored before it is whole. */
  readonly takeOver: Effect.Semaphore
  readonly options: Pick<IngestOptions, "readBytes" | "decoder">
}

type Failure = ObjectStoreError | EventLogError | ChainHalted

/**
 * Finds the end of a partition's chain, proves that the log is the one it was made from, and completes an open tail
 * with its own plan. `knownSeq`: a seq that is planned already, or 0. The log is read in one direction: from the open
 * plan's start, or from the record before the chain's end.
 */
export const openChain = (
  source: ChainSource,
  topic: Topic,
  partition: number,
  knownSeq: number
): Effect.Effect<ChainPosition, Failure> =>
  Effect.gen(function* () {
    const tail = yield* readTail(source.store, topic, partition, knownSeq)
    return yield* continueFrom(source, topic, partition, tail).pipe(
      Effect.catchIf(
        (error) => error._tag === "ChainHalted" && isAboutTheLog(error),
        (error) =>
          // A reader that slept may hold an old tail, and a writer that slept may complete it from its memory: the loss
          // is said only when the tail is still the same.
          Effect.flatMap(readTail(source.store, topic, partition, tail.plan?.seq ?? 0), (now) =>
            sameTail(tail, now) ? Effect.fail(error) : openChain(source, topic, partition, now.plan?.seq ?? 0)
          )
      )
    )
  })

/** A chain's tail and those of its files that are not there yet. */
interface OpenTail extends Tail {
  readonly missing: Effect.Effect.Success<ReturnType<typeof missingFiles>>
}

const readTail = (
  store: ObjectStoreService,
  topic: Topic,
  partition: number,
  knownSeq: number
): Effect.Effect<OpenTail, ObjectStoreError | ChainHalted> =>
  Effect.gen(function* () {
    const tail = yield* findTail(store, topic, partition, knownSeq)
    const isOpen = tail.plan !== undefined && !tail.sealed
    return { ...tail, missing: isOpen ? yield* missingFiles(store, tail.plan) : [] }
  })

const isAboutTheLog = ({ reason }: ChainHalted): boolean =>
  reason === "missing records" || reason === "recreated log"

const sameTail = (a: OpenTail, b: OpenTail): boolean =>
  a.plan?.seq === b.plan?.seq && a.sealed === b.sealed && a.missing.length === b.missing.length

const continueFrom = (
  source: ChainSource,
  topic: Topic,
  partition: number,
  { missing, plan, sealed }: OpenTail
): Effect.Effect<ChainPosition, Failure> =>
  Effect.gen(function* () {
    const { store } = source
    const range = yield* source.range(topic, partition)
    if (plan === undefined) return { nextSeq: 0, offset: range.start, unsealed: undefined, tookOver: false }
    if (range.end < plan.end) return yield* recreated(plan, `the log ends at ${range.end}`)
    if (missing.length > 0) {
      yield* checkDecoder(store, plan)
      yield* Effect.scoped(
        Effect.gen(function* () {
          const again = yield* makeAgain(source, plan, range.start)
          yield* executeTail(store, plan, missing, again, range.start <= plan.start)
        })
      ).pipe(source.takeOver.withPermits(1))
    } else if (range.start < plan.end) {
      const batch = yield* source.read(topic, partition, plan.end - 1, 1)
      yield* checkWitness(plan, batch, 0)
    }
    if (range.start > plan.end)
      return yield* new ChainHalted({
        topic,
        partition,
        reason: "missing records",
        message: `The log of ${topic}/${partition} starts at ${range.start}, but the lake needs it from ${plan.end}: the records ${plan.end} to ${range.start - 1} are gone. Restore the log, or accept the loss by hand; nothing was written.`
      })
    return {
      nextSeq: plan.seq + 1,
      offset: plan.end,
      unsealed: sealed ? undefined : plan,
      tookOver: missing.length > 0
    }
  })

const recreated = ({ end, partition, topic }: Plan, found: string) =>
  new ChainHalted({
    topic,
    partition,
    reason: "recreated log",
    message: `The lake holds ${topic}/${partition} up to offset ${end}, but ${found}: the log was deleted and made anew. Put the old log back, or start with an empty bucket; nothing was written.`
  })

/** Compares record `index` of a batch with the plan's witness, if it is the plan's last one. */
const checkWitness = (plan: Plan, batch: LogBatch, index: number): Effect.Effect<void, ChainHalted> =>
  index < batch.count && batch.offsets[index] === plan.end - 1 && witnessOf(batch, index) !== plan.witness
    ? recreated(plan, `the record at ${plan.end - 1} is another one`)
    : Effect.void

/** The open plan's batch, made once more from what the log holds of its range, its last record compared on the way. */
const makeAgain = ({ budget, options, read }: ChainSource, plan: Plan, logStart: number) =>
  Effect.gen(function* () {
    const everything = {
      rows: Number.MAX_SAFE_INTEGER,
      bytes: Number.MAX_SAFE_INTEGER,
      files: Number.MAX_SAFE_INTEGER
    }
    const share = yield* budget.share(undefined)
    const builder = new BatchBuilder(plan.topic, plan.partition, plan.start, everything, options.decoder)
    let position = Math.max(plan.start, logStart)
    while (position < plan.end) {
      const batch = yield* read(plan.topic, plan.partition, position, options.readBytes)
      let count = 0
      while (count < batch.count && batch.offsets[count] < plan.end) count++
      if (count > 0) {
        yield* checkWitness(plan, batch, count - 1)
        yield* share.admit(gatheredBytes({ ...batch, count }, 0))
        builder.add({ ...batch, count }, 0)
        share.settle(builder.held)
      }
      if (count < batch.count || batch.count === 0) break
      position = batch.offsets[batch.count - 1] + 1
    }
    return builder.freeze(plan.seq, plan.writer)
  })
