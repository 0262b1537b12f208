import { makeMemoryObjectStore } from "@musify/lake/MemoryObjectStore.ts"
import { ObjectStore, type ObjectStoreService } from "@musify/lake/ObjectStore.ts"
import { layerScaledClock } from "@musify/runtime/ScaledClock.ts"
import { EventLog, type EventLogService } from "@musify/stream/EventLog.ts"
import { Duration, Effect, Fiber } from "effect"
import { describe, expect, it } from "vitest"
import { ingest } from "./ingest.ts"
import type { IngestOptions } from "./IngestOptions.ts"
import { IngestStatus } from "./IngestStatus.ts"
import { makeBacklogLog } from "./testing/BacklogLog.ts"

/* bench/ingestMemory.ts looks at the process's memory with ten million events; here what is counted must be right. */

const kib = 1024
const partitions = 4
const all = 4 * partitions

/** Runs an ingestor and notes, at each put, what was counted, and what was read and not stored. */
const observed = (
  log: EventLogService,
  options: Partial<IngestOptions>,
  pause: Effect.Effect<void> = Effect.void
) => {
  const status = new IngestStatus()
  const memory = makeMemoryObjectStore(new Map())
  const seen = { held: 0, unstored: 0, putsAtOnce: 0 }
  const read = new Map<string, number>()
  let puts = 0
  const look = () => {
    seen.held = Math.max(seen.held, status.budget?.held ?? 0)
    let bytes = 0
    for (const { end, partition, topic } of status.partitions)
      bytes += ((read.get(`${topic}/${partition}`) ?? 0) - (end ?? 0)) * 500
    seen.unstored = Math.max(seen.unstored, bytes)
    seen.putsAtOnce = Math.max(seen.putsAtOnce, puts)
  }
  const noting: EventLogService["read"] = (topic, partition, offset, maxBytes) =>
    Effect.tap(log.read(topic, partition, offset, maxBytes), (batch) => {
      if (batch.count > 0) read.set(`${topic}/${partition}`, batch.offsets[batch.count - 1] + 1)
      look()
    })
  const store: ObjectStoreService = {
    ...memory,
    putIfAbsent: (name, ...given) =>
      Effect.gen(function* () {
        const isFile = name.endsWith(".parquet")
        if (isFile) puts++
        look()
        yield* pause
        if (isFile) puts--
        return yield* memory.putIfAbsent(name, ...given)
      })
  }
  const service: EventLogService = {
    ...log,
    join: (group) => Effect.map(log.join(group), (membership) => ({ ...membership, read: noting }))
  }
  return {
    seen,
    status,
    run: ingest({ status, ...options }).pipe(
      Effect.provideService(ObjectStore, store),
      Effect.provideService(EventLog, service)
    )
  }
}

describe("the memory of all partitions together", () => {
  it("stays within its bound with a backlog everywhere, in whole batches, a few files at a time", async () => {
    const records = 1500
    const options = { gatherBytes: 2048 * kib, bytes: 256 * kib, readBytes: 16 * kib, puts: 3, once: true }
    const { run, seen, status } = observed(
      makeBacklogLog({ partitions, records, gapMs: 10_000 }),
      options,
      Effect.yieldNow()
    )
    const summary = await Effect.runPromise(run)
    const topics = Object.values(summary.topics)
    expect(topics.reduce((sum, topic) => sum + topic.records, 0)).toBe(all * records)
    expect(seen.held).toBeGreaterThan(options.gatherBytes / 2)
    // A batch's files count only when they are opened.
    expect(seen.held).toBeLessThan(options.gatherBytes + 200 * kib)
    // Raw, and two reads of each partition on their way.
    expect(seen.unstored).toBeLessThan(options.gatherBytes + 2 * all * options.readBytes)
    expect(seen.putsAtOnce).toBeLessThanOrEqual(3)
    expect([status.budget?.held, status.budget?.waiting]).toEqual([0, 0])
    // 1500 records of some 500 bytes are three batches of 256 KiB.
    expect(topics.reduce((sum, topic) => sum + topic.plans, 0)).toBeLessThan(all * 4)
  })

  it("is given back by storing early when all partitions trickle, however long the roll", async () => {
    const log = makeBacklogLog({ partitions, records: 1_000_000, gapMs: 1000 })
    let known = 0
    const trickling: EventLogService = {
      ...log,
      read: (topic, partition, offset, maxBytes) =>
        offset >= known
          ? log.read(topic, partition, 1_000_000, maxBytes)
          : Effect.map(log.read(topic, partition, offset, maxBytes), (batch) => ({
              ...batch,
              count: Math.min(batch.count, known - offset)
            })),
      join: (group) => Effect.map(log.join(group), (membership) => ({ ...membership, read: trickling.read }))
    }
    const gatherBytes = 1024 * kib
    const { run, seen, status } = observed(trickling, {
      gatherBytes,
      readBytes: 16 * kib,
      roll: Duration.days(1),
      poll: Duration.seconds(1)
    })
    await Effect.runPromise(
      Effect.gen(function* () {
        const fiber = yield* Effect.fork(run)
        const ends = () => [...status.partitions].map(({ end }) => end ?? 0)
        const unstored = () => all * known - ends().reduce((sum, end) => sum + end, 0)
        for (let round = 0; round < 40; round++) {
          known += 20
          // 12,800 records of some 650 bytes of memory do not fit.
          do yield* Effect.sleep(Duration.seconds(1))
          while (unstored() > gatherBytes / 500)
        }
        expect(ends().length).toBe(all)
        expect(Math.min(...ends())).toBeGreaterThan(0)
        expect(seen.held).toBeLessThan(gatherBytes + 300 * kib)
        yield* Fiber.interrupt(fiber)
      }).pipe(Effect.provide(layerScaledClock(100)))
    )
  })
})
