import { makeMemoryObjectStore } from "@musify/lake/MemoryObjectStore.ts"
import { planName, sealName } from "@musify/lake/objectNames.ts"
import { ObjectStore, type ObjectStoreService } from "@musify/lake/ObjectStore.ts"
import { layerScaledClock } from "@musify/runtime/ScaledClock.ts"
import { EventLog, type Membership, type TopicPartition } from "@musify/stream/EventLog.ts"
import { type EventLogError, EventLogUnavailable } from "@musify/stream/EventLogError.ts"
import { Duration, Effect, Fiber, Mailbox, TestClock, TestContext } from "effect"
import { beforeEach, describe, expect, it } from "vitest"
import { ingest } from "./ingest.ts"
import { IngestLog, type IngestNotice } from "./IngestLog.ts"
import type { IngestOptions } from "./IngestOptions.ts"
import { IngestStatus } from "./IngestStatus.ts"
import { fault } from "./supervisePartition.ts"
import { atAnyMoment, everyOffset } from "./testing/chainInvariants.ts"
import { MemoryEventLog } from "./testing/MemoryEventLog.ts"

const topic = "auth_events"
const encoder = new TextEncoder()
const values = (count: number) =>
  Array.from({ length: count }, (_, i) =>
    encoder.encode(
      JSON.stringify({
        ts: 1_799_900_000_000,
        sessionId: 1,
        itemInSession: i,
        level: "free",
        success: true
      })
    )
  )

let log: MemoryEventLog
let objects: Map<string, Uint8Array>
let notices: Array<IngestNotice>
let status: IngestStatus
beforeEach(() => {
  log = new MemoryEventLog(2)
  objects = new Map()
  notices = []
  status = new IngestStatus()
})

const running = (
  options: Partial<IngestOptions>,
  parts: { readonly store?: Partial<ObjectStoreService>; readonly join?: Membership } = {}
) =>
  ingest({ roll: Duration.seconds(10), poll: Duration.seconds(5), status, ...options }).pipe(
    Effect.provideService(ObjectStore, { ...makeMemoryObjectStore(objects), ...parts.store }),
    Effect.provideService(EventLog, {
      ...log.service,
      ...(parts.join === undefined ? {} : { join: () => Effect.succeed(parts.join!) })
    }),
    Effect.provideService(IngestLog, { tell: (notice) => Effect.sync(() => void notices.push(notice)) })
  )
const seconds = (count: number) =>
  Effect.forEach(Array.from({ length: count / 5 }), () => TestClock.adjust(Duration.seconds(5)), {
    discard: true
  })
const inTestTime = <A, E>(test: Effect.Effect<A, E>) =>
  Effect.runPromise(Effect.provide(test, TestContext.TestContext))
const phases = () =>
  Object.fromEntries([...status.partitions].map((p) => [`${p.topic}/${p.partition}`, p.phase]))

describe("a fault of the program in one partition", () => {
  const faulty = (until: () => boolean): Partial<ObjectStoreService> => ({
    putIfAbsent: (name, bytes) =>
      until() && name === planName(topic, 0, 0)
        ? Effect.die(new Error("a bug"))
        : makeMemoryObjectStore(objects).putIfAbsent(name, bytes)
  })

  it("is told and begun again with growing pauses; others go on; nothing is lost when it is over", async () => {
    let isBroken = true
    log.append(topic, 0, values(5))
    log.append(topic, 1, values(5))
    await inTestTime(
      Effect.gen(function* () {
        const fiber = yield* Effect.fork(running({}, { store: faulty(() => isBroken) }))
        yield* seconds(60)
        expect(objects.has(sealName(topic, 1, 0))).toBe(true)
        expect(phases()).toMatchObject({ [`${topic}/0`]: "waiting", [`${topic}/1`]: "following" })
        const told = notices.filter(({ fields }) => fields.error === "Defect")
        expect(told.length).toBeGreaterThan(2)
        expect(told.length).toBeLessThan(7)
        expect(told[0]).toMatchObject({ level: "Warning", fields: { topic, partition: 0 } })
        expect(told[0].message).toContain("fault in Musify itself: Error: a bug")
        isBroken = false
        yield* seconds(30)
        expect(phases()).toMatchObject({ [`${topic}/0`]: "following" })
        yield* Fiber.interrupt(fiber)
      })
    )
    const own = new Map([...objects].filter(([name]) => /\/0[-/][^/]+$/.test(name)))
    expect(await atAnyMoment(own, topic)).toEqual([])
    expect(await everyOffset(own, topic, [0, 1, 2, 3, 4])).toEqual([])
  })

  it("halts a partition that is to be drained once, and the others are drained", async () => {
    log.append(topic, 0, values(5))
    log.append(topic, 1, values(5))
    const summary = await Effect.runPromise(
      Effect.provide(running({ once: true }, { store: faulty(() => true) }), layerScaledClock(1000))
    )
    expect(summary.halted).toMatchObject([{ topic, partition: 0, reason: fault }])
    expect(summary.topics[topic].records).toBe(5)
  })
})

