import { dayMs, hourMs } from "@musify/domain/Hour.ts"
import { Effect } from "effect"
import { expect, it } from "vitest"
import type { Logged } from "../spec/logged.ts"
import { buildTables, canonical, columnsOfTable, tableNames } from "../spec/tables.ts"
import { dump, expectSame, makePlace, query, removeScratch, run } from "../testing/harness.ts"
import { putPlan } from "../testing/lakeFixture.ts"
import { loggedBy } from "../testing/loggedBy.ts"

removeScratch()

const start = Date.UTC(2026, 4, 20, 6)

type Play = readonly [hour: number, userId: number, level: string, lastName: string]

const playsOf = (plays: ReadonlyArray<Play>): ReadonlyArray<Logged> =>
  plays.map(([hour, userId, level, lastName], offset) =>
    loggedBy(userId, {
      topic: "listen_events",
      offset,
      event: { ts: start + hour * hourMs, sessionId: offset, level, lastName }
    })
  )

/** A pass behind each of the plays, after which every table is as specified. */
const buildOneByOne = (plays: ReadonlyArray<Play>) =>
  Effect.gen(function* () {
    const place = yield* makePlace()
    const events = playsOf(plays)
    for (const [seq, event] of events.entries()) {
      yield* putPlan(place.store, { topic: "listen_events", partition: 0, seq, events: [event] })
      yield* run(place, { history: { events, catalog: [] } })
      const found = yield* dump(place, tableNames)
      const spec = buildTables(events.slice(0, seq + 1), [])
      for (const name of tableNames)
        expectSame(name, found[name], canonical(columnsOfTable(name), spec[name]))
    }
    return place
  })

it("a level holds since it began, over renames and hours, whatever comes late", () =>
  Effect.runPromise(
    Effect.gen(function* () {
      const place = yield* buildOneByOne([
        [0, 1, "free", "A"],
        [1, 1, "free", "B"],
        [2, 1, "paid", "B"],
        [3, 1, "paid", "C"],
        [5, 1, "paid", "D"],
        // Late: the time at level paid begins anew, and later versions with it.
        [4, 1, "free", "C"],
        // Late: before all that was known, which changes nothing but the start.
        [-1, 1, "free", "A"],
        [6, 1, "paid", "D"]
      ])
      const rows = yield* query(place, "SELECT level_since FROM users_now")
      expect(rows.map((row) => row["level_since"])).toEqual([start + 5 * hourMs])
    })
  ))

it("active users are counted by the last day before, and by all days where one comes late", () =>
  Effect.runPromise(
    buildOneByOne([
      [0, 1, "free", "A"],
      [0, 2, "free", "A"],
      [(20 * dayMs) / hourMs, 1, "free", "A"],
      [(30 * dayMs) / hourMs, 2, "free", "A"],
      [(47 * dayMs) / hourMs, 1, "free", "A"],
      // Late: between days that were there, before all of them, and on one of them.
      [(24 * dayMs) / hourMs, 1, "free", "A"],
      [(-2 * dayMs) / hourMs, 2, "free", "A"],
      [(30 * dayMs) / hourMs + 1, 2, "free", "A"],
      [(48 * dayMs) / hourMs, 2, "free", "A"]
    ])
  ))
