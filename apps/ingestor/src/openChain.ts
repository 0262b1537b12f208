import type { Topic } from "@musify/domain/Topic.ts"
import { BatchBuilder } from "@musify/lake/BatchBuilder.ts"
import type { Tail } from "@musify/lake/Chain.ts"
import { checkDecoder, executeTail, findTail, missingFiles } from "@musify/lake/Chain.ts"
import { ChainHalted } from "@musify/lake/ChainError.ts"
import type { ObjectStoreService } from "@musify/lake/ObjectStore.ts"
import type { ObjectStoreError } from "@musify/lake/ObjectStoreError.ts"
import type { Plan } from "@musify/lake/Plan.ts"
import { witnessOf } from "@musify/lake/rowHash.ts"
import type { EventLogService } from "@musify/stream/EventLog.ts"
import type { EventLogError } from "@musify/stream/EventLogError.ts"
import { Effect } from "effect"
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

type Failure = ObjectStoreError | EventLogError | ChainHalted

/**
 * Finds the end of a partition's chain, proves that the log is the one it was made from, and completes an open tail
 * with its own plan. `knownSeq`: a seq that is planned already, or 0.
 */
export const openChain = (
  store: ObjectStoreService,
  log: EventLogService,
  topic: Topic,
  partition: number,
  knownSeq: number,
  options: Pick<IngestOptions, "readBytes" | "decoder">
): Effect.Effect<ChainPosition, Failure> =>
  Effect.gen(function* () {
    const tail = yield* findTail(store, topic, partition, knownSeq)
    return yield* continueFrom(store, log, topic, partition, tail, options).pipe(
      Effect.catchIf(
        (error) => error._tag === "ChainHalted" && isAboutTheLog(error),
        (error) =>
          // A reader that slept may hold an old tail: the loss is said only when the tail is still the same.
          Effect.flatMap(findTail(store, topic, partition, tail.plan?.seq ?? 0), (now) =>
            sameTail(tail, now)
              ? Effect.fail(error)
              : openChain(store, log, topic, partition, now.plan?.seq ?? 0, options)
          )
      )
    )
  })

const isAboutTheLog = ({ reason }: ChainHalted): boolean =>
  reason === "missing records" || reason === "recreated log"

const sameTail = (a: Tail, b: Tail): boolean => a.plan?.seq === b.plan?.seq && a.sealed === b.sealed

const continueFrom = (
  store: ObjectStoreService,
  log: EventLogService,
  topic: Topic,
  partition: number,
  { plan, sealed }: Tail,
  options: Pick<IngestOptions, "readBytes" | "decoder">
): Effect.Effect<ChainPosition, Failure> =>
  Effect.gen(function* () {
    const range = yield* log.range(topic, partition)
    if (plan === undefined) return { nextSeq: 0, offset: range.start, unsealed: undefined, tookOver: false }
    yield* checkWitness(log, plan, range)
    const missing = sealed ? [] : yield* missingFiles(store, plan)
    if (missing.length > 0) {
      yield* checkDecoder(store, plan)
      const again = yield* makeAgain(log, plan, range.start, options)
      yield* executeTail(store, plan, missing, again, range.start <= plan.start)
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

/** Compares the record before the chain's end with the plan's witness. */
const checkWitness = (
  log: EventLogService,
  plan: Plan,
  range: { readonly start: number; readonly end: number }
): Effect.Effect<void, EventLogError | ChainHalted> => {
  const { end, partition, topic } = plan
  const recreated = (found: string) =>
    new ChainHalted({
      topic,
      partition,
      reason: "recreated log",
      message: `The lake holds ${topic}/${partition} up to offset ${end}, but ${found}: the log was deleted and made anew. Put the old log back, or start with an empty bucket; nothing was written.`
    })
  if (range.end < end) return recreated(`the log ends at ${range.end}`)
  if (range.start > end - 1) return Effect.void
  return Effect.flatMap(log.read(topic, partition, end - 1, 1), (batch) =>
    batch.count > 0 && batch.offsets[0] === end - 1 && witnessOf(batch, 0) !== plan.witness
      ? recreated(`the record at ${end - 1} is another one`)
      : Effect.void
  )
}

/** The open plan's batch, made once more from what the log holds of its range. */
const makeAgain = (
  log: EventLogService,
  plan: Plan,
  logStart: number,
  options: Pick<IngestOptions, "readBytes" | "decoder">
) =>
  Effect.gen(function* () {
    const everything = {
      rows: Number.MAX_SAFE_INTEGER,
      bytes: Number.MAX_SAFE_INTEGER,
      files: Number.MAX_SAFE_INTEGER
    }
    const builder = new BatchBuilder(plan.topic, plan.partition, plan.start, everything, options.decoder)
    let position = Math.max(plan.start, logStart)
    while (position < plan.end) {
      const batch = yield* log.read(plan.topic, plan.partition, position, options.readBytes)
      let count = 0
      while (count < batch.count && batch.offsets[count] < plan.end) count++
      if (count > 0) builder.add({ ...batch, count }, 0)
      if (count < batch.count || batch.count === 0) break
      position = batch.offsets[batch.count - 1] + 1
    }
    return builder.freeze(plan.seq, plan.writer)
  })
