import { ObjectStore } from "@musify/lake/ObjectStore.ts"
import { Duration, Effect } from "effect"
import { afterAll, beforeAll, expect, it } from "vitest"
import { column } from "../Model.ts"
import type { Logged } from "../spec/logged.ts"
import type { BigQueryPlace, BigQueryPlaces } from "../testing/bigQueryPlaces.ts"
import { startBigQueryPlaces } from "../testing/bigQueryPlaces.ts"
import { putPlan } from "../testing/lakeFixture.ts"
import { warehouseContract } from "../Warehouse.contract.ts"
import type { LargeFiles, Transaction, TransactionHooks, WarehouseSession } from "../Warehouse.ts"
import { makeBigQueryClient } from "./BigQueryClient.ts"
import { datasetsOf } from "./BigQueryOptions.ts"
import { smoke } from "./smoke.ts"

let places: BigQueryPlaces
beforeAll(async () => {
  places = await startBigQueryPlaces()
})
afterAll(() => places.stop())

warehouseContract("BigQuery", () => Effect.suspend(() => places.place()))

const hooks: TransactionHooks<never> = { onStep: () => Effect.void, during: (_phase, effect) => effect }

const things = { name: "things", description: "Things.", columns: [column("n", "int64", "A number")] }

const insert = (n: number, checks: Transaction["checks"] = []): Transaction => ({
  id: `insert ${n}`,
  steps: [{ name: "insert", phase: "build", statements: [`INSERT INTO things (n) VALUES (${n})`] }],
  checks
})

const inSession = <A, E>(
  place: BigQueryPlace,
  body: (session: WarehouseSession) => Effect.Effect<A, E, ObjectStore>
) =>
  Effect.scoped(Effect.flatMap(place.warehouse.open, body)).pipe(
    Effect.provideService(ObjectStore, place.store)
  )

const withThings = Effect.gen(function* () {
  const place = yield* places.place()
  yield* inSession(place, (session) => session.define("test", [session.dialect.create(things)]))
  return place
})

const numbers = (place: BigQueryPlace) =>
  inSession(place, (session) =>
    Effect.map(session.query("test", "SELECT n FROM things ORDER BY n"), (rows) =>
      rows.map(({ n }) => Number(n))
    )
  )

it("a batcher that is cut off when it has sent a script, and comes back in the same state, follows that script", () =>
  Effect.runPromise(
    Effect.gen(function* () {
      const place = yield* withThings
      yield* inSession(place, (session) =>
        Effect.gen(function* () {
          place.cutAfter(1)
          expect((yield* Effect.flip(session.transact(insert(1), hooks)))._tag).toBe("StatementFailed")
          place.cutAfter(undefined)
          // It is the same to this session as to one that was opened before the script had ended.
          expect(yield* session.transact(insert(1), hooks)).toEqual([])
          expect(yield* session.transact(insert(2), hooks)).toEqual([])
        })
      )
      expect(yield* numbers(place)).toEqual([1, 2])
    })
  ))

it("of two batchers that write on one state, the second changes nothing and says why", () =>
  Effect.runPromise(
    Effect.gen(function* () {
      const place = yield* withThings
      yield* inSession(place, (mine) =>
        inSession(place, (other) =>
          Effect.gen(function* () {
            yield* other.transact(insert(1), hooks)
            for (const late of [
              mine.transact(insert(2), hooks),
              mine.define("test", ["DROP TABLE things"])
            ]) {
              const error = yield* Effect.flip(late)
              expect(error).toMatchObject({ _tag: "WarehouseUnavailable", reason: "locked" })
              expect(error.message).toContain("another batcher")
            }
            yield* other.transact(insert(3), hooks)
          })
        )
      )
      expect(yield* numbers(place)).toEqual([1, 3])
    })
  ))

