import { ObjectStore } from "@musify/lake/ObjectStore.ts"
import { Effect, Option } from "effect"
import * as fc from "fast-check"
import { expect, it } from "vitest"
import { planPass, reasonsOf } from "./planPass.ts"
import { duckDbDialect } from "./duckDbDialect.ts"
import { builtModels, forget } from "./ledger.ts"
import { models } from "./models/models.ts"
import { current } from "./Published.ts"
import type { History } from "./spec/arbitraryHistories.ts"
import { arbitraryHistory } from "./spec/arbitraryHistories.ts"
import type { Place } from "./testing/harness.ts"
import {
  besides,
  copyPlace,
  define,
  dump,
  expectSame,
  makePlace,
  plansOf,
  query,
  removeScratch,
  run,
  spoil
} from "./testing/harness.ts"
import { putPlan } from "./testing/lakeFixture.ts"
import { Warehouse } from "./Warehouse.ts"

removeScratch()

/** One history with plenty in it. */
const history: History = fc
  .sample(arbitraryHistory({ odd: false }), { numRuns: 40, seed: 11 })
  .reduce((most, one) => (one.events.length > most.events.length ? one : most))
const plans = plansOf(history, [9])
const half = Math.ceil(plans.length / 2)

const put = (place: Place, some: typeof plans) =>
  Effect.forEach(some, (plan) => putPlan(place.store, plan), { discard: true })

/** A place in which everything is built, made once. */
const built = Effect.runSync(
  Effect.cached(
    Effect.gen(function* () {
      const place = yield* makePlace()
      yield* put(place, plans)
      yield* run(place, { history })
      return place
    })
  )
)
/** A copy of it. */
const made = Effect.flatMap(built, copyPlace)

/** What `batch plan` says: hour, tables, reasons. */
const planOf = (place: Place) =>
  planPass("test").pipe(
    Effect.provideService(Warehouse, place.warehouse),
    Effect.provideService(ObjectStore, place.store),
    Effect.map(({ changedModels, dirty }) =>
      dirty.map((hour) => ({ tables: hour.models, reasons: reasonsOf(hour, changedModels).join("; ") }))
    )
  )

/** Model and hour → when it was built. */
const ledgerOf = (place: Place) =>
  Effect.map(query(place, "SELECT * FROM model_hours ORDER BY model, hour"), (rows) =>
    Object.fromEntries(rows.map((row) => [`${String(row["model"])} ${String(row["hour"])}`, row]))
  )

it("each model and hour is in the ledger with what it was built from, and how many rows it has of the hour", async () => {
  await Effect.runPromise(
    Effect.gen(function* () {
      const place = yield* made
      const rows = Object.values(yield* ledgerOf(place))
      const hours = yield* query(place, "SELECT hour, files_hash FROM ledger_hours")
      expect(rows.length).toBe(hours.length * builtModels.length)
      const hashes = new Map(hours.map((row) => [row["hour"], row["files_hash"]]))
      for (const row of rows) {
        expect([row["state"], row["input_hash"]]).toEqual(["built", hashes.get(row["hour"])])
        expect(Number(row["ms"])).toBeGreaterThanOrEqual(0)
      }
      const plays = rows.filter(({ model }) => model === "fact_streams")
      const counted = yield* query(place, "SELECT hour_key, count(*) AS n FROM fact_streams GROUP BY 1")
      expect(
        new Map(plays.filter(({ rows: n }) => n !== null).map((row) => [row["hour"], row["rows"]]))
      ).toEqual(new Map(counted.map((row) => [row["hour_key"], row["n"]])))
    })
  )
})

it("a plan says what is dirty and why: new, new files, a changed model, asked for", async () => {
  await Effect.runPromise(
    Effect.gen(function* () {
      const place = yield* makePlace()
      yield* put(place, plans.slice(0, half))
      const first = yield* planOf(place)
      expect(new Set(first.map(({ reasons }) => reasons))).toEqual(new Set(["new"]))
      yield* run(place, { history })
      expect(yield* planOf(place)).toEqual([])

      yield* put(place, plans.slice(half))
      const reasons = new Set((yield* planOf(place)).map((one) => one.reasons))
      expect(reasons.has("new files") || reasons.has("late files")).toBe(true)
      yield* run(place, { history })
      expect(yield* planOf(place)).toEqual([])

      // As a release does whose mart_songs says something else.
      const before = yield* ledgerOf(place)
      yield* define(place, [
        "UPDATE model_versions SET version = 'old' WHERE model = 'mart_songs'",
        "UPDATE model_hours SET version = 'old' WHERE model = 'mart_songs'",
        "UPDATE ledger_hours SET complete = files_hash || ' old'"
      ])
      const changed = yield* planOf(place)
      expect(new Set(changed.map((one) => one.reasons))).toEqual(new Set(["changed model: mart_songs"]))
      expect(new Set(changed.flatMap(({ tables }) => tables))).toEqual(new Set(["mart_songs"]))
      const wanted = yield* dump(place)
      yield* run(place, { history, maxHours: 3 })
      const after = yield* ledgerOf(place)
      for (const [name, row] of Object.entries(before))
        if (!name.startsWith("mart_songs ")) expect(after[name]).toEqual(row)
      const found = yield* dump(place)
      for (const { name } of models) expectSame(name, found[name], wanted[name])

      const [{ hour }] = yield* query(place, "SELECT min(hour) AS hour FROM ledger_hours")
      yield* define(place, forget(duckDbDialect, ["user_days"], { from: Number(hour), to: Number(hour) }))
      expect(yield* planOf(place)).toEqual([
        { tables: ["user_days"], reasons: "to be built again: user_days" }
      ])
    })
  )
})

