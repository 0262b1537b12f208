import type { LogBatch } from "@musify/domain/RecordBatch.ts"
import { BatchBuilder, gatheredBytes } from "@musify/lake/BatchBuilder.ts"
import type { ActorStopped } from "@musify/runtime/Actor.ts"
import type { TopicPartition } from "@musify/stream/EventLog.ts"
import type { EventLogError } from "@musify/stream/EventLogError.ts"
import { Clock, Duration, Effect, Option } from "effect"
import type { Committer } from "./Committer.ts"
import type { GatherShare } from "./GatherBudget.ts"
import type { IngestOptions } from "./IngestOptions.ts"
import type { ChainPosition } from "./openChain.ts"
import type { Handover } from "./Handover.ts"
import type { Fetched } from "./Reader.ts"
import { Roller } from "./Roller.ts"

/** How long the next records may keep a partition waiting that still counts as one with more to come, ms. */
const restAfterMs = 250

export interface PartitionWriterOptions {
  readonly of: TopicPartition
  readonly position: ChainPosition
  readonly fetches: Handover<Fetched, EventLogError>
  readonly share: GatherShare
  readonly committer: Committer
  readonly options: IngestOptions
  /** Called when a batch gets its first record, with that record's log time (epoch ms), and with undefined at the log's end. */
  readonly onOldest: (logTime: number | undefined) => void
  /** Called when a batch is stored, with the ms since its first record was read. */
  readonly onRolled: (ms: number) => Effect.Effect<void>
}

/**
 * Turns the records of one partition into micro-batches: decodes and gathers them as far as its share of the memory
 * allows, freezes a batch when it is full, its time is up or its memory is needed, and hands it to the committer,
 * waiting until its files are there. Ends, sealed, when the log is drained (`once`); else never.
 */
export const runPartitionWriter = ({
  committer,
  fetches,
  of: { partition, topic },
  onOldest,
  onRolled,
  options,
  position,
  share
}: PartitionWriterOptions): Effect.Effect<void, EventLogError | ActorStopped> =>
  Effect.gen(function* () {
    const limits = { rows: options.rows, bytes: options.bytes, files: options.maxFiles }
    const roller = new Roller(Duration.toMillis(options.roll))
    let seq = position.nextSeq
    let isExpecting = false
    let builder = new BatchBuilder(topic, partition, position.offset, limits, options.decoder)
    let openedAt = 0
    if (position.unsealed !== undefined) roller.committed(yield* Clock.currentTimeMillis)

    const flush = Effect.gen(function* () {
      if (builder.isEmpty) return
      share.rolling()
      const batch = builder.freeze(seq, options.writer)
      builder = new BatchBuilder(topic, partition, builder.next, limits, options.decoder)
      seq++
      // Waits for the files: a batch in memory per partition is enough, since while one partition waits for the store
      // the others decode.
      yield* committer.ask<void>((reply) => ({ _tag: "Commit", batch, reply }))
      share.settle(0)
      const now = yield* Clock.currentTimeMillis
      roller.committed(now)
      yield* onRolled(now - openedAt)
    })

    const gather = (batch: LogBatch) =>
      Effect.gen(function* () {
        for (let index = 0; index < batch.count;) {
          if (builder.isEmpty) {
            onOldest(batch.timestamps[index])
            openedAt = yield* Clock.currentTimeMillis
          }
          if (!(yield* share.admit(gatheredBytes(batch, index)))) {
            yield* flush
            continue
          }
          index = builder.add(batch, index)
          share.settle(builder.held)
          if (index < batch.count) yield* flush
          else roller.opened(yield* Clock.currentTimeMillis)
        }
      })

    while (true) {
      const now = yield* Clock.currentTimeMillis
      const due = share.mustRoll ? "roll" : roller.due(now)
      if (due === "roll") {
        yield* flush
        continue
      }
      if (due === "seal") {
        roller.sealed()
        yield* committer.tell({ _tag: "Seal" })
        continue
      }
      const next = yield* fetches.take
      if (Option.isNone(next)) {
        // Who has been waiting for a while is not about to need memory.
        const wasRung = yield* fetches.wait(isExpecting ? Math.min(due.inMs, restAfterMs) : due.inMs)
        if (isExpecting && !wasRung) {
          share.rest()
          isExpecting = false
        }
        continue
      }
      if (next.value._tag === "Records") {
        isExpecting = true
        yield* gather(next.value.batch)
        next.value.batch.release?.()
        continue
      }
      share.rest()
      isExpecting = false
      if (builder.isEmpty) onOldest(undefined)
      if (options.once) {
        yield* flush
        yield* committer.ask<void>((reply) => ({ _tag: "Seal", reply }))
        return
      }
    }
  })
