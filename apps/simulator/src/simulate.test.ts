import { bytesAt } from "@musify/domain/RecordBatch.ts"
import { topics } from "@musify/domain/Topic.ts"
import { EventLog, type EventLogService } from "@musify/stream/EventLog.ts"
import { makeInMemoryEventLog } from "@musify/stream/InMemoryEventLog.ts"
import { Duration, Effect, Fiber, TestClock, TestContext } from "effect"
import fc from "fast-check"
import { Buffer } from "node:buffer"
import { expect, it } from "vitest"
import { simulate, type SimulateOptions } from "./simulate.ts"
import { cast, configOf, monday } from "./testing/collect.ts"

const day = 86_400_000
const options: SimulateOptions = {
  config: configOf(),
  songs: cast.songs,
  users: 60,
  seed: 5,
  start: monday,
  until: monday + 3 * day,
  live: false
}

const contents = (log: EventLogService, partitions: number) =>
  Effect.gen(function* () {
    const all: Record<string, Array<string>> = {}
    for (const topic of topics) {
      for (let p = 0; p < partitions; p++) {
        const lines: Array<string> = (all[`${topic}/${p}`] = [])
        for (let offset = 0; ;) {
          const batch = yield* log.read(topic, p, offset, 1 << 20)
          if (batch.count === 0) break
          for (let n = 0; n < batch.count; n++) {
            const key = Buffer.from(bytesAt(batch.keys, n)!).toString()
            lines.push(`${key} ${Buffer.from(bytesAt(batch.values, n)!).toString()}`)
          }
          offset = batch.offsets[batch.count - 1] + 1
        }
      }
    }
    return all
  })

const run = (log: EventLogService, more: Partial<SimulateOptions> = {}) =>
  simulate({ ...options, ...more }).pipe(Effect.provideService(EventLog, log))

it("goes on exactly where each partition of the log ends", async () => {
  const whole = makeInMemoryEventLog({ partitions: 2 })
  const expected = await Effect.runPromise(Effect.zipRight(run(whole), contents(whole, 2)))
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 8, maxLength: 8 }),
      (shares) =>
        Effect.runPromise(
          Effect.gen(function* () {
            // As a kill leaves it: every partition ends at a place of its own.
            const log = makeInMemoryEventLog({ partitions: 2 })
            for (const [t, topic] of topics.entries()) {
              for (let p = 0; p < 2; p++) {
                const { end } = yield* whole.range(topic, p)
                const count = Math.floor(shares[t * 2 + p] * end)
                if (count === 0) continue
                const { keys, values } = yield* whole.read(topic, p, 0, 1 << 28)
                yield* log.append([
                  {
                    topic,
                    partition: p,
                    records: {
                      count,
                      keys: { data: keys.data, ends: keys.ends.slice(0, count) },
                      values: { data: values.data, ends: values.ends.slice(0, count) }
                    }
                  }
                ])
              }
            }
            yield* run(log)
            expect(yield* contents(log, 2)).toEqual(expected)
          })
        )
    ),
    { numRuns: 5 }
  )
})

it("writes a live event when the clock reaches its time, and the same ones as a history does", async () => {
  const expected = makeInMemoryEventLog({ partitions: 1 })
  const log = makeInMemoryEventLog({ partitions: 1 })
  const end = monday + day
  await Effect.runPromise(
    Effect.gen(function* () {
      yield* run(expected, { until: end })
      yield* TestClock.setTime(monday + day / 2)
      const fiber = yield* Effect.fork(
        run(log, { until: monday + day / 2, live: true, end, liveIntervalMs: 60_000 })
      )
      for (let n = 0; n < 50; n++) {
        yield* TestClock.adjust(Duration.minutes(16))
        // Lets the simulation's own turns of the event loop pass.
        yield* Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 1)))
      }
      yield* Fiber.join(fiber)
      expect(yield* contents(log, 1)).toEqual(yield* contents(expected, 1))
    }).pipe(Effect.provide(TestContext.TestContext))
  )
})

it("notices another producer", async () => {
  const log = makeInMemoryEventLog({ partitions: 1 })
  const error = await Effect.runPromise(
    run(
      {
        ...log,
        append: (batches) =>
          Effect.zipRight(
            log.append([{ ...batches[0], expectedOffset: undefined } as never]),
            log.append(batches)
          )
      },
      {}
    ).pipe(Effect.flip)
  )
  expect(error._tag).toBe("UnexpectedOffset")
})
