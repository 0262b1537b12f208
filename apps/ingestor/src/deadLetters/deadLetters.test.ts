import { Buffer } from "node:buffer"
import { decodeHeaders, encodeHeaders } from "@musify/domain/recordHeaders.ts"
import { bytesAt, bytesColumn } from "@musify/domain/RecordBatch.ts"
import { makeMemoryObjectStore } from "@musify/lake/MemoryObjectStore.ts"
import { ObjectStore, type ObjectStoreService } from "@musify/lake/ObjectStore.ts"
import { ObjectStoreUnavailable } from "@musify/lake/ObjectStoreError.ts"
import { layerScaledClock } from "@musify/runtime/ScaledClock.ts"
import { EventLog, type EventLogService } from "@musify/stream/EventLog.ts"
import { EventLogUnavailable } from "@musify/stream/EventLogError.ts"
import { Deferred, Effect, TestClock, TestContext } from "effect"
import * as fc from "fast-check"
import { beforeEach, describe, expect, it } from "vitest"
import { ingest } from "../ingest.ts"
import { MemoryEventLog } from "../testing/MemoryEventLog.ts"
import { groupsText, letterText, replayText } from "./deadLetterTexts.ts"
import { listDeadLetters } from "./listDeadLetters.ts"
import { originAt } from "./origin.ts"
import { replayDeadLetters } from "./replayDeadLetters.ts"
import { showDeadLetter } from "./showDeadLetter.ts"

const topic = "auth_events"
const partition = 0
const logTime = 1_800_000_000_000
const dayMs = 86_400_000
const encoder = new TextEncoder()
const event = (i: number, ts: number) =>
  encoder.encode(JSON.stringify({ ts, sessionId: i, itemInSession: 0, level: "free", success: true }))
/** An event that came ten days too early: dead then, good eleven days later. */
const early = (i: number) => event(i, logTime + 10 * dayMs)
const later = logTime + 11 * dayMs

let log: MemoryEventLog
let objects: Map<string, Uint8Array>
beforeEach(() => {
  log = new MemoryEventLog(1)
  objects = new Map()
})
const memory = () => makeMemoryObjectStore(objects)

const ingestAll = () =>
  Effect.runPromise(
    ingest({ once: true }).pipe(
      Effect.provideService(ObjectStore, memory()),
      Effect.provideService(EventLog, log.service),
      Effect.provide(layerScaledClock(1000))
    )
  )

/** As if it were later: what was too early is no more. */
const afterwards = <A, E>(effect: Effect.Effect<A, E>) =>
  Effect.runPromise(
    Effect.zipRight(TestClock.setTime(later), effect).pipe(Effect.provide(TestContext.TestContext))
  )
const parts = (over: { store?: ObjectStoreService; log?: EventLogService } = {}) => ({
  store: over.store ?? memory(),
  log: over.log ?? log.service
})

/** How often each dead letter of the partition was put back. */
const putBack = async () => {
  const batch = await Effect.runPromise(log.service.read(topic, partition, 0, 1e9))
  const counts = new Map<string, number>()
  for (let i = 0; i < batch.count; i++) {
    const origin = originAt(batch, i)
    if (origin !== undefined) counts.set(origin, (counts.get(origin) ?? 0) + 1)
  }
  return Object.fromEntries(counts)
}
const once = (...offsets: ReadonlyArray<number>) =>
  Object.fromEntries(offsets.map((offset) => [`${topic}/${partition}/${offset}`, 1]))

