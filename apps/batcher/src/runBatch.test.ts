import { writeCatalog } from "@musify/lake/catalog.ts"
import { layer as layerLocalDirectory } from "@musify/lake/LocalDirectoryObjectStore.ts"
import { ObjectStore } from "@musify/lake/ObjectStore.ts"
import { DataFolder, layerDataFolder } from "@musify/runtime/DataFolder.ts"
import { Duration, Effect, Fiber, Layer, TestClock, TestContext } from "effect"
import * as fc from "fast-check"
import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import { afterAll, expect, it } from "vitest"
import type { BatchSummary } from "./BatchOptions.ts"
import { atFivePast, defaultBatchOptions } from "./BatchOptions.ts"
import { layerWarehouse, pause, runBatch, watchBatches } from "./runBatch.ts"

const scratch = fs.mkdtempSync(path.join(os.tmpdir(), "musify-batcher-"))
afterAll(() => fs.rmSync(scratch, { recursive: true, force: true }))

const environment = (name: string) =>
  Layer.merge(
    Layer.unwrapEffect(Effect.map(DataFolder, ({ bucket }) => layerLocalDirectory({ directory: bucket }))),
    layerWarehouse({ threads: 1 })
  ).pipe(Layer.provideMerge(layerDataFolder(path.join(scratch, name))))

it("an empty lake is nothing to build, and nothing is published", async () => {
  const summary = await Effect.runPromise(Effect.provide(runBatch(defaultBatchOptions), environment("empty")))
  expect([summary.hours, summary.published, summary.through]).toEqual([0, undefined, null])
  expect(fs.existsSync(path.join(scratch, "empty", "bucket", "published", "CURRENT"))).toBe(false)
})

it("a second batcher on the folder says so and leaves", async () => {
  const error = await Effect.runPromise(
    Effect.gen(function* () {
      const folder = yield* DataFolder
      yield* folder.lockRole("batcher")
      return yield* Effect.flip(runBatch(defaultBatchOptions))
    }).pipe(Effect.scoped, Effect.provide(environment("twice")))
  )
  expect(error).toMatchObject({ _tag: "UserError", exitCode: 2 })
  expect(error.message).toContain("batcher")
})

it("a catalog that the folder names and the lake has not is one message", async () => {
  const error = await Effect.runPromise(
    Effect.gen(function* () {
      const folder = yield* DataFolder
      yield* folder.freeze("songs", "0123456789abcdef")
      return yield* Effect.flip(runBatch(defaultBatchOptions))
    }).pipe(Effect.provide(environment("no-catalog")))
  )
  expect(error.message).toContain("version=0123456789abcdef")
})

it("the catalog is read for a new warehouse, and not again while its version is loaded", async () => {
  const root = path.join(scratch, "one-catalog")
  const song = { song_id: "SO1", title: "One", artist_id: "AR1", artist_name: "A", duration: 180, weight: 1 }
  const unknown = { track_id: null, artist_latitude: null, artist_longitude: null, artist_location: null }
  const silent = { tempo: null, key: null, key_confidence: null, loudness: null, song_hotttnesss: null }
  const songs = [{ ...song, ...unknown, ...silent, release: null, year: null }]
  const batch = Effect.provide(runBatch(defaultBatchOptions), environment("one-catalog"))
  const version = await Effect.runPromise(
    Effect.gen(function* () {
      const folder = yield* DataFolder
      const written = yield* writeCatalog(yield* ObjectStore, songs)
      yield* folder.freeze("songs", written)
      return written
    }).pipe(Effect.provide(environment("one-catalog")))
  )
  await Effect.runPromise(batch)
  fs.rmSync(path.join(root, "bucket", "lake", "catalog"), { recursive: true })
  await Effect.runPromise(batch)
  fs.rmSync(path.join(root, "warehouse.duckdb"))
  expect((await Effect.runPromise(Effect.flip(batch))).message).toContain(`version=${version}`)
})

it("five past comes once an hour, in the future", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 4e12 }), fc.integer({ min: 0, max: 59 }), (now, minute) => {
      const wait = pause({ minute }, now)
      expect(wait).toBeGreaterThan(0)
      expect(wait).toBeLessThanOrEqual(3_600_000)
      expect(Math.floor(((now + wait) % 3_600_000) / 60_000)).toBe(minute)
      expect((now + wait) % 60_000).toBe(0)
    })
  )
})

it("a watching batcher passes at once and then at five past", async () => {
  const passes: Array<BatchSummary> = []
  await Effect.runPromise(
    Effect.gen(function* () {
      const watching = yield* Effect.fork(
        watchBatches({
          ...defaultBatchOptions,
          rhythm: atFivePast,
          onBatch: (summary) => Effect.sync(() => passes.push(summary)),
          onTrouble: () => Effect.void
        })
      )
      const settled = (count: number) =>
        Effect.iterate(0, {
          while: () => passes.length < count,
          body: (turns) =>
            Effect.as(
              Effect.promise(() => new Promise((done) => setImmediate(done))),
              turns + 1
            )
        })
      yield* settled(1)
      yield* TestClock.adjust(Duration.minutes(4))
      expect(passes.length).toBe(1)
      yield* TestClock.adjust(Duration.minutes(1))
      yield* settled(2)
      yield* TestClock.adjust(Duration.hours(1))
      yield* settled(3)
      yield* Fiber.interrupt(watching)
    }).pipe(Effect.provide(environment("watch")), Effect.provide(TestContext.TestContext))
  )
  expect(passes.length).toBe(3)
})