it("only the hours of a range are built, the others stay dirty", async () => {
  await Effect.runPromise(
    Effect.gen(function* () {
      const place = yield* makePlace()
      yield* put(place, plans)
      const all = yield* planOf(place)
      const hours = [...new Set(history.events.map(({ event }) => Math.floor(event.ts / 3_600_000)))].sort(
        (a, b) => a - b
      )
      expect(all.length).toBe(hours.length)
      const range = { from: hours[1], to: hours[2] }
      expect((yield* run(place, { history, range })).hours).toBe(2)
      expect((yield* planOf(place)).length).toBe(hours.length - 2)
      yield* run(place, { history })
      const whole = besides(place)
      yield* run(whole, { history })
      const [found, wanted] = [yield* dump(place), yield* dump(whole)]
      for (const { name } of models) expectSame(name, found[name], wanted[name])
    })
  )
})

it("a model that is built again mends its table and all that is made from it, and nothing is published before", async () => {
  await Effect.runPromise(
    Effect.gen(function* () {
      const place = yield* made
      const wanted = yield* dump(place)
      // A calendar, both dimensions that are told what is missing, one made of strings, a fact, a fold, a mart; the random
      // histories take any.
      const names = [
        "dim_datetime",
        "users_now",
        "users_past",
        "dim_location",
        "dim_songs",
        "fact_auth",
        "users_seen",
        "mart_songs"
      ]
      for (const name of names) {
        yield* spoil(place, name)
        const version = Option.getOrThrow(yield* current(place.published)).manifest.version
        const killed = run(place, { history, maxHours: 4, rebuild: { model: name }, killAt: 30 })
        yield* Effect.ignore(killed)
        if ((yield* planOf(place)).length > 0)
          expect(Option.getOrThrow(yield* current(place.published)).manifest.version).toBe(version)
        yield* run(place, { history, maxHours: 4 })
        const found = yield* dump(place)
        for (const model of models)
          expectSame(`${name}: ${model.name}`, found[model.name], wanted[model.name])
      }
    })
  )
}, 300_000)

it("a failed audit names model, hour, rows and a query that shows them; the hour stays dirty and says why", async () => {
  await Effect.runPromise(
    Effect.gen(function* () {
      const place = yield* makePlace()
      yield* put(place, plans.slice(0, half))
      yield* run(place, { history })
      const version = Option.getOrThrow(yield* current(place.published)).manifest.version
      yield* define(place, [
        "INSERT INTO dim_artists (artist_key, artist_id, name) SELECT n // 2, 'AR', 'Odd' FROM range(50) t(n)"
      ])
      const before = yield* dump(place)
      yield* put(place, plans.slice(half))
      const error = yield* Effect.flip(run(place, { history }))
      if (error._tag !== "AuditsFailed") return expect.fail(error.message)
      expect(error.hours.length).toBe(1)
      const [{ audit, model, query: all, rows }] = error.failures
      expect([model, audit]).toEqual(["dim_artists", "(artist_key) is unique"])
      expect(rows.every((row) => /^artist_key=\d+ copies=2$/.test(row))).toBe(true)
      expect([rows.length, (yield* query(place, all)).length]).toEqual([20, 25])
      for (const part of [error.hours[0], model, audit, rows[0], all]) expect(error.message).toContain(part)

      const after = yield* dump(place)
      for (const { name } of models) expectSame(name, after[name], before[name])
      expect(Option.getOrThrow(yield* current(place.published)).manifest.version).toBe(version)
      expect((yield* planOf(place))[0].reasons).toContain("audit failed: dim_artists: (artist_key) is unique")

      yield* run(place, { history, rebuild: { model: "dim_artists" } })
      const whole = besides(place)
      yield* run(whole, { history })
      const [found, wanted] = [yield* dump(place), yield* dump(whole)]
      for (const { name } of models) expectSame(name, found[name], wanted[name])
      expect(yield* planOf(place)).toEqual([])
    })
  )
})

it("a warehouse of the first format is read and built again, and readers keep what they had until then", async () => {
  await Effect.runPromise(
    Effect.gen(function* () {
      const place = yield* made
      const wanted = yield* dump(place)
      yield* define(place, [
        "DROP TABLE model_hours",
        "DROP TABLE model_versions",
        "ALTER TABLE ledger_hours ADD COLUMN built_hash VARCHAR",
        "UPDATE warehouse_info SET value = '1' WHERE name = 'format'",
        "INSERT INTO warehouse_info VALUES ('models', '1 test')",
        "DROP VIEW wide_streams",
        "ALTER TABLE fact_streams RENAME COLUMN auth TO auth_before"
      ])
      const version = Option.getOrThrow(yield* current(place.published)).manifest.version
      yield* Effect.ignore(run(place, { history, maxHours: 2, killAt: 60 }))
      expect(Option.getOrThrow(yield* current(place.published)).manifest.version).toBe(version)
      yield* run(place, { history })
      const found = yield* dump(place)
      for (const { name } of models) expectSame(name, found[name], wanted[name])
    })
  )
})

it("a warehouse of format 3, which kept no row counts, goes on as it is", async () => {
  await Effect.runPromise(
    Effect.gen(function* () {
      const place = yield* made
      yield* define(place, [
        "DROP TABLE table_rows",
        "UPDATE warehouse_info SET value = '3' WHERE name = 'format'"
      ])
      const { hours, rows } = yield* run(place, { history })
      expect(hours).toBe(0)
      const found = yield* dump(place)
      expect(rows).toEqual(Object.fromEntries(builtModels.map(({ name }) => [name, found[name].length])))
    })
  )
})
