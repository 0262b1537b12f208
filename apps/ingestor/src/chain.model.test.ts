import { ObjectStore } from "@musify/lake/ObjectStore.ts"
import { makeMemoryObjectStore } from "@musify/lake/MemoryObjectStore.ts"
import { layerScaledClock } from "@musify/runtime/ScaledClock.ts"
import { EventLog } from "@musify/stream/EventLog.ts"
import { Deferred, Duration, Effect } from "effect"
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { ingest } from "./ingest.ts"
import { atAnyMoment, everyOffset } from "./testing/chainInvariants.ts"
import type { Fault } from "./testing/FaultyStore.ts"
import { faultyStore } from "./testing/FaultyStore.ts"
import { MemoryEventLog } from "./testing/MemoryEventLog.ts"

const topic = "auth_events"
const encoder = new TextEncoder()

/** A stream of whole numbers from a seed (mulberry32), so that a failure is replayed from what fast-check prints. */
const numbersFrom = (seed: number) => {
  let state = seed >>> 0
  return (below: number): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) % below
  }
}

const values = (pick: (below: number) => number, count: number): ReadonlyArray<Uint8Array> =>
  Array.from({ length: count }, (_, i) => {
    const ts = 1_799_990_000_000 + pick(6) * 3_600_000 + i
    return encoder.encode(
      pick(10) === 0
        ? "no JSON"
        : JSON.stringify({ ts, sessionId: i, itemInSession: pick(9), level: "free", success: true })
    )
  })

const faults: ReadonlyArray<Fault> = ["refused", "lost answer", "killed before", "killed after"]

describe("the chain under faults", () => {
  it("keeps every invariant at every moment, whoever is killed, doubled or not answered", async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer(), async (seed) => {
        const pick = numbersFrom(seed)
        const log = new MemoryEventLog()
        const objects = new Map<string, Uint8Array>()
        const store = makeMemoryObjectStore(objects)
        const violations: Array<string> = []
        const onChange = Effect.promise(async () => {
          violations.push(...(await atAnyMoment(new Map(objects), topic)))
        })
        const run = (faultsIn1000: number) =>
          Effect.flatMap(Deferred.make<void>(), (killed) =>
            Effect.raceFirst(process(faultsIn1000, killed), Effect.as(Deferred.await(killed), undefined))
          )
        const process = (faultsIn1000: number, killed: Deferred.Deferred<void>) =>
          ingest({
            once: true,
            rows: 5 + pick(25),
            maxFiles: 1 + pick(6),
            readBytes: 1 + pick(2000),
            poll: Duration.millis(2),
            gatherBytes: 1 + pick(20_000),
            writer: `writer-${pick(1000)}`
          }).pipe(
            Effect.provideService(
              ObjectStore,
              faultyStore(store, {
                nextFault: () => (pick(1000) < faultsIn1000 ? faults[pick(faults.length)] : "none"),
                nextPause: () => pick(4),
                onChange,
                onKilled: Deferred.succeed(killed, undefined)
              })
            ),
            Effect.provideService(EventLog, log.service)
          )
        await Effect.runPromise(
          Effect.gen(function* () {
            for (let round = 0; round < 6; round++) {
              log.append(topic, 0, values(pick, pick(30)))
              if (pick(4) === 0) log.skip(topic, 0, pick(3))
              const writers = Array.from({ length: 1 + pick(3) }, () => run(50))
              yield* Effect.all(writers, { concurrency: "unbounded" })
            }
            const last = yield* run(0)
            expect(last?.halted).toEqual([])
          }).pipe(Effect.provide(layerScaledClock(1000)))
        )
        expect(violations).toEqual([])
        expect(await everyOffset(objects, topic, log.offsets(topic, 0))).toEqual([])
        expect(await atAnyMoment(objects, topic)).toEqual([])
      }),
      { numRuns: 20, endOnFailure: true }
    )
  })
})
