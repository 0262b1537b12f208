import { makeMemoryObjectStore } from "@musify/lake/MemoryObjectStore.ts"
import { ObjectStore, type ObjectStoreService } from "@musify/lake/ObjectStore.ts"
import { ObjectStoreUnavailable } from "@musify/lake/ObjectStoreError.ts"
import { deadLetterPrefix, planName, sealName } from "@musify/lake/objectNames.ts"
import { Progress } from "@musify/runtime/Progress.ts"
import { EventLog } from "@musify/stream/EventLog.ts"
import { Clock, Duration, Effect, Fiber, TestClock, TestContext } from "effect"
import { beforeEach, describe, expect, it } from "vitest"
import { haltedError } from "./command.ts"
import { ingest } from "./ingest.ts"
import type { IngestOptions } from "./IngestOptions.ts"
import { atAnyMoment, everyOffset } from "./testing/chainInvariants.ts"
import { triesOnce } from "./supervisePartition.ts"
import { MemoryEventLog } from "./testing/MemoryEventLog.ts"

/* A bucket, or only its dead letters, that cannot be written for a while. */

const topic = "auth_events"
const encoder = new TextEncoder()
const good = { ts: 1_799_900_000_000, sessionId: 1, level: "free", success: true }
const values = (count: number) =>
  Array.from({ length: count }, (_, i) => encoder.encode(JSON.stringify({ ...good, itemInSession: i })))
const malformed = encoder.encode("{")

let log: MemoryEventLog
let objects: Map<string, Uint8Array>
let said: Array<string>
let refusals: Array<string>
let isDown: (name: string) => boolean
let retryable: boolean
beforeEach(() => {
  log = new MemoryEventLog(2)
  objects = new Map()
  said = []
  refusals = []
  isDown = (name) => name.startsWith(deadLetterPrefix(topic))
  retryable = true
})

const memory = () => makeMemoryObjectStore(objects)
const store = (): ObjectStoreService => ({
  ...memory(),
  putIfAbsent: (name, bytes) =>
    Effect.suspend(() => {
      if (!isDown(name)) return memory().putIfAbsent(name, bytes)
      refusals.push(name)
      const message = `Cannot write ${name}: EACCES: permission denied. Make the folder writable.`
      return new ObjectStoreUnavailable({ name, message, retryable })
    })
})

const running = (options: Partial<IngestOptions>) =>
  ingest({ roll: Duration.seconds(10), poll: Duration.seconds(5), ...options }).pipe(
    Effect.provideService(ObjectStore, store()),
    Effect.provideService(EventLog, log.service),
    Effect.provideService(Progress, {
      report: () => Effect.void,
      finish: () => Effect.void,
      say: (line) => Effect.sync(() => void said.push(line))
    })
  )

const seconds = (count: number, step = 5) =>
  Effect.forEach(Array.from({ length: count / step }), () => TestClock.adjust(Duration.seconds(step)), {
    discard: true
  })
const inTestTime = <A, E>(test: Effect.Effect<A, E>) =>
  Effect.runPromise(Effect.provide(test, TestContext.TestContext))

/** Each record of the partition that had to wait is stored once. */
const whole = async () => {
  const own = new Map([...objects].filter(([name]) => /\/0[-/][^/]+$/.test(name)))
  expect(await atAnyMoment(own, topic)).toEqual([])
  expect(await everyOffset(own, topic, log.offsets(topic, 0))).toEqual([])
}

describe("following the log", () => {
  for (const mendsItself of [true, false])
    it(`a partition waits for its dead letters, skips nothing, and the others go on (${mendsItself ? "disk full" : "no rights"})`, async () => {
      retryable = mendsItself
      log.append(topic, 0, [...values(10), malformed, ...values(5)])
      log.append(topic, 1, values(10))
      await inTestTime(
        Effect.gen(function* () {
          const fiber = yield* Effect.fork(running({}))
          yield* seconds(30)
          log.append(topic, 0, values(5))
          log.append(topic, 1, values(5))
          yield* seconds(60)
          expect(objects.has(planName(topic, 1, 1))).toBe(true)
          // Planned, but never closed: no reader takes the files that are there for the whole.
          expect(objects.has(planName(topic, 0, 0))).toBe(true)
          expect(objects.has(planName(topic, 0, 1))).toBe(false)
          expect(objects.has(sealName(topic, 0, 0))).toBe(false)
          expect(refusals.length).toBeGreaterThan(5)
          expect(new Set(refusals).size).toBe(1)
          expect(new Set(said)).toEqual(
            new Set([
              `${topic}/0 waits: Cannot write ${refusals[0]}: EACCES: permission denied. Make the folder writable.`
            ])
          )
          isDown = () => false
          yield* seconds(40)
          expect(objects.has(planName(topic, 0, 1))).toBe(true)
          yield* Fiber.interrupt(fiber)
        })
      )
      await whole()
    })
})

describe("ingest --once", () => {
  beforeEach(() => {
    log.append(topic, 0, [...values(10), malformed])
    log.append(topic, 1, values(10))
  })

  /** The summary, and for how many ms of the clock it took. */
  const once = () =>
    inTestTime(
      Effect.gen(function* () {
        const began = yield* Clock.currentTimeMillis
        const fiber = yield* Effect.fork(
          Effect.zip(running({ once: true }), Effect.orDie(Clock.currentTimeMillis))
        )
        yield* seconds(12, 1)
        const [summary, ended] = yield* Fiber.join(fiber)
        return { summary, took: ended - began }
      })
    )

  it(`gives a partition up after ${triesOnce} failures in a row, drains the others, and goes on the next time`, async () => {
    const { summary, took } = await once()
    expect(refusals.length).toBe(triesOnce)
    // Between half and all of 0.1 + 0.2 + … + 3.2 s
    expect([took >= 3150, took < 7500]).toEqual([true, true])
    expect(summary.halted).toMatchObject([{ topic, partition: 0, reason: "unavailable" }])
    expect(objects.has(sealName(topic, 1, 0))).toBe(true)
    expect(objects.has(sealName(topic, 0, 0))).toBe(false)
    expect(haltedError(summary)).toMatchObject({ exitCode: 3 })
    expect(haltedError(summary).message).toContain(`${topic}/0 has stopped: Cannot write ${refusals[0]}`)
    isDown = () => false
    expect((await once()).summary.halted).toEqual([])
    await whole()
  })

  it("counts failures in a row: what succeeds in between begins anew", async () => {
    let failures = 0
    log.append(topic, 0, [...values(3), malformed, ...values(3)])
    isDown = (name) => name.startsWith(deadLetterPrefix(topic)) && ++failures % triesOnce !== 0
    const summary = await inTestTime(
      Effect.gen(function* () {
        const fiber = yield* Effect.fork(running({ once: true, rows: 11 }))
        yield* seconds(120)
        return yield* Fiber.join(fiber)
      })
    )
    expect(refusals.length).toBe(2 * (triesOnce - 1))
    expect(summary.halted).toEqual([])
    await whole()
  })

  it("does not wait for what only a person can mend", async () => {
    retryable = false
    const { summary, took } = await once()
    expect(refusals.length).toBe(1)
    expect(took).toBeLessThan(2000)
    expect(haltedError(summary)).toMatchObject({ exitCode: 3 })
    expect(objects.has(sealName(topic, 1, 0))).toBe(true)
  })

  it("ends with 1 when something is wrong besides", () => {
    const halted = ["unavailable", "damaged object"].map((reason, partition) => ({
      topic,
      partition,
      reason,
      message: ""
    }))
    expect(haltedError({ halted } as never)).toMatchObject({ exitCode: 1 })
  })
})
