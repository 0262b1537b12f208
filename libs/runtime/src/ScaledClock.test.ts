import { Clock, Duration, Effect } from "effect"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { layerScaledClock, makeScaledClock } from "./ScaledClock.ts"

describe("a scaled clock", () => {
  it("shows the real time at first and runs `speed` times as fast; sleeps are as much shorter", () =>
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 5000 }),
        fc.nat(86_400_000),
        fc.nat(86_400_000),
        (speed, passed, nap) => {
          let real = 1_794_182_400_000
          const slept: Array<number> = []
          const clock = makeScaledClock(speed, {
            ...Clock.make(),
            unsafeCurrentTimeMillis: () => real,
            unsafeCurrentTimeNanos: () => BigInt(real) * 1_000_000n,
            sleep: (duration) => Effect.sync(() => void slept.push(Duration.toMillis(duration)))
          })
          expect(clock.unsafeCurrentTimeMillis()).toBe(real)
          const begin = real
          real += passed
          expect(clock.unsafeCurrentTimeMillis()).toBe(begin + passed * speed)
          const nanos = Number(clock.unsafeCurrentTimeNanos() - BigInt(begin) * 1_000_000n)
          expect(nanos / 1e6).toBeCloseTo(passed * speed, 0)
          Effect.runSync(clock.sleep(Duration.millis(nap)))
          // A fast clock does not sleep for less than 5 real ms: it would only burn the processor.
          expect(slept[0]).toBeCloseTo(speed > 1 && nap > 0 ? Math.max(5, nap / speed) : nap / speed, 5)
        }
      )
    ))

  it("can begin at any time", () => {
    const from = Date.UTC(2030, 0, 1)
    const clock = makeScaledClock(
      60,
      { ...Clock.make(), unsafeCurrentTimeMillis: () => 7, unsafeCurrentTimeNanos: () => 7n },
      from
    )
    expect(clock.unsafeCurrentTimeMillis()).toBe(from)
  })

  it("is the clock of everything below its layer", async () => {
    const begin = process.hrtime.bigint()
    const hour = Effect.gen(function* () {
      const before = yield* Clock.currentTimeMillis
      yield* Effect.sleep("1 hour")
      return (yield* Clock.currentTimeMillis) - before
    })
    const passed = await Effect.runPromise(Effect.provide(hour, layerScaledClock(72_000)))
    expect(passed).toBeGreaterThanOrEqual(3_600_000 * 0.95)
    expect(Number(process.hrtime.bigint() - begin) / 1e6).toBeLessThan(60_000)
  })
})