describe("membership", () => {
  it("hands partitions over between members, which lose and double nothing", async () => {
    await inTestTime(
      Effect.gen(function* () {
        const members: Array<Mailbox.Mailbox<ReadonlyArray<TopicPartition>, EventLogError>> = []
        const join = Effect.gen(function* () {
          const assignments = yield* Mailbox.make<ReadonlyArray<TopicPartition>, EventLogError>()
          members.push(assignments)
          return { assignments, read: log.service.read }
        })
        const fibers = [
          yield* Effect.fork(running({ writer: "a" }, { join: yield* join })),
          yield* Effect.fork(running({ writer: "b", status: new IngestStatus() }, { join: yield* join }))
        ]
        const [zero, one] = [0, 1].map((partition) => ({ topic, partition }) as const)
        for (const [a, b] of [
          [[zero, one], []],
          [[zero], [one]],
          // For a while both believe that it is theirs.
          [[zero, one], [one]],
          [[one], [zero, one]],
          [[], [zero, one]],
          [[zero], [one]]
        ] as const) {
          yield* members[0].offer(a)
          yield* members[1].offer(b)
          for (let i = 0; i < 4; i++) {
            log.append(topic, 0, values(3))
            log.append(topic, 1, values(3))
            yield* seconds(5)
          }
        }
        yield* seconds(60)
        expect(phases()).toEqual({ [`${topic}/0`]: "following" })
        yield* Fiber.interruptAll(fibers)
      })
    )
    for (const partition of [0, 1]) {
      const own = new Map([...objects].filter(([name]) => new RegExp(`/${partition}[-/][^/]+$`).test(name)))
      expect(await everyOffset(own, topic, log.offsets(topic, partition))).toEqual([])
      if (partition === 0) expect(await atAnyMoment(own, topic)).toEqual([])
    }
  })

  it("joins again, with pauses, when it was a member no more; --once ends with the error", async () => {
    log.append(topic, 0, values(5))
    let joins = 0
    const service = {
      ...log.service,
      join: (group: string) =>
        Effect.suspend(() =>
          ++joins < 4
            ? new EventLogUnavailable({ message: "no broker", retryable: true })
            : log.service.join(group)
        )
    }
    const member = (options: Partial<IngestOptions>) =>
      Effect.provideService(
        ingest({ roll: Duration.seconds(10), poll: Duration.seconds(5), status, ...options }),
        EventLog,
        service
      ).pipe(
        Effect.provideService(ObjectStore, makeMemoryObjectStore(objects)),
        Effect.provideService(IngestLog, { tell: (notice) => Effect.sync(() => void notices.push(notice)) })
      )
    await inTestTime(
      Effect.gen(function* () {
        expect(yield* Effect.flip(member({ once: true }))).toMatchObject({ message: "no broker" })
        const fiber = yield* Effect.fork(member({}))
        yield* TestClock.adjust(1)
        expect([status.hasJoined, status.joinTrouble]).toEqual([false, "no broker"])
        yield* seconds(40)
        expect([status.hasJoined, status.joinTrouble]).toEqual([true, ""])
        expect(notices.map(({ message }) => message)).toEqual([
          "The ingestor cannot join its group: no broker",
          "The ingestor cannot join its group: no broker"
        ])
        expect(objects.has(planName(topic, 0, 0))).toBe(true)
        yield* Fiber.interrupt(fiber)
        expect(objects.has(sealName(topic, 0, 0))).toBe(true)
      })
    )
  })
})
