import { bytesAt } from "@musify/domain/RecordBatch.ts"
import { topics } from "@musify/domain/Topic.ts"
import { readRows } from "@musify/lake/testing/readRows.ts"
import { EventLog, type EventLogService } from "@musify/stream/EventLog.ts"
import { makeInMemoryEventLog } from "@musify/stream/InMemoryEventLog.ts"
import { Effect, Exit } from "effect"
import fc from "fast-check"
import { Buffer } from "node:buffer"
import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import { afterAll, beforeAll, expect, it } from "vitest"
import { simulate, type SimulateOptions } from "../simulate.ts"
import { cast, configOf, monday } from "../testing/collect.ts"
import { coveredKey } from "./FaultManifest.ts"
import { offsetAmong, rangesAmong } from "./outputOffsets.ts"
import { manyFaults } from "./testing/injected.ts"

const day = 86_400_000
let folder: string
beforeAll(() => void (folder = fs.mkdtempSync(path.join(os.tmpdir(), "musify-faults-"))))
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }))

const run = (log: EventLogService, manifest: string, more: Partial<SimulateOptions> = {}) =>
  simulate({
    config: configOf(),
    songs: cast.songs,
    users: 150,
    seed: 5,
    start: monday,
    until: monday + 3 * day,
    live: false,
    faults: { config: manyFaults(), manifest: path.join(folder, manifest) },
    ...more
  }).pipe(Effect.provideService(EventLog, log))

const contents = (log: EventLogService) =>
  Effect.gen(function* () {
    const all: Record<string, ReadonlyArray<string | null>> = {}
    for (const topic of topics) {
      for (let p = 0; p < 2; p++) {
        const { count, values } = yield* log.read(topic, p, 0, 1 << 28)
        all[`${topic}/${p}`] = Array.from({ length: count }, (_, n) => {
          const value = bytesAt(values, n)
          return value === null ? null : Buffer.from(value).toString("latin1")
        })
      }
    }
    return all
  })

const manifestOf = async (name: string) => {
  const { metadata, rows } = await readRows(fs.readFileSync(path.join(folder, name)))
  const text = (_: string, value: unknown) => (typeof value === "bigint" ? Number(value) : value)
  return {
    rows: rows.map((row) => JSON.stringify(row, text)).sort(),
    covered: JSON.parse(metadata[coveredKey])
  }
}

/** A log as a kill leaves it: the first records of each partition, to a place of its own. */
const cutOff = (log: EventLogService, shares: ReadonlyArray<number>) =>
  Effect.gen(function* () {
    const cut = makeInMemoryEventLog({ partitions: 2 })
    for (const [t, topic] of topics.entries()) {
      for (let partition = 0; partition < 2; partition++) {
        const { end } = yield* log.range(topic, partition)
        const count = Math.floor(shares[t * 2 + partition] * end)
        if (count === 0) continue
        const { keys, values } = yield* log.read(topic, partition, 0, 1 << 28)
        const first = <A extends { readonly ends: Int32Array }>(column: A) => ({
          ...column,
          ends: column.ends.slice(0, count)
        })
        yield* cut.append([
          { topic, partition, records: { count, keys: first(keys), values: first(values) } }
        ])
      }
    }
    return cut
  })

it("goes on exactly where a kill left each partition, and writes the same manifest", async () => {
  const whole = makeInMemoryEventLog({ partitions: 2 })
  const summary = await Effect.runPromise(run(whole, "whole.parquet"))
  const expected = await Effect.runPromise(contents(whole))
  const manifest = await manifestOf("whole.parquet")
  expect(Object.values(summary.events).reduce((a, b) => a + b)).toBe(Object.values(expected).flat().length)
  expect(Object.values(summary.faults!).reduce((a, b) => a + b)).toBe(
    manifest.rows.filter((row) => !row.includes(`"offset":null`)).length
  )
  for (const { partition, ranges, topic } of manifest.covered) {
    const { length } = expected[`${topic}/${partition}`]
    expect(ranges).toEqual(length === 0 ? [] : [[0, length]])
  }
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 8, maxLength: 8 }),
      async (shares) => {
        const log = await Effect.runPromise(cutOff(whole, shares))
        await Effect.runPromise(run(log, "resumed.parquet"))
        expect(await Effect.runPromise(contents(log))).toEqual(expected)
        expect(await manifestOf("resumed.parquet")).toEqual(manifest)
      }
    ),
    { numRuns: 5 }
  )
})

