import { Effect } from "effect"
import * as fc from "fast-check"
import process from "node:process"
import { afterAll, beforeAll, expect, it } from "vitest"
import { runAudits } from "../buildPass.ts"
import { models } from "../models/models.ts"
import { arbitraryHistory } from "../spec/arbitraryHistories.ts"
import { buildTables, canonical, columnsOfTable, tableNames } from "../spec/tables.ts"
import type { BigQueryPlaces } from "../testing/bigQueryPlaces.ts"
import { startBigQueryPlaces } from "../testing/bigQueryPlaces.ts"
import { besides, dump, expectSame, interleave, plansOf, removeScratch, run } from "../testing/harness.ts"
import { putPlan } from "../testing/lakeFixture.ts"
import { Warehouse } from "../Warehouse.ts"

removeScratch()
let places: BigQueryPlaces
beforeAll(async () => {
  places = await startBigQueryPlaces()
})
afterAll(() => places.stop())

/** One history with plenty in it, odd values included. */
const [history] = fc
  .sample(arbitraryHistory(), { numRuns: 60, seed: 3 })
  .sort((a, b) => b.events.length - a.events.length)

it("the same history through both engines gives the same rows in every table, keys included", async () => {
  await Effect.runPromise(
    Effect.gen(function* () {
      const place = yield* places.place()
      const plans = plansOf(history, [7, 11])
      const half = Math.ceil(plans.length / 2)
      const duckDb = besides(place)
      // Two passes, so that hours are late, users re-keyed and sessions folded again.
      for (const some of [plans.slice(0, half), plans.slice(half)]) {
        for (const plan of some) yield* putPlan(place.store, plan)
        const here = yield* run(place, { history, maxHours: 1000 })
        const there = yield* run(duckDb, { history, maxHours: 1000 })
        expect({ ...here, seconds: 0 }).toEqual({ ...there, seconds: 0 })
      }
      const found = yield* dump(place)
      const wanted = yield* dump(duckDb)
      for (const { name } of models) expectSame(name, found[name], wanted[name])
      const marts = yield* dump(place, places.published(place))
      for (const [name, rows] of Object.entries(marts)) expectSame(name, rows, wanted[name.split(".")[1]])
      expect(Object.keys(marts).length).toBeGreaterThan(5)
    })
  )
})

const scenario = fc.record({
  history: arbitraryHistory().filter(({ events }) => events.length > 8),
  sizes: fc.array(fc.integer({ min: 3, max: 12 }), { minLength: 1, maxLength: 5 }),
  picks: fc.array(fc.nat(1000), { minLength: 1, maxLength: 12 }),
  runs: fc.integer({ min: 2, max: 3 }),
  maxHours: fc.constantFrom(2, 1000),
  kills: fc.array(fc.oneof({ weight: 2, arbitrary: fc.constant(undefined) }, fc.nat(45)), {
    minLength: 3,
    maxLength: 3
  }),
  // Requests after which the batcher is gone: what it has sent runs on without it.
  cuts: fc.array(fc.oneof({ weight: 2, arbitrary: fc.constant(undefined) }, fc.nat(40)), {
    minLength: 3,
    maxLength: 3
  })
})

it("any order, split, repeat and kill gives the tables of the specification, in BigQuery, too", async () => {
  await fc.assert(
    fc.asyncProperty(scenario, ({ cuts, history: one, kills, maxHours, picks, runs, sizes }) =>
      Effect.runPromise(
        Effect.gen(function* () {
          const place = yield* places.place()
          const plans = interleave(plansOf(one, sizes), picks)
          const each = Math.max(1, Math.ceil(plans.length / runs))
          for (let i = 0, turn = 0; i < plans.length; i += each, turn++) {
            for (const plan of plans.slice(i, i + each)) yield* putPlan(place.store, plan)
            place.cutAfter(cuts[turn % cuts.length])
            const pass = run(place, { history: one, maxHours, killAt: kills[turn % kills.length] })
            yield* Effect.catchAll(pass, () => Effect.void)
            place.cutAfter(undefined)
          }
          yield* run(place, { history: one, maxHours })
          const found = yield* dump(place, tableNames)
          const spec = buildTables(one.events, one.catalog)
          for (const name of tableNames) {
            expectSame(name, found[name], canonical(columnsOfTable(name), spec[name]))
          }
          const audits = yield* Effect.provideService(runAudits, Warehouse, place.warehouse)
          expect(audits.failures).toEqual([])
        })
      )
    ),
    { numRuns: Number(process.env["RUNS"] ?? 2), endOnFailure: process.env["SHRINK"] === undefined }
  )
})