describe("list and show", () => {
  beforeEach(async () => {
    log.append(topic, 0, [event(0, logTime), null, encoder.encode("{"), encoder.encode("[]")])
    log.now = logTime + 3 * 3_600_000
    log.append(topic, 0, [Uint8Array.of(0xff, 0x1b), encoder.encode("{"), encoder.encode('"\u001b[31m"')])
    await Effect.runPromise(
      log.service.append([
        {
          topic,
          partition,
          records: {
            count: 1,
            keys: bytesColumn([encoder.encode("key")]),
            values: bytesColumn([encoder.encode("{}")]),
            headers: bytesColumn([
              encodeHeaders([
                ["trace", encoder.encode("a1")],
                ["raw", Uint8Array.of(255)]
              ])
            ])
          }
        }
      ])
    )
    await ingestAll()
  })

  it("counts by hour, topic and reason, newest first, and by what is asked for", async () => {
    const list = (filter: Parameters<typeof listDeadLetters>[1]) =>
      Effect.runPromise(listDeadLetters(memory(), filter))
    const all = await list({})
    expect(all.map(({ count, hour, reason }) => [hour.slice(11), reason, count])).toEqual([
      ["11:00Z", "invalid JSON", 2],
      ["11:00Z", "invalid UTF-8", 1],
      ["11:00Z", "missing", 1],
      ["08:00Z", "null value", 1],
      ["08:00Z", "invalid JSON", 1],
      ["08:00Z", "not an object", 1]
    ])
    expect(await list({ topic: "listen_events" })).toEqual([])
    expect(await list({ partition: 1 })).toEqual([])
    expect((await list({ reason: "invalid JSON" })).length).toBe(2)
    expect((await list({ reason: "missing: ts" })).map(({ example }) => example)).toEqual([`${topic}/0/7`])
    expect((await list({ from: logTime + 3_600_000 })).length).toBe(3)
    expect((await list({ to: logTime + 3_600_000, from: logTime + 2 })).length).toBe(2)
    expect(groupsText(all).split("\n").length).toBe(7)
    expect(groupsText([])).toBe("There are no such dead letters.")
  })

  it("shows one to the byte, and lets nothing steer the terminal", async () => {
    const show = (offset: number) => Effect.runPromise(showDeadLetter(memory(), topic, 0, offset))
    expect(await show(4)).toMatchObject({
      reason: "invalid UTF-8",
      value: { hex: "ff1b" },
      bytes: 2,
      replayed: false
    })
    expect(await show(7)).toMatchObject({
      key: { text: "key" },
      headers: [
        { name: "trace", value: { text: "a1" } },
        { name: "raw", value: { hex: "ff" } }
      ],
      value: { text: "{}" }
    })
    expect(await show(1)).toMatchObject({ reason: "null value", value: null, bytes: 0 })
    expect(letterText((await show(6))!)).toContain('"\\u001b[31m"')
    expect(letterText((await show(6))!)).not.toContain("\u001b")
    expect(await show(0)).toBeUndefined()
    expect(await show(99)).toBeUndefined()
  })
})

