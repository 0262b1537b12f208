import { dayMs } from "@musify/domain/Hour.ts"
import { Effect } from "effect"
import * as fc from "fast-check"
import { beforeAll, describe, expect, it } from "vitest"
import type { History } from "./spec/arbitraryHistories.ts"
import { arbitraryHistory, trickyCatalog } from "./spec/arbitraryHistories.ts"
import type { Logged } from "./spec/logged.ts"
import type { Row, TableName } from "./spec/tables.ts"
import { buildTables } from "./spec/tables.ts"
import { guideQueries } from "./testing/guideQueries.ts"
import type { Place } from "./testing/harness.ts"
import { makePlace, plansOf, query, removeScratch, run } from "./testing/harness.ts"
import { putPlan } from "./testing/lakeFixture.ts"
import type { SqlRow } from "./Warehouse.ts"

removeScratch()

/** Many small histories in one log, each with users and sessions of its own: from the end of May 2026 on, five weeks. */
const history: History = (() => {
  const offsets = new Map<string, number>()
  const events = fc.sample(arbitraryHistory({ odd: false }), { numRuns: 40, seed: 5 }).flatMap((one, i) =>
    one.events.map((logged): Logged => {
      const chain = `${logged.topic} ${logged.partition}`
      const offset = offsets.get(chain) ?? 0
      offsets.set(chain, offset + 1)
      const { sessionId, userId } = logged.event
      const own = { sessionId: sessionId + 10 * i, userId: userId === null ? null : userId + 10 * i }
      return { ...logged, offset, event: { ...logged.event, ...own } } as Logged
    })
  )
  return { events, catalog: trickyCatalog }
})()

const tables = buildTables(history.events, history.catalog)
const queries = guideQueries()
let place: Place

beforeAll(async () => {
  await Effect.runPromise(
    Effect.gen(function* () {
      place = yield* makePlace()
      for (const plan of plansOf(history, [1000])) yield* putPlan(place.store, plan)
      yield* run(place, { history })
    })
  )
})

const june = Date.UTC(2026, 5, 1)
const july = Date.UTC(2026, 6, 1)

/** Sum of a column of the specification's rows. */
const total = (name: TableName, column: string, where: (row: Row) => boolean): number =>
  tables[name].filter(where).reduce((sum, row) => sum + Number(row[column]), 0)
const inCalifornia = new Set(
  tables.dim_location.filter(({ state }) => state === "CA").map(({ location_key }) => location_key)
)
const sinceJune = ({ date }: Row) => String(date) >= "2026-06-01"

/** What the answers add up to, and the same of the specification. */
const sums: ReadonlyArray<readonly [column: string, wanted: number]> = [
  ["plays", tables.fact_streams.filter(({ ts }) => Number(ts) >= june && Number(ts) < july).length],
  ["dau", total("mart_active_users", "dau", sinceJune)],
  [
    "growth",
    total("mart_weeks", "new_listeners", () => true) +
      total("mart_weeks", "returned", () => true) -
      total("mart_weeks", "lost", () => true)
  ],
  ["users", total("mart_retention", "users", ({ week_number }) => week_number === 0)],
  [
    "upgrades",
    tables.level_steps.filter(
      ({ changed_at, level_after }) =>
        level_after === "paid" && Number(changed_at) >= june && Number(changed_at) < july
    ).length
  ],
  [
    "plays",
    total(
      "song_charts",
      "plays",
      ({ period, place: at, starts }) => period === "week" && starts === "2026-06-01" && Number(at) <= 10
    )
  ],
  ["plays", total("listening_by_device", "plays", sinceJune)],
  ["sessions", tables.fact_sessions.filter(({ started_at }) => Number(started_at) >= june).length],
  [
    "failed",
    tables.fact_page_views.filter(
      ({ status, ts }) => Number(ts) >= june && Number(status) >= 400 && Number(status) < 500
    ).length
  ],
  [
    "plays",
    tables.fact_streams.filter(
      ({ location_key, ts }) =>
        Number(ts) >= june && Number(ts) < june + 7 * dayMs && inCalifornia.has(location_key)
    ).length
  ]
]

describe("the queries of the analyst's guide", () => {
  it("are ten", () => {
    expect(queries.map(([question]) => Number.parseInt(question))).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
  })

  it.each(queries)("%s", async (question, text) => {
    const rows: ReadonlyArray<SqlRow> = await Effect.runPromise(query(place, text))
    expect(rows.length).toBeGreaterThan(0)
    const [column, wanted] = sums[Number.parseInt(question) - 1]
    expect(rows.reduce((sum, row) => sum + Number(row[column] ?? 0), 0)).toBe(wanted)
    expect(wanted).not.toBe(0)
  })
})
