import { Buffer } from "node:buffer"
import { it } from "@effect/vitest"
import { bytesColumn } from "@musify/domain/RecordBatch.ts"
import { makeScaledClock } from "@musify/runtime/ScaledClock.ts"
import { Effect } from "effect"
import { afterAll, beforeAll, beforeEach, describe, expect } from "vitest"
import { BatchBuilder } from "../BatchBuilder.ts"
import { findTail, hasFile, missingFiles, putFiles, putPlan, putSeal } from "../Chain.ts"
import { makeGcsObjectStore } from "./GcsObjectStore.ts"
import { defaultGcsOptions } from "./GcsOptions.ts"
import type { JsonApiServer, Misbehaviour } from "./testing/JsonApiServer.ts"
import { startJsonApiServer } from "./testing/JsonApiServer.ts"

let server: JsonApiServer
beforeAll(async () => {
  server = await startJsonApiServer()
})
beforeEach(() => {
  server.objects.clear()
  server.requests.length = 0
  server.misbehave()
})
afterAll(() => server.close())

const slots = Effect.unsafeMakeSemaphore(4)
const storeOf = () =>
  makeGcsObjectStore({
    ...defaultGcsOptions,
    timeoutMs: 1_000_000_000,
    bucket: server.bucket,
    endpoint: server.endpoint
  })

const time = Date.UTC(2026, 10, 23, 16)
const hourMs = 3_600_000

/** A batch of two data files and one of dead letters. */
const batchOf = (level: string) => {
  const values = [0, 1, 2].map((i) =>
    i === 1
      ? Buffer.from("no JSON")
      : Buffer.from(
          JSON.stringify({ ts: time - i * hourMs, sessionId: i, itemInSession: 0, level, success: true })
        )
  )
  const builder = new BatchBuilder("auth_events", 0, 0, { rows: 1e9, bytes: 1e9, files: 1e9 })
  builder.add(
    {
      count: values.length,
      keys: bytesColumn(values.map(() => null)),
      values: bytesColumn(values),
      offsets: Float64Array.from(values, (_, i) => i),
      timestamps: Float64Array.from(values, () => time)
    },
    0
  )
  return builder.freeze(0, "test")
}

const requestsOf = (kind: string) => server.requests.filter((request) => request.kind === kind).length

describe("the chain over Cloud Storage", () => {
  it.live("takes a file for the planned one by its metadata, without reading it", () =>
    Effect.gen(function* () {
      const store = storeOf()
      const batch = batchOf("free")
      expect(batch.files.length).toBe(3)
      for (let twin = 0; twin < 2; twin++) {
        yield* putPlan(store, batch.plan)
        yield* putFiles(store, batch, slots)
        expect(yield* missingFiles(store, batch.plan)).toEqual([])
        yield* putSeal(store, batch.plan)
      }
      expect((yield* findTail(store, "auth_events", 0)).sealed).toBe(true)
      const read = server.requests.filter(({ kind, name }) => kind === "get" && name.endsWith(".parquet"))
      expect(read).toEqual([])
      expect(requestsOf("metadata")).toBe(3 * 3)
    })
  )

  it.live("completes under lost answers at every request", () =>
    Effect.gen(function* () {
      const batch = batchOf("free")
      const run = Effect.gen(function* () {
        const store = storeOf()
        yield* putPlan(store, batch.plan)
        yield* putFiles(store, batch, slots)
        yield* putSeal(store, batch.plan)
      })
      yield* run
      const requests = server.requests.length
      const stored = [...server.objects.keys()].sort()
      for (const fault of ["reset before", "reset after", { status: 503 }] as const)
        for (let at = 0; at < requests; at++) {
          server.objects.clear()
          server.misbehave(...Array.from({ length: at }, (): Misbehaviour => "none"), fault)
          yield* run
          expect([...server.objects.keys()].sort()).toEqual(stored)
        }
    }).pipe((effect) => Effect.suspend(() => Effect.withClock(effect, makeScaledClock(100))))
  )

  it.live("reads the footer of a file that other tools copied into the bucket, without metadata", () =>
    Effect.gen(function* () {
      const store = storeOf()
      const batch = batchOf("free")
      yield* putFiles(store, batch, slots)
      for (const [name, object] of server.objects) server.objects.set(name, { ...object, metadata: {} })
      expect(yield* missingFiles(store, batch.plan)).toEqual([])
      expect(requestsOf("get")).toBe(3)

      const [{ path }] = batch.plan.files
      const object = server.objects.get(path)!
      server.objects.set(path, { ...object, bytes: Buffer.alloc(0), crc32c: "AAAAAA==", metadata: {} })
      const error = yield* Effect.flip(hasFile(store, batch.plan, batch.plan.files[0]))
      expect(error).toMatchObject({ _tag: "ChainHalted", reason: "damaged object" })
    })
  )

  it.live("stops at a foreign file and names both", () =>
    Effect.gen(function* () {
      const store = storeOf()
      const foreign = batchOf("paid")
      yield* putFiles(store, foreign, slots)
      const batch = batchOf("free")
      const error = yield* Effect.flip(putFiles(store, batch, slots))
      expect(error).toMatchObject({ _tag: "ChainHalted", reason: "foreign object" })
      expect(error.message).toMatch(
        /^gs:\/\/test-bucket\/lake\/auth_events\/\S+\.parquet holds \{.*\}, but plan 0 of auth_events\/0 \(gs:\/\/test-bucket\/log\/auth_events\/0\/0+\.plan\.json\) puts \{.*\} there\./
      )
    })
  )
})
