import { byTopic, topics } from "@musify/domain/Topic.ts"
import type { UserError } from "@musify/runtime/UserError.ts"
import { Effect, type Scope } from "effect"
import type { EventSink } from "../EventSink.ts"
import { FaultInjector } from "./FaultInjector.ts"
import { openManifest } from "./FaultManifest.ts"
import type { FaultsConfig } from "./FaultsConfig.ts"
import { type ForeignRanges, offsetAmong, rangesAmong } from "./outputOffsets.ts"

/** What is to be done on purpose, and where it is written down. */
export interface FaultSettings {
  readonly config: FaultsConfig
  /** The manifest; undefined: none is written. */
  readonly manifest: string | undefined
  /** Offsets of the output that another producer wrote. */
  readonly foreign?: ForeignRanges
}

/** Appends between two versions of the manifest. */
const publishEvery = 256

/**
 * A sink that changes what it is given, as a bad producer would, and passes it on. It must be given every event from
 * the first one on, also those that the output has: what comes next depends on what is held back by then. The manifest
 * always tells of what the output has up to some record; with the next run's end it tells of all of it again.
 */
export const faultySink = <E>(
  inner: EventSink<E>,
  settings: FaultSettings,
  seed: number
): Effect.Effect<EventSink<E | UserError>, UserError, Scope.Scope> =>
  Effect.gen(function* () {
    const foreign = settings.foreign ?? (() => [])
    const known = topics.map((topic, t) =>
      Array.from({ length: inner.partitions[t] }, (_, partition) => foreign(topic, partition))
    )
    const injector = new FaultInjector({
      config: settings.config,
      seed,
      partitions: inner.partitions,
      positions: inner.positions,
      newline: inner.newline,
      offsetOf: (topic, partition, n) => offsetAmong(known[topics.indexOf(topic)][partition], n)
    })
    const manifest = settings.manifest === undefined ? undefined : yield* openManifest(settings.manifest)
    // While an append is under way, what is held back belongs to a state that the output does not have yet.
    let settled = true
    // One from the start: a manifest of no faults is one as well.
    let changes = 1

    const publish = Effect.suspend(() => {
      if (manifest === undefined || !settled || changes === 0 || !injector.caughtUp) return Effect.void
      changes = 0
      const { positions } = injector
      return manifest.publish(
        injector.heldBack,
        topics.flatMap((topic, t) =>
          positions[t].map((count, partition) => ({
            topic,
            partition,
            ranges: rangesAmong(known[t][partition], count)
          }))
        )
      )
    })
    yield* Effect.addFinalizer(() => Effect.ignoreLogged(publish))

    return {
      partitions: inner.partitions,
      positions: [],
      newline: inner.newline,
      timed: true,
      append: (batches, time) => {
        const { batches: changed, faults } = injector.apply(batches, time)
        settled = false
        return Effect.gen(function* () {
          if (changed.length > 0) yield* inner.append(changed, time)
          yield* manifest?.add(faults) ?? Effect.void
          settled = true
          if (changed.length > 0 || faults.length > 0) changes++
          if (changes >= publishEvery) yield* publish
        })
      },
      finish: publish,
      summary: () => ({
        events: byTopic(injector.written),
        faults: Object.fromEntries(injector.counts)
      })
    } satisfies EventSink<E | UserError>
  })
