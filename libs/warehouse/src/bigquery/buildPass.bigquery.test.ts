import { hourOf } from "@musify/domain/Hour.ts"
import { Effect } from "effect"
import * as fc from "fast-check"
import { afterAll, beforeAll, expect, it } from "vitest"
import { runAudits } from "../runAudits.ts"
import { builtModels } from "../ledger.ts"
import { arbitraryHistory } from "../spec/arbitraryHistories.ts"
import { buildTables, canonical, columnsOfTable, tableNames } from "../spec/tables.ts"
import type { BigQueryPlaces } from "../testing/bigQueryPlaces.ts"
import { startBigQueryPlaces } from "../testing/bigQueryPlaces.ts"
import {
  dump,
  expectSame,
  interleave,
  plansOf,
  propertyRuns,
  removeScratch,
  run
} from "../testing/harness.ts"
import { putPlan } from "../testing/lakeFixture.ts"
import { Warehouse } from "../Warehouse.ts"

removeScratch()
let places: BigQueryPlaces
beforeAll(async () => {
  places = await startBigQueryPlaces()
})
afterAll(() => places.stop())

const scenario = fc.record({
  history: arbitraryHistory().filter(({ events }) => events.length > 8),
  sizes: fc.array(fc.integer({ min: 3, max: 12 }), { minLength: 1, maxLength: 5 }),
  picks: fc.array(fc.nat(1000), { minLength: 1, maxLength: 12 }),
  runs: fc.constant(2),
  // A build takes the stand-in seconds whatever its size, so their number is bounded, not the size.
  builds: fc.constantFrom(1, 2),
  /** A model that is built again at the end, with all that is made from it. */
  rebuilt: fc.option(fc.constantFrom(...builtModels.map(({ name }) => name)), { freq: 1 }),
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
    fc.asyncProperty(scenario, ({ builds, cuts, history, kills, picks, rebuilt, runs, sizes }) =>
      Effect.runPromise(
        Effect.gen(function* () {
          const place = yield* places.place()
          const plans = interleave(plansOf(history, sizes), picks)
          const hours = new Set(history.events.map(({ event }) => hourOf(event.ts)))
          const maxHours = Math.ceil(hours.size / builds)
          const each = Math.max(1, Math.ceil(plans.length / runs))
          for (let i = 0, turn = 0; i < plans.length; i += each, turn++) {
            for (const plan of plans.slice(i, i + each)) yield* putPlan(place.store, plan)
            place.cutAfter(cuts[turn % cuts.length])
            const pass = run(place, { history, maxHours, killAt: kills[turn % kills.length] })
            yield* Effect.catchAll(pass, () => Effect.void)
            place.cutAfter(undefined)
          }
          yield* run(place, { history, maxHours, rebuild: rebuilt === null ? undefined : { model: rebuilt } })
          const found = yield* dump(place, tableNames)
          const spec = buildTables(history.events, history.catalog)
          for (const name of tableNames) {
            expectSame(name, found[name], canonical(columnsOfTable(name), spec[name]))
          }
          const audits = yield* Effect.provideService(runAudits, Warehouse, place.warehouse)
          expect(audits.failures).toEqual([])
        })
      )
    ),
    propertyRuns(2)
  )
})
