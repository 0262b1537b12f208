import type { Topic } from "@musify/domain/Topic.ts"
import { BatchBuilder } from "@musify/lake/BatchBuilder.ts"
import type { LogBatch } from "@musify/domain/RecordBatch.ts"
import type { ActorStopped } from "@musify/runtime/Actor.ts"
import type { EventLogError } from "@musify/stream/EventLogError.ts"
import { Clock, Duration, Effect, Option } from "effect"
import type { Committer } from "./Committer.ts"
import type { IngestOptions } from "./IngestOptions.ts"
import type { ChainPosition } from "./openChain.ts"
import type { Fetches } from "./Reader.ts"
import { Roller } from "./Roller.ts"

/**
 * Turns the records of one partition into micro-batches: decodes and gathers them, freezes a batch when it is full or
 * its time is up, and hands it to the committer, waiting until its files are there. Ends, sealed, when the log is
 * drained (`once`); else never.
 */
export const runPartitionWriter = (
  topic: Topic,
  partition: number,
  position: ChainPosition,
  fetches: Fetches,
  committer: Committer,
  options: IngestOptions
): Effect.Effect<void, EventLogError | ActorStopped> =>
  Effect.gen(function* () {
    const limits = { rows: options.rows, bytes: options.bytes, files: options.maxFiles }
    const roller = new Roller(Duration.toMillis(options.roll))
    let seq = position.nextSeq
    let builder = new BatchBuilder(topic, partition, position.offset, limits, options.decoder)
    if (position.unsealed !== undefined) roller.committed(yield* Clock.currentTimeMillis)

    const flush = Effect.gen(function* () {
      if (builder.isEmpty) return
      const batch = builder.freeze(seq, options.writer)
      builder = new BatchBuilder(topic, partition, builder.next, limits, options.decoder)
      seq++
      // Waits for the files: a batch in memory per partition is enough, since while one partition waits for the disk
      // the others decode.
      yield* committer.ask<void>((reply) => ({ _tag: "Commit", batch, reply }))
      roller.committed(yield* Clock.currentTimeMillis)
    })

    const gather = (batch: LogBatch) =>
      Effect.gen(function* () {
        for (let index = 0; index < batch.count;) {
          index = builder.add(batch, index)
          if (index < batch.count) yield* flush
          else roller.opened(yield* Clock.currentTimeMillis)
        }
      })

    while (true) {
      const now = yield* Clock.currentTimeMillis
      const due = roller.due(now)
      if (due === "roll") {
        yield* flush
        continue
      }
      if (due === "seal") {
        roller.sealed()
        yield* committer.tell({ _tag: "Seal" })
        continue
      }
      const fetched = yield* takeWithin(fetches, due.inMs)
      if (Option.isNone(fetched)) continue
      if (fetched.value._tag === "Records") yield* gather(fetched.value.batch)
      else if (options.once) {
        yield* flush
        yield* committer.ask<void>((reply) => ({ _tag: "Seal", reply }))
        return
      }
    }
  })

const takeWithin = (fetches: Fetches, ms: number) => {
  const take = fetches.take.pipe(
    // The mailbox ends with its subscription, so with this fiber.
    Effect.catchTag("NoSuchElementException", () => Effect.interrupt)
  )
  return Number.isFinite(ms) ? Effect.timeoutOption(take, ms) : Effect.asSome(take)
}
