import { topics } from "@musify/domain/Topic.ts"
import { consumerGroup } from "@musify/ingestor/IngestOptions.ts"
import { EventLog } from "@musify/stream/EventLog.ts"
import { Duration, Effect } from "effect"

/** Records that the simulated history may be ahead of the lake. */
const mostAhead = 120_000
const pause = Duration.millis(25)
/** Looks without any progress (some seconds) after which an ingestor is taken for stopped and not waited for. */
const patience = 200

const backlog = Effect.gen(function* () {
  const log = yield* EventLog
  let records = 0
  for (const topic of topics) {
    const partitions = yield* log.partitions(topic)
    for (let partition = 0; partition < partitions; partition++) {
      const { end, start } = yield* log.range(topic, partition)
      records += end - ((yield* log.committed(consumerGroup, topic, partition)) ?? start)
    }
  }
  return records
})

/**
 * Waits while the ingestor is far behind. In one process the simulator would otherwise take the whole event loop, and
 * the first charts would come last. `speed` is the clock's. Partitions that have halted are not waited for.
 */
export const keepPace = (speed: number) => {
  let halted = 0
  return Effect.gen(function* () {
    let least = Number.POSITIVE_INFINITY
    for (let looks = 0; looks < patience; looks++) {
      const ahead = yield* backlog
      if (ahead - halted <= mostAhead) return
      if (ahead < least) looks = 0
      least = Math.min(least, ahead)
      yield* Effect.sleep(Duration.times(pause, speed))
    }
    halted = least
  })
}
