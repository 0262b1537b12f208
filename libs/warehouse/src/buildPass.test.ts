import { Effect } from "effect"
import * as fc from "fast-check"
import { expect, it } from "vitest"
import { runAudits } from "./runAudits.ts"
import { builtModels } from "./ledger.ts"
import { models } from "./models/models.ts"
import { arbitraryHistory } from "./spec/arbitraryHistories.ts"
import { buildTables, canonical, columnsOfTable, tableNames } from "./spec/tables.ts"
import {
  besides,
  dump,
  expectSame,
  interleave,
  makePlace,
  plansOf,
  propertyRuns,
  query,
  removeScratch,
  run,
  spoil
} from "./testing/harness.ts"
import { putPlan } from "./testing/lakeFixture.ts"
import { loggedBy } from "./testing/loggedBy.ts"
import { Warehouse } from "./Warehouse.ts"

removeScratch()

const scenario = fc.record({
  history: arbitraryHistory().filter(({ events }) => events.length > 8),
  sizes: fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 5 }),
  picks: fc.array(fc.nat(1000), { minLength: 1, maxLength: 12 }),
  runs: fc.integer({ min: 2, max: 5 }),
  maxHours: fc.constantFrom(1, 2, 1000),
  // Most passes live, so that most hours are built on top of others.
  /** Models that are spoiled and built again, with all that is made from them. */
  rebuilds: fc.array(fc.option(fc.constantFrom(...builtModels.map(({ name }) => name)), { freq: 3 }), {
    minLength: 3,
    maxLength: 3
  }),
  kills: fc.array(fc.oneof({ weight: 3, arbitrary: fc.constant(undefined) }, fc.nat(55)), {
    minLength: 4,
    maxLength: 4
  })
})

it("any order, split, repeat and kill gives the tables of the specification, and of one full rebuild", async () => {
  await fc.assert(
    fc.asyncProperty(scenario, ({ history, kills, maxHours, picks, rebuilds, runs, sizes }) =>
      Effect.runPromise(
        Effect.gen(function* () {
          const plans = interleave(plansOf(history, sizes), picks)
          const place = yield* makePlace()
          const each = Math.max(1, Math.ceil(plans.length / runs))
          for (let i = 0, turn = 0; i < plans.length; i += each, turn++) {
            for (const plan of plans.slice(i, i + each)) yield* putPlan(place.store, plan)
            const killAt = kills[turn % kills.length]
            const model = turn === 0 ? null : rebuilds[turn % rebuilds.length]
            if (model !== null) yield* spoil(place, model)
            const rebuild = model === null ? undefined : { model }
            yield* Effect.catchTag(
              run(place, { history, maxHours, killAt, rebuild }),
              "Killed",
              // Killed before it has noted what was asked for, it has to be asked for again.
              () => (model === null ? Effect.void : run(place, { history, maxHours, rebuild }))
            )
          }
          const { rows } = yield* run(place, { history, maxHours })
          const incremental = yield* dump(place)
          expect(rows).toEqual(
            Object.fromEntries(builtModels.map(({ name }) => [name, incremental[name].length]))
          )
          const whole = besides(place)
          yield* run(whole, { history })
          const rebuilt = yield* dump(whole)
          for (const { name } of models) expectSame(name, incremental[name], rebuilt[name])
          const spec = buildTables(history.events, history.catalog)
          for (const name of tableNames) {
            expectSame(name, incremental[name], canonical(columnsOfTable(name), spec[name]))
          }
          const audits = yield* Effect.provideService(runAudits, Warehouse, place.warehouse)
          expect(audits.failures).toEqual([])
        })
      )
    ),
    propertyRuns(4)
  )
}, 600_000)

it("hours in order, and what comes late behind them, give the tables of the specification", async () => {
  await fc.assert(
    fc.asyncProperty(
      arbitraryHistory().filter(({ events }) => events.length > 8),
      fc.constantFrom(1, 3),
      fc.option(fc.nat(1000)),
      (history, maxHours, picked) =>
        Effect.runPromise(
          Effect.gen(function* () {
            const place = yield* makePlace()
            const plans = plansOf(history, [picked === null ? 1000 : 6])
            // The last plan of one of the chains, so that the chain is read up to it.
            const chosen = plans[(picked ?? 0) % plans.length]
            const late = plans.findLast(
              ({ partition, topic }) =>
                picked !== null && topic === chosen.topic && partition === chosen.partition
            )
            for (const plan of plans) if (plan !== late) yield* putPlan(place.store, plan)
            yield* run(place, { history, maxHours })
            if (late !== undefined) {
              yield* putPlan(place.store, late)
              yield* run(place, { history, maxHours })
            }
            const found = yield* dump(place, tableNames)
            const spec = buildTables(history.events, history.catalog)
            for (const name of tableNames) {
              expectSame(name, found[name], canonical(columnsOfTable(name), spec[name]))
            }
          })
        )
    ),
    propertyRuns(3)
  )
}, 600_000)

it("a play is cut short by one of the next hour or of a later one, each hour added to what is there", () =>
  Effect.runPromise(
    Effect.gen(function* () {
      const start = Date.UTC(2026, 4, 31, 22)
      // Of no place and in no group, whose marts' rows are found by what is NULL.
      const nowhere = { city: null, state: null, zip: null, lat: null, lon: null, tag: null }
      const unknown = { auth: "Logged Out", firstName: null, lastName: null, gender: null }
      const play = (
        [session, minute, duration, userId]: readonly [number, number, number, number | null],
        offset: number
      ) =>
        loggedBy(session, {
          topic: "listen_events",
          offset,
          event: {
            ...{ ts: start + minute * 60_000, itemInSession: minute, userId, duration },
            ...(userId === null ? unknown : {}),
            ...nowhere
          }
        })
      const events = (
        [
          // Cut short by the next hour's, of a user whom the next hour does not show.
          [1, 59, 300, 1],
          [1, 61, 200, null],
          // Cut short by one two hours later, with a song of another session between.
          [2, 10, 9000, 2],
          [3, 70, 10, 3],
          [2, 130, 60, 2],
          // Over before the next.
          [4, 58, 60, 4],
          [4, 60, 60, 4]
        ] as const
      )
        .toSorted(([, a], [, b]) => a - b)
        .map(play)
      const place = yield* makePlace()
      yield* putPlan(place.store, { topic: "listen_events", partition: 0, seq: 0, events })
      yield* run(place, { history: { events, catalog: [] }, maxHours: 1 })
      const sessions = yield* query(
        place,
        "SELECT session_id, user_id, seconds_listened FROM fact_sessions ORDER BY session_id"
      )
      expect(sessions.map((row) => [row["session_id"], row["user_id"], row["seconds_listened"]])).toEqual([
        [1n, 1n, 320n],
        [2n, 2n, 7260n],
        [3n, 3n, 10n],
        [4n, 4n, 120n]
      ])
      const found = yield* dump(place, tableNames)
      const spec = buildTables(events, [])
      for (const name of tableNames)
        expectSame(name, found[name], canonical(columnsOfTable(name), spec[name]))
    })
  ))
