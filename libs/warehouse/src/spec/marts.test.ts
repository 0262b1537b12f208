import type { EventOf } from "@musify/domain/events.ts"
import { dayMs } from "@musify/domain/Hour.ts"
import type { Topic } from "@musify/domain/Topic.ts"
import { describe, expect, test } from "vitest"
import { isoWeekday, mondayOf } from "./datetime.ts"
import type { Logged } from "./logged.ts"
import { buildTables } from "./tables.ts"

const start = Date.UTC(2026, 0, 28, 12)
let offset = 0
const logged = <T extends Topic>(topic: T, userId: number | null, day: number, more: object = {}): Logged => {
  const event = {
    ...{
      ts: start + day * dayMs,
      sessionId: 10 + (userId ?? 0) * 100 + day,
      itemInSession: 0,
      level: "free"
    },
    ...{ auth: "Logged In", userId, firstName: null, lastName: null, gender: null, registration: null },
    ...{ city: null, state: null, zip: null, lat: null, lon: null, userAgent: null, tag: null },
    ...{
      artist: "A",
      song: "S",
      duration: 60.5,
      page: "NextSong",
      method: "PUT",
      status: 200,
      success: true
    },
    ...more
  } as unknown as EventOf[T]
  return { topic, event, partition: 0, offset: offset++ } as unknown as Logged
}

describe("marts", () => {
  test("a week's listeners are new, retained or returned, and those of the week before who do not play are lost", () => {
    // Days 0 (a Wednesday), 7, 14, 21: four weeks.
    const plays = [
      ...[0, 7, 14, 21].map((day) => logged("listen_events", 1, day)),
      ...[0, 14].map((day) => logged("listen_events", 2, day)),
      logged("listen_events", 3, 7),
      logged("listen_events", null, 21)
    ]
    const rows = buildTables(plays, []).mart_weeks
    expect(
      rows.map(({ listeners, lost, new_listeners, retained, returned }) => [
        listeners,
        new_listeners,
        retained,
        returned,
        lost
      ])
    ).toEqual([
      [2, 2, 0, 0, 0],
      [2, 1, 1, 0, 1],
      [2, 0, 1, 1, 1],
      [1, 0, 1, 0, 1]
    ])
  })

  test("active users look back 1, 7 and 28 days, to the day", () => {
    const plays = [
      logged("listen_events", 1, 0),
      logged("listen_events", 2, 6),
      logged("listen_events", null, 6),
      logged("listen_events", 3, 28)
    ]
    const rows = buildTables(plays, []).mart_active_users
    expect(rows).toHaveLength(29)
    expect(rows[0]).toEqual({ date: "2026-01-28", dau: 1, wau: 1, mau: 1 })
    expect(rows[6]).toEqual({ date: "2026-02-03", dau: 1, wau: 2, mau: 2 })
    expect(rows[7]).toEqual({ date: "2026-02-04", dau: 0, wau: 1, mau: 2 })
    expect(rows[28]).toEqual({ date: "2026-02-25", dau: 1, wau: 1, mau: 2 })
  })

  test("retention counts each week of a cohort, also those in which nobody came back", () => {
    const plays = [
      logged("listen_events", 1, 0),
      logged("listen_events", 2, 1),
      logged("listen_events", 1, 14),
      logged("listen_events", 3, 14)
    ]
    expect(buildTables(plays, []).mart_retention).toEqual([
      { cohort_week: "2026-01-26", week_number: 0, users: 2, returned: 2 },
      { cohort_week: "2026-01-26", week_number: 1, users: 2, returned: 0 },
      { cohort_week: "2026-01-26", week_number: 2, users: 2, returned: 1 },
      { cohort_week: "2026-02-09", week_number: 0, users: 1, returned: 1 }
    ])
  })

  test("conversion counts what happened, not what was asked for", () => {
    const tables = buildTables(
      [
        logged("status_change_events", 1, 0),
        logged("page_view_events", 1, 1, { level: "paid" }),
        logged("status_change_events", 1, 2, { level: "paid" }),
        logged("page_view_events", 1, 3, { level: "paid" }),
        logged("status_change_events", 1, 5, { level: "paid" }),
        logged("page_view_events", 1, 6, { level: "free", auth: "Cancelled" }),
        logged("page_view_events", 2, 6, { level: "paid" })
      ],
      []
    )
    expect(tables.level_changes.map(({ level, level_after }) => [level, level_after]).sort()).toEqual([
      ["free", "paid"],
      ["paid", "free"],
      ["paid", "paid"]
    ])
    expect(tables.mart_conversion).toEqual([
      { month: "2026-01-01", free_users: 1, upgrades: 1, downgrades: 0, cancellations: 0 },
      { month: "2026-02-01", free_users: 1, upgrades: 0, downgrades: 1, cancellations: 1 }
    ])
    expect(tables.mart_users.map(({ level, paid_since }) => [level, paid_since])).toEqual([
      ["free", null],
      ["paid", start + 6 * dayMs]
    ])
  })

  test("a change of level is dated by the event that shows it, with the days before; a cancellation by its level", () => {
    const { level_steps, mart_level_steps } = buildTables(
      [
        logged("page_view_events", 1, 0),
        logged("status_change_events", 1, 3, { tag: "A" }),
        logged("page_view_events", 1, 5, { level: "paid", tag: "B" }),
        logged("auth_events", 1, 5, { level: "paid", tag: "A", itemInSession: 1 }),
        logged("page_view_events", 1, 6, { level: "paid", auth: "Cancelled" }),
        logged("page_view_events", 1, 6, { level: "paid", auth: "Cancelled", itemInSession: 1 }),
        logged("page_view_events", null, 6, { level: "paid", auth: "Cancelled", itemInSession: 2 })
      ],
      []
    )
    expect(level_steps).toEqual([
      {
        user_id: 1,
        changed_at: start + 5 * dayMs,
        level_before: "free",
        level_after: "paid",
        since: start,
        tag: "A"
      }
    ])
    const change = { level_before: "free", level_after: "paid", tag: "A", days_before: 4 }
    const cancelled = { level_before: "paid", level_after: "cancelled", tag: null, days_before: null }
    expect(mart_level_steps).toEqual([
      { date: "2026-02-02", ...change, changes: 1, seconds_before: (5 * dayMs) / 1000 },
      { date: "2026-02-03", ...cancelled, changes: 1, seconds_before: null }
    ])
  })

  test("weeks begin on Monday, as ISO 8601 counts them", () => {
    expect(isoWeekday(Date.UTC(2026, 10, 23))).toBe(1)
    expect(isoWeekday(Date.UTC(2026, 10, 22))).toBe(7)
    expect(isoWeekday(Date.UTC(1969, 11, 31))).toBe(3)
    expect(mondayOf(Date.UTC(2026, 0, 1, 5))).toBe("2025-12-29")
    const week = (ts: number) =>
      buildTables([logged("listen_events", 1, (ts - start) / dayMs)], []).dim_datetime[0].iso_week
    expect([Date.UTC(2027, 0, 3), Date.UTC(2027, 0, 4), Date.UTC(2025, 11, 29)].map(week)).toEqual([53, 1, 1])
  })
})
