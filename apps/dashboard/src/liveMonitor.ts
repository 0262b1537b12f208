import { topics } from "@musify/domain/Topic.ts"
import { EventLog } from "@musify/stream/EventLog.ts"
import type { Scope } from "effect"
import { Clock, Effect, Ref } from "effect"
import type { Live } from "./api/answers.ts"
import type { Published } from "./Published.ts"
import { hostSleep } from "./Published.ts"

/** The rate is measured over this many samples, one a second of real time. */
const window = 10

interface Sample {
  readonly at: number
  readonly events: number
}

/** Events per second between the oldest and the newest sample; null before two samples lie apart. */
export const rateOf = (samples: ReadonlyArray<Sample>): number | null => {
  const first = samples[0]
  const last = samples[samples.length - 1]
  if (first === undefined || last.at <= first.at) return null
  return Math.max(0, (last.events - first.events) / ((last.at - first.at) / 1000))
}

/** High watermarks of all partitions, summed: records that the log has acknowledged since it was made. */
const acknowledged = Effect.gen(function* () {
  const log = yield* EventLog
  let events = 0
  for (const topic of topics) {
    const partitions = yield* log.partitions(topic)
    for (let partition = 0; partition < partitions; partition++) {
      events += (yield* log.range(topic, partition)).end
    }
  }
  return events
})

/** Samples the log once a second, for as long as the scope lives; answers the latest message for the page. */
export const liveMonitor = (
  published: Published
): Effect.Effect<Effect.Effect<Live>, never, EventLog | Scope.Scope> =>
  Effect.gen(function* () {
    const samples = yield* Ref.make<ReadonlyArray<Sample>>([])
    const sample = Effect.gen(function* () {
      const events = yield* acknowledged
      const at = yield* Clock.currentTimeMillis
      yield* Ref.update(samples, (before) => [...before, { at, events }].slice(-window))
    })
    // A log that cannot be read (not made yet, or gone) means that the rate is not known: the page says so.
    yield* sample.pipe(
      Effect.catchAll(() => Ref.set(samples, [])),
      Effect.zipRight(hostSleep("1 second")),
      Effect.forever,
      Effect.forkScoped
    )
    return Effect.gen(function* () {
      const seen = yield* Ref.get(samples)
      const marts = yield* Effect.option(published.marts)
      const manifest = marts._tag === "Some" ? marts.value.manifest : undefined
      return {
        at: yield* Clock.currentTimeMillis,
        eventsPerSecond: rateOf(seen),
        logEvents: seen[seen.length - 1]?.events ?? null,
        version: manifest?.version ?? null,
        publishedAt: manifest?.publishedAt ?? null,
        through: manifest?.through ?? null
      }
    })
  })