describe("replay", () => {
  it("puts back what is good now, once, with its origin; says what stays dead; and its events reach the lake", async () => {
    log.append(topic, 0, [early(0), encoder.encode("{"), early(1), null])
    await ingestAll()
    const first = await afterwards(replayDeadLetters(parts(), {}))
    expect(first).toEqual({ replayed: 2, before: 0, stillDead: { "invalid JSON": 1, "null value": 1 } })
    expect(await putBack()).toEqual(once(0, 2))
    const again = await afterwards(replayDeadLetters(parts(), {}))
    expect(again).toEqual({ replayed: 0, before: 2, stillDead: { "invalid JSON": 1, "null value": 1 } })
    expect(replayText(again)).toContain(
      "0 dead letters were put back into the log, 2 had been before. Still dead: 1"
    )
    expect(await putBack()).toEqual(once(0, 2))
    const batch = await Effect.runPromise(log.service.read(topic, 0, 4, 1e9))
    expect(Buffer.from(bytesAt(batch.values, 0)!)).toEqual(Buffer.from(early(0)))
    log.now = later
    const rows = (await ingestAll()).topics[topic].rows
    // Their log time is that of the replay; the log of this test stamps its own.
    expect(rows).toBe(0)
    expect(
      (await Effect.runPromise(listDeadLetters(memory(), {}))).map(({ count, replayed }) => [count, replayed])
    ).toContainEqual([4, 2])
  })

  it("keeps the record's headers, but for those that would say that it is its producer's next one", async () => {
    await Effect.runPromise(
      log.service.append([
        {
          topic,
          partition,
          records: {
            count: 1,
            keys: bytesColumn([encoder.encode("key")]),
            values: bytesColumn([early(0)]),
            headers: bytesColumn([
              encodeHeaders([
                ["musify-series", encoder.encode("s")],
                ["trace", encoder.encode("a1")],
                ["musify-origin-offset", encoder.encode("77")]
              ])
            ])
          }
        }
      ])
    )
    await ingestAll()
    await afterwards(replayDeadLetters(parts(), {}))
    const batch = await Effect.runPromise(log.service.read(topic, 0, 1, 1e9))
    expect(Buffer.from(bytesAt(batch.keys, 0)!).toString()).toBe("key")
    expect(
      decodeHeaders(bytesAt(batch.headers!, 0)!).map(([name, value]) => [name, Buffer.from(value).toString()])
    ).toEqual([
      ["trace", "a1"],
      ["musify-origin-topic", topic],
      ["musify-origin-partition", "0"],
      ["musify-origin-offset", "0"]
    ])
  })

  it("puts back what is asked for alone, and the rest another time", async () => {
    log.append(topic, 0, [early(0)])
    log.now = logTime + 3_600_000 * 5
    log.append(topic, 0, [early(1)])
    await ingestAll()
    await afterwards(replayDeadLetters(parts(), { from: logTime + 3_600_000 }))
    expect(await putBack()).toEqual(once(1))
    await afterwards(replayDeadLetters(parts(), { reason: "out of range" }))
    expect(await putBack()).toEqual(once(0, 1))
  })

  /** A log and a bucket whose calls fail or never come back from call `n` on: a killed process. */
  const struck = (
    n: number,
    how: "killed before" | "killed after" | "lost answer",
    gone: Effect.Effect<void>
  ) => {
    let calls = 0
    const around = <A, E>(call: Effect.Effect<A, E>, lost: E) =>
      Effect.suspend(() => {
        calls++
        if (calls < n) return call
        const end = Effect.zipRight(gone, Effect.never)
        if (how === "killed before" || (calls > n && how !== "lost answer")) return end
        if (how === "killed after") return Effect.zipRight(call, end)
        return calls === n ? Effect.zipRight(call, Effect.fail(lost)) : call
      })
    const away = new EventLogUnavailable({ message: "lost", retryable: true })
    const noAnswer = new ObjectStoreUnavailable({ name: "x", message: "lost", retryable: true })
    const store = memory()
    return {
      calls: () => calls,
      parts: {
        store: {
          ...store,
          get: (name: string) => around(store.get(name), noAnswer),
          list: (...given: Parameters<ObjectStoreService["list"]>) => around(store.list(...given), noAnswer),
          putIfAbsent: (...given: Parameters<ObjectStoreService["putIfAbsent"]>) =>
            around(store.putIfAbsent(...given), noAnswer)
        },
        log: {
          ...log.service,
          range: (...given: Parameters<EventLogService["range"]>) =>
            around(log.service.range(...given), away),
          read: (...given: Parameters<EventLogService["read"]>) => around(log.service.read(...given), away),
          append: (...given: Parameters<EventLogService["append"]>) =>
            around(log.service.append(...given), away)
        }
      }
    }
  }

  for (const how of ["killed before", "killed after", "lost answer"] as const)
    it(`puts each back once when it is ${how === "lost answer" ? "not answered" : how} at any of its calls, and run again`, async () => {
      let calls = Infinity
      for (let n = 1; n <= calls; n++) {
        log = new MemoryEventLog(1)
        objects = new Map()
        log.append(topic, 0, [early(0), encoder.encode("{"), early(1)])
        await ingestAll()
        await afterwards(
          Effect.gen(function* () {
            const gone = yield* Deferred.make<void>()
            const faulty = struck(n, how, Deferred.succeed(gone, undefined))
            yield* Effect.raceFirst(
              Effect.zipLeft(Effect.exit(replayDeadLetters(faulty.parts, {})), TestClock.adjust(5000)),
              Deferred.await(gone)
            ).pipe(Effect.race(Effect.forever(TestClock.adjust(200))))
            // Others write meanwhile.
            log.append(topic, 0, [event(9, logTime)])
            yield* replayDeadLetters(parts(), {})
            if (faulty.calls() < n) calls = faulty.calls()
          })
        )
        expect([n, await putBack()]).toEqual([n, once(0, 2)])
      }
      expect(calls).toBeGreaterThan(8)
    })

  it("puts each back once when several run at once beside other producers", () =>
    fc.assert(
      fc.asyncProperty(fc.array(fc.nat(6), { minLength: 60, maxLength: 60 }), async (turns) => {
        log = new MemoryEventLog(1)
        objects = new Map()
        log.append(topic, 0, [early(0), early(1), encoder.encode("{"), early(2)])
        await ingestAll()
        let next = 0
        const pause = Effect.suspend(() => Effect.repeatN(Effect.yieldNow(), turns[next++ % turns.length]))
        const slow = <A, E>(call: Effect.Effect<A, E>) => Effect.zipRight(pause, Effect.zipLeft(call, pause))
        const one = () => {
          const store = memory()
          return {
            store: {
              ...store,
              list: (...given: Parameters<ObjectStoreService["list"]>) => slow(store.list(...given)),
              putIfAbsent: (...given: Parameters<ObjectStoreService["putIfAbsent"]>) =>
                slow(store.putIfAbsent(...given))
            },
            log: {
              ...log.service,
              range: (...given: Parameters<EventLogService["range"]>) => slow(log.service.range(...given)),
              append: (...given: Parameters<EventLogService["append"]>) => slow(log.service.append(...given))
            }
          }
        }
        const other = Effect.repeatN(
          Effect.zipRight(
            pause,
            Effect.sync(() => log.append(topic, 0, [event(5, logTime)]))
          ),
          15
        )
        await afterwards(
          Effect.all([replayDeadLetters(one(), {}), replayDeadLetters(one(), {}), other], {
            concurrency: "unbounded"
          })
        )
        expect(await putBack()).toEqual(once(0, 1, 3))
      }),
      { numRuns: 60 }
    ))

  it("cuts many into appends of bounded size", async () => {
    log.append(
      topic,
      0,
      Array.from({ length: 2500 }, (_, i) => early(i))
    )
    await ingestAll()
    const sizes: Array<number> = []
    const counting: EventLogService = {
      ...log.service,
      append: (batches) => {
        sizes.push(...batches.map(({ records }) => records.count))
        return log.service.append(batches)
      }
    }
    await afterwards(replayDeadLetters(parts({ log: counting }), {}))
    expect(sizes).toEqual([1000, 1000, 500])
    expect(Object.values(await putBack())).toEqual(Array.from({ length: 2500 }, () => 1))
  })

  it("leaves a file alone when the log no longer tells whether its replay was done", async () => {
    log.append(topic, 0, [early(0)])
    await ingestAll()
    await afterwards(
      Effect.gen(function* () {
        const gone = yield* Deferred.make<void>()
        const faulty = {
          ...log.service,
          append: () => Effect.zipRight(Deferred.succeed(gone, undefined), Effect.never)
        }
        yield* Effect.raceFirst(replayDeadLetters(parts({ log: faulty }), {}), Deferred.await(gone))
        log.append(topic, 0, [event(1, logTime), event(2, logTime)])
        log.truncate(topic, 0, 2)
        const error = yield* Effect.flip(replayDeadLetters(parts(), {}))
        expect(error).toMatchObject({ _tag: "UserError", exitCode: 1 })
        expect(error.message).toContain("cannot be told any more")
      })
    )
    expect(log.offsets(topic, 0)).toEqual([2])
  })

  it("stops at a journal that is damaged", async () => {
    log.append(topic, 0, [early(0)])
    await ingestAll()
    await afterwards(replayDeadLetters(parts(), {}))
    const name = [...objects.keys()].find(
      (one) => one.startsWith("log/replays/") && one.endsWith("plan.json")
    )!
    objects.set(name, encoder.encode("{}"))
    const error = await afterwards(Effect.flip(replayDeadLetters(parts(), {})))
    expect(error).toMatchObject({ _tag: "DamagedFile" })
    expect(error.message).toContain(name)
    expect(await putBack()).toEqual(once(0))
  })
})