it("a transaction whose audits failed is done anew when what they found was mended", () =>
  Effect.runPromise(
    Effect.gen(function* () {
      const place = yield* withThings
      const check = { model: "things", audit: "no 1", badRows: "SELECT n FROM things WHERE n = 1" }
      yield* inSession(place, (session) =>
        Effect.gen(function* () {
          yield* session.transact(insert(1), hooks)
          expect(yield* session.transact(insert(2, [check]), hooks)).toEqual([
            { model: "things", audit: "no 1", rows: ["n=1"], query: check.badRows }
          ])
          yield* session.query("a person", "DELETE FROM things WHERE n = 1")
          expect(yield* session.transact(insert(2, [check]), hooks)).toEqual([])
        })
      )
      expect(yield* numbers(place)).toEqual([2])
    })
  ))

it("files are loaded once, and again when what was loaded has expired", () =>
  Effect.runPromise(
    Effect.gen(function* () {
      const place = yield* withThings
      const event = {
        ts: Date.UTC(2026, 10, 9),
        sessionId: 1,
        itemInSession: 0,
        level: "free",
        success: true
      }
      const events = [{ topic: "auth_events", partition: 0, offset: 0, event } as unknown as Logged]
      yield* putPlan(place.store, { topic: "auth_events", partition: 0, seq: 0, events })
      const [{ name }] = yield* place.store.list("lake/auth_events/")
      const client = makeBigQueryClient(place.options)
      const request = (method: "GET" | "DELETE", uri: string) =>
        Effect.promise(() => client.request({ method, uri }))
      const loads = Effect.map(
        request("GET", "/jobs"),
        (answer) => JSON.stringify(answer).split("_load_").length
      )
      yield* inSession(place, (session) =>
        Effect.gen(function* () {
          const count = (table: string | LargeFiles | undefined) =>
            session.query("test", `SELECT count(*) AS n FROM ${String(table)}`)
          const file = { topic: "auth_events" as const, path: name }
          const first = String((yield* session.stage([file])).auth_events)
          const once = yield* loads
          expect((yield* session.stage([file])).auth_events).toBe(first)
          expect(yield* loads).toBe(once)
          const table = first.replaceAll("`", "").split(".")[2]
          yield* request("DELETE", `/datasets/${datasetsOf(place.options).stage}/tables/${table}`)
          expect(yield* count((yield* session.stage([file])).auth_events)).toEqual([{ n: 1n }])
          expect(yield* loads).toBeGreaterThan(once)
        })
      )
    })
  ))

it("a dataset that is deleted and made anew under its name meets none of its old jobs", () =>
  Effect.runPromise(
    Effect.gen(function* () {
      const place = yield* withThings
      yield* inSession(place, (session) => session.transact(insert(1), hooks))
      const client = makeBigQueryClient(place.options)
      for (const dataset of Object.values(datasetsOf(place.options)))
        yield* Effect.promise(() =>
          client.request({ method: "DELETE", uri: `/datasets/${dataset}`, query: { deleteContents: true } })
        )
      yield* inSession(place, (session) =>
        Effect.gen(function* () {
          yield* session.define("test", [session.dialect.create(things)])
          yield* session.transact(insert(1), hooks)
        })
      )
      expect(yield* numbers(place)).toEqual([1])
    })
  ))

it("a lake that is not in Cloud Storage, and a server that is not there, are told by one message", () =>
  Effect.runPromise(
    Effect.gen(function* () {
      const place = yield* places.place({ lake: undefined })
      const error = yield* Effect.flip(
        inSession(place, (session) => session.stage([{ topic: "auth_events", path: "lake/x.parquet" }]))
      )
      expect(error.message).toContain("loads from Cloud Storage only")
      const away = yield* places.place({ endpoint: "http://127.0.0.1:1", retryFor: Duration.seconds(1) })
      const silent = yield* Effect.flip(inSession(away, () => Effect.void))
      expect(silent).toMatchObject({ _tag: "WarehouseUnavailable", reason: "unreachable" })
    })
  ))

it("the smoke program does what it says", () =>
  Effect.runPromise(
    Effect.gen(function* () {
      const place = yield* places.place()
      const lines: Array<string> = []
      yield* smoke({ ...place, say: (line) => Effect.sync(() => void lines.push(line)) })
      expect(lines[0]).toContain("2 hours to build")
      expect(lines.filter((line) => line.includes("as the specification says")).length).toBe(2)
      expect(lines.at(-1)).toContain("a scan of a fact without a bound")
    })
  ))
