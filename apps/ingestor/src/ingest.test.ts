import { Buffer } from "node:buffer"
import { scatteredFiles } from "@musify/lake/BatchBuilder.ts"
import { ObjectStore } from "@musify/lake/ObjectStore.ts"
import { makeMemoryObjectStore } from "@musify/lake/MemoryObjectStore.ts"
import { planName, sealName } from "@musify/lake/objectNames.ts"
import { layerScaledClock } from "@musify/runtime/ScaledClock.ts"
import { EventLog } from "@musify/stream/EventLog.ts"
import { Duration, Effect, Fiber, TestClock, TestContext } from "effect"
import { beforeEach, describe, expect, it } from "vitest"
import { ingest } from "./ingest.ts"
import { consumerGroup, type IngestOptions } from "./IngestOptions.ts"
import { atAnyMoment, everyOffset } from "./testing/chainInvariants.ts"
import { MemoryEventLog } from "./testing/MemoryEventLog.ts"

const topic = "auth_events"
const encoder = new TextEncoder()
const values = (count: number, hours = 1) =>
  Array.from({ length: count }, (_, i) =>
    encoder.encode(
      JSON.stringify({
        ts: 1_799_900_000_000 - (i % hours) * 3_600_000,
        sessionId: i,
        itemInSession: 0,
        level: "free",
        success: true,
        extra: 1
      })
    )
  )

let log: MemoryEventLog
let objects: Map<string, Uint8Array>
beforeEach(() => {
  log = new MemoryEventLog()
  objects = new Map()
})

const provided = (options: Partial<IngestOptions>) =>
  ingest(options).pipe(
    Effect.provideService(ObjectStore, makeMemoryObjectStore(objects)),
    Effect.provideService(EventLog, log.service)
  )
const once = (options: Partial<IngestOptions> = {}) =>
  Effect.runPromise(provided({ once: true, ...options }).pipe(Effect.provide(layerScaledClock(1000))))

/** Opens the last plan again, as if its writer was killed before the file. */
const openTail = (seq: number): string => {
  objects.delete(sealName(topic, 0, seq))
  const plan = JSON.parse(Buffer.from(objects.get(planName(topic, 0, seq))!).toString()) as {
    files: Array<{ path: string }>
  }
  objects.delete(plan.files[0].path)
  return plan.files[0].path
}

describe("ingest --once", () => {
  it("brings each record into one file or dead letter, seals, commits, and finds nothing to do again", async () => {
    log.append(topic, 0, [...values(100, 3), null, encoder.encode("{")])
    const summary = await once({ rows: 40 })
    expect(summary.topics[topic]).toMatchObject({
      records: 102,
      rows: 100,
      deadLetters: { "null value": 1, "invalid JSON": 1 },
      plans: 3,
      unknownFields: 100
    })
    expect(await everyOffset(objects, topic, log.offsets(topic, 0))).toEqual([])
    expect(objects.has(sealName(topic, 0, 2))).toBe(true)
    expect(log.committed.get(`${consumerGroup}/${topic}/0`)).toBe(102)
    const before = [...objects.keys()]
    expect((await once()).topics[topic].records).toBe(0)
    expect([...objects.keys()]).toEqual(before)
  })

  it("makes few files of few hours, however they are mixed, and bounded plans of many", async () => {
    log.append(topic, 0, values(1000, 30))
    log.append(topic, 0, values(100, 100))
    const summary = await once({ maxFiles: 4 })
    const files = [...objects]
      .filter(([name]) => name.endsWith(".plan.json"))
      .map(
        ([, bytes]) => (JSON.parse(Buffer.from(bytes).toString()) as { files: Array<unknown> }).files.length
      )
    // 4 files that fill would end a batch; but these records go round 30 hours, and then each has one of its own.
    expect(files[0]).toBe(30)
    expect(Math.max(...files)).toBe(4 * scatteredFiles)
    expect(files.length).toBeLessThanOrEqual(1100 / (16 * 4))
    expect(summary.topics[topic]).toMatchObject({
      records: 1100,
      files: files.reduce((sum, n) => sum + n, 0)
    })
    expect(await everyOffset(objects, topic, log.offsets(topic, 0))).toEqual([])
  })
})

