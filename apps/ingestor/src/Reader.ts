import type { LogBatch } from "@musify/domain/RecordBatch.ts"
import type { Membership, TopicPartition } from "@musify/stream/EventLog.ts"
import type { EventLogError } from "@musify/stream/EventLogError.ts"
import type { Scope } from "effect"
import { Duration, Effect, Either } from "effect"
import type { Handover } from "./Handover.ts"

/** What a reader hands over: records, or the news that the log holds no more. */
export type Fetched = { readonly _tag: "Records"; readonly batch: LogBatch } | { readonly _tag: "Drained" }

const drained: Fetched = { _tag: "Drained" }
const shortestPauseMs = 2

/**
 * Reads a partition from an offset on, until the scope closes, one read ahead of its writer. When nothing is there it
 * pauses, longer and longer up to `poll`. Ends with an error that it hands over.
 */
export const startReader = (
  read: Membership["read"],
  { partition, topic }: TopicPartition,
  offset: number,
  to: Handover<Fetched, EventLogError>,
  options: { readonly readBytes: number; readonly poll: Duration.Duration }
): Effect.Effect<void, never, Scope.Scope> => {
  const longestPauseMs = Math.max(shortestPauseMs, Duration.toMillis(options.poll))
  const loop = Effect.gen(function* () {
    let from = offset
    let pauseMs = shortestPauseMs
    let toldDrained = false
    while (true) {
      yield* to.whenEmpty
      const batch = yield* read(topic, partition, from, options.readBytes)
      if (batch.count > 0) {
        to.put(Either.right({ _tag: "Records", batch }))
        from = batch.offsets[batch.count - 1] + 1
        pauseMs = shortestPauseMs
        toldDrained = false
        continue
      }
      if (!toldDrained) to.put(Either.right(drained))
      toldDrained = true
      yield* Effect.sleep(pauseMs)
      pauseMs = Math.min(longestPauseMs, pauseMs * 2)
    }
  })
  return loop.pipe(
    Effect.catchAll((error) =>
      Effect.zipRight(
        to.whenEmpty,
        Effect.sync(() => to.put(Either.left(error)))
      )
    ),
    Effect.forkScoped,
    Effect.asVoid
  )
}
