import { dayMs } from "@musify/domain/Hour.ts"
import { Effect } from "effect"
import * as fc from "fast-check"
import { it } from "vitest"
import { models } from "./models/models.ts"
import type { History } from "./spec/arbitraryHistories.ts"
import { arbitraryHistory } from "./spec/arbitraryHistories.ts"
import { buildTables, canonical, columnsOfTable, tableNames } from "./spec/tables.ts"
import {
  besides,
  dump,
  expectSame,
  makePlace,
  plansOf,
  propertyRuns,
  removeScratch,
  run
} from "./testing/harness.ts"
import { putPlan } from "./testing/lakeFixture.ts"

removeScratch()

/** A history whose sessions lie days apart, in the order of time: its last events are as many days later as `days` say. */
const spread = ({ catalog, events }: History, days: ReadonlyArray<number>): History => {
  const moved = events.map((one) => {
    const ts = one.event.ts + days[Math.abs(one.event.sessionId) % days.length] * dayMs
    return { ...one, event: { ...one.event, ts } } as (typeof events)[number]
  })
  const ends = new Map<string, number>()
  const inOrder = moved.sort((a, b) => a.event.ts - b.event.ts)
  return {
    catalog,
    events: inOrder.map((one) => {
      const chain = `${one.topic} ${one.partition}`
      const offset = ends.get(chain) ?? 0
      ends.set(chain, offset + 1)
      return { ...one, offset }
    })
  }
}

const scenario = fc.record({
  history: arbitraryHistory({ odd: false }).filter(({ events }) => events.length > 40),
  days: fc.array(fc.constantFrom(0, 1, 6, 7, 27, 28), { minLength: 4, maxLength: 5 }),
  sizes: fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 3 }),
  /** Plans that are closed only after all others were built. */
  late: fc.integer({ min: 0, max: 3 })
})

it("hour after hour over weeks gives the marts of one full rebuild, and of the specification", async () => {
  await fc.assert(
    fc.asyncProperty(scenario, ({ days, history, late, sizes }) =>
      Effect.runPromise(
        Effect.gen(function* () {
          const all = spread(history, days)
          const plans = plansOf(all, sizes)
          const place = yield* makePlace()
          // The last plans of the last chain: its earlier ones are there, and the other chains.
          for (const plan of plans.slice(0, plans.length - late)) yield* putPlan(place.store, plan)
          yield* run(place, { history: all, maxHours: 1 })
          for (const plan of plans.slice(plans.length - late)) yield* putPlan(place.store, plan)
          yield* run(place, { history: all, maxHours: 1 })
          const incremental = yield* dump(place)
          const whole = besides(place)
          yield* run(whole, { history: all })
          const rebuilt = yield* dump(whole)
          for (const { name } of models) expectSame(name, incremental[name], rebuilt[name])
          const spec = buildTables(all.events, all.catalog)
          for (const name of tableNames)
            expectSame(name, incremental[name], canonical(columnsOfTable(name), spec[name]))
        })
      )
    ),
    propertyRuns(3)
  )
}, 600_000)