it("writes the same in two runs, one going on to a later time, as in one", async () => {
  const once = makeInMemoryEventLog({ partitions: 2 })
  const twice = makeInMemoryEventLog({ partitions: 2 })
  await Effect.runPromise(run(once, "once.parquet"))
  await Effect.runPromise(run(twice, "twice.parquet", { until: monday + 1.85 * day }))
  const held = (await manifestOf("twice.parquet")).rows.filter((row) => row.includes(`"offset":null`))
  expect(held.length).toBeGreaterThan(0)
  await Effect.runPromise(run(twice, "twice.parquet"))
  expect(await Effect.runPromise(contents(twice))).toEqual(await Effect.runPromise(contents(once)))
  expect(await manifestOf("twice.parquet")).toEqual(await manifestOf("once.parquet"))
})

it("tells of a prefix of the output, or nothing, when it is interrupted between two appends or within one", async () => {
  const users = 1500
  const whole = makeInMemoryEventLog({ partitions: 2 })
  await Effect.runPromise(run(whole, "all.parquet", { users }))
  const all = new Set((await manifestOf("all.parquet")).rows)
  for (const place of ["between", "within"]) {
    const log = makeInMemoryEventLog({ partitions: 2 })
    const isSecond = Effect.map(log.range("page_view_events", 0), ({ end }) => end > 0)
    const stopping: EventLogService = {
      ...log,
      append: (batches) =>
        Effect.flatMap(isSecond, (second) =>
          second && place === "within" ? Effect.interrupt : log.append(batches)
        )
    }
    const onProgress = () =>
      Effect.flatMap(Effect.orDie(isSecond), (second) =>
        second && place === "between" ? Effect.interrupt : Effect.void
      )
    const exit = await Effect.runPromiseExit(run(stopping, `${place}.parquet`, { users, onProgress }))
    expect(Exit.isInterrupted(exit)).toBe(true)
    const file = path.join(folder, `${place}.parquet`)
    expect(fs.existsSync(`${file}.rows`)).toBe(false)
    expect(fs.existsSync(file)).toBe(place === "between")
    if (place === "within") continue
    const { covered, rows } = await manifestOf(`${place}.parquet`)
    const written = rows.filter((row) => !row.includes(`"offset":null`))
    expect(written.length).toBeGreaterThan(0)
    for (const row of written) expect(all.has(row)).toBe(true)
    for (const { partition, ranges, topic } of covered) {
      const { end } = await Effect.runPromise(log.range(topic, partition))
      expect(ranges).toEqual(end === 0 ? [] : [[0, end]])
    }
  }
})

it("keeps the fuller manifest when it is interrupted before it has caught up", async () => {
  const log = makeInMemoryEventLog({ partitions: 2 })
  const users = 1500
  await Effect.runPromise(run(log, "kept.parquet", { users }))
  const before = await manifestOf("kept.parquet")
  await Effect.runPromiseExit(run(log, "kept.parquet", { users, onProgress: () => Effect.interrupt }))
  expect(await manifestOf("kept.parquet")).toEqual(before)
})

it("counts offsets around what others wrote", () => {
  const ranges = fc
    .array(fc.tuple(fc.integer({ min: 0, max: 5 }), fc.integer({ min: 1, max: 5 })), { maxLength: 5 })
    .map((gaps) => {
      const foreign: Array<readonly [number, number]> = []
      let at = 0
      for (const [gap, size] of gaps) {
        foreign.push([at + gap, at + gap + size])
        at += gap + size
      }
      return foreign
    })
  fc.assert(
    fc.property(ranges, fc.integer({ min: 0, max: 40 }), (foreign, count) => {
      const free = Array.from({ length: 100 }, (_, n) => n).filter(
        (n) => !foreign.some(([a, b]) => n >= a && n < b)
      )
      const own = free.slice(0, count)
      expect(own.map((_, n) => offsetAmong(foreign, n))).toEqual(own)
      expect(
        rangesAmong(foreign, count).flatMap(([a, b]) => Array.from({ length: b - a }, (_, n) => a + n))
      ).toEqual(own)
    })
  )
})