describe("ingest, following the log", () => {
  it("rolls one roll after the first record, seals when idle, by the clock", async () => {
    log.append(topic, 0, values(5))
    await Effect.runPromise(
      Effect.gen(function* () {
        const fiber = yield* Effect.fork(provided({ roll: Duration.minutes(2), poll: Duration.seconds(30) }))
        yield* TestClock.adjust(Duration.seconds(119))
        expect(objects.has(planName(topic, 0, 0))).toBe(false)
        yield* TestClock.adjust(Duration.seconds(2))
        expect(objects.has(planName(topic, 0, 0))).toBe(true)
        expect(objects.has(sealName(topic, 0, 0))).toBe(false)
        yield* TestClock.adjust(Duration.seconds(121))
        expect(objects.has(sealName(topic, 0, 0))).toBe(true)
        yield* Fiber.interrupt(fiber)
      }).pipe(Effect.provide(TestContext.TestContext))
    )
  })

  it("seals its tail when it is stopped", async () => {
    log.append(topic, 0, values(5))
    await Effect.runPromise(
      Effect.gen(function* () {
        const fiber = yield* Effect.fork(provided({ roll: Duration.seconds(10), poll: Duration.seconds(5) }))
        yield* TestClock.adjust(Duration.seconds(1))
        yield* TestClock.adjust(Duration.seconds(11))
        expect(objects.has(planName(topic, 0, 0))).toBe(true)
        expect(objects.has(sealName(topic, 0, 0))).toBe(false)
        yield* Fiber.interrupt(fiber)
        expect(objects.has(sealName(topic, 0, 0))).toBe(true)
      }).pipe(Effect.provide(TestContext.TestContext))
    )
  })
})

describe("a chain that cannot go on", () => {
  beforeEach(async () => {
    log.append(topic, 0, values(30, 2))
    await once()
  })

  const haltsWith = async (reason: string, ...parts: ReadonlyArray<string>) => {
    log.append("listen_events", 0, [encoder.encode("{}")])
    const before = [...objects.keys()].filter((name) => name.includes(topic))
    const summary = await once()
    expect(summary.halted).toMatchObject([{ topic, partition: 0, reason }])
    for (const part of parts) expect(summary.halted[0].message).toContain(part)
    expect([...objects.keys()].filter((name) => name.includes(topic))).toEqual(before)
    // The others go on.
    expect(summary.topics.listen_events.records).toBe(1)
  }

  it("stops when the log lost records that it needs, and names them", () => {
    log.append(topic, 0, values(20))
    log.truncate(topic, 0, 41)
    return haltsWith("missing records", "30 to 40")
  })
  it("goes on when the log starts exactly at its end", async () => {
    log.append(topic, 0, values(20))
    log.truncate(topic, 0, 30)
    expect((await once()).topics[topic].records).toBe(20)
  })
  it("stops when the log was made anew, shorter", () => {
    log.recreate(topic, 0)
    return haltsWith("recreated log", "ends at 0")
  })
  it("stops when the log was made anew, as long and with the same values", () => {
    log.recreate(topic, 0)
    log.append(topic, 0, values(35, 2))
    return haltsWith("recreated log", "the record at 29 is another one")
  })
  it("completes an open tail from the log, with its own plan, whatever its own settings", async () => {
    const file = openTail(0)
    const summary = await once({ rows: 3, maxFiles: 1 })
    expect(summary).toMatchObject({ takenOver: 1, halted: [] })
    expect(objects.has(file)).toBe(true)
    expect(await atAnyMoment(objects, topic)).toEqual([])
  })
  it("stops when the records of an open tail's missing file are gone", () => {
    openTail(0)
    log.truncate(topic, 0, 20)
    return haltsWith("missing records", "nothing was written")
  })
  it("stops at a foreign file, and names both", () => {
    const file = openTail(0)
    const other = [...objects.keys()].find((name) => name.endsWith(".parquet"))!
    objects.set(file, objects.get(other)!)
    return haltsWith("foreign object", file, planName(topic, 0, 0))
  })
  it("stops at a damaged file of an open tail", () => {
    const file = openTail(0)
    objects.set(file, encoder.encode("PAR1 cut"))
    return haltsWith("damaged object", file)
  })
  it("stops at a hole in the chain", async () => {
    log.append(topic, 0, values(20))
    await once()
    objects.delete(planName(topic, 0, 0))
    return haltsWith("damaged object", planName(topic, 0, 0), "plans were deleted")
  })
  it("refuses a plan of a newer release", () => {
    objects.set(planName(topic, 0, 1), encoder.encode('{"version":2,"what":"ever"}'))
    return haltsWith("newer version", "format 2")
  })
  it("stops before it completes a tail of another decoder", () => {
    openTail(0)
    for (const name of [...objects.keys()]) if (name.endsWith(".parquet")) objects.delete(name)
    const name = planName(topic, 0, 0)
    const text = Buffer.from(objects.get(name)!).toString()
    objects.set(name, encoder.encode(text.replace(/"decoder":\d+/, '"decoder":99')))
    return haltsWith("newer version", "decoder version 99")
  })
})
