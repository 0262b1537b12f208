import { Effect } from "effect"
import * as fc from "fast-check"
import { afterAll, beforeAll, expect, it } from "vitest"
import { models } from "../models/models.ts"
import { arbitraryHistory } from "../spec/arbitraryHistories.ts"
import type { BigQueryPlaces } from "../testing/bigQueryPlaces.ts"
import { startBigQueryPlaces } from "../testing/bigQueryPlaces.ts"
import { besides, dump, expectSame, plansOf, removeScratch, run } from "../testing/harness.ts"
import { putPlan } from "../testing/lakeFixture.ts"

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
