import * as fc from "fast-check"
import { expect, test } from "vitest"
import { arbitraryHistory } from "./arbitraryHistories.ts"
import { naturalKey } from "./dedupe.ts"
import type { Logged } from "./logged.ts"
import type { Row } from "./tables.ts"
import { buildTables, columnsOfTable, tableNames } from "./tables.ts"

const runs = { numRuns: 80 }
const shuffled = (events: ReadonlyArray<Logged>, order: ReadonlyArray<number>) =>
  events
    .map((event, i) => ({ event, at: order[i % Math.max(1, order.length)] ?? 0 }))
    .sort((a, b) => a.at - b.at)
    .map(({ event }) => event)
const sum = (rows: ReadonlyArray<Row>, column: string) =>
  rows.reduce((total, row) => total + Number(row[column]), 0)
const values = (rows: ReadonlyArray<Row>, column: string) => rows.map((row) => row[column])

test("any order and any repetition of events gives the same tables", () => {
  fc.assert(
    fc.property(
      arbitraryHistory(),
      fc.array(fc.nat(), { minLength: 1 }),
      fc.array(fc.nat()),
      ({ catalog, events }, order, again) => {
        const repeated = events.length === 0 ? [] : again.map((i) => events[i % events.length])
        const other = shuffled([...events, ...repeated], order)
        expect(buildTables(other, [...catalog].reverse())).toEqual(buildTables(events, catalog))
      }
    ),
    runs
  )
})

test("every row has exactly the columns of its table, and natural and surrogate keys are unique", () => {
  const keys = {
    dim_users: ["user_key"],
    dim_songs: ["song_key"],
    dim_artists: ["artist_key"],
    dim_location: ["location_key"],
    dim_devices: ["device_key"],
    dim_datetime: ["hour_key"],
    fact_sessions: ["session_id"],
    fact_streams: ["user_id", "session_id", "item_in_session", "ts"],
    mart_listening: ["hour", "user_key", "state", "level", "gender", "tag", "device_key"],
    mart_songs: ["hour", "state", "song_key"],
    mart_users: ["user_id"],
    mart_active_users: ["date"],
    mart_conversion: ["month"],
    mart_retention: ["cohort_week", "week_number"],
    level_steps: ["user_id", "changed_at"],
    mart_level_steps: ["date", "level_before", "level_after", "tag", "days_before"]
  }
  fc.assert(
    fc.property(arbitraryHistory(), ({ catalog, events }) => {
      const tables = buildTables(events, catalog)
      for (const name of tableNames)
        for (const row of tables[name])
          expect(Object.keys(row).sort()).toEqual([...columnsOfTable(name)].sort())
      for (const [name, key] of Object.entries(keys)) {
        const rows = tables[name as keyof typeof keys]
        const texts = rows.map((row) =>
          JSON.stringify(key.map((column) => [typeof row[column], `${row[column]}`]))
        )
        expect(new Set(texts).size, name).toBe(rows.length)
      }
    }),
    runs
  )
})

test("every event is one row of its fact and one of its session, and every key resolves", () => {
  const facts = {
    listen_events: "fact_streams",
    page_view_events: "fact_page_views",
    auth_events: "fact_auth",
    status_change_events: "fact_level_changes"
  } as const
  fc.assert(
    fc.property(arbitraryHistory(), ({ catalog, events }) => {
      const tables = buildTables(events, catalog)
      const keys = new Set(events.map(naturalKey))
      for (const [topic, fact] of Object.entries(facts)) {
        const distinct = [...keys].filter((key) => key.startsWith(topic)).length
        expect(tables[fact]).toHaveLength(distinct)
        const members = (dimension: keyof typeof tables, key: string) =>
          new Set(values(tables[dimension], key))
        for (const [dimension, key] of [
          ["dim_users", "user_key"],
          ["dim_location", "location_key"],
          ["dim_devices", "device_key"],
          ["dim_datetime", "hour_key"]
        ] as const)
          for (const value of values(tables[fact], key)) expect(members(dimension, key)).toContain(value)
      }
      const songs = new Set(values(tables.dim_songs, "song_key"))
      const artists = new Set(values(tables.dim_artists, "artist_key"))
      for (const row of tables.fact_streams) expect(songs).toContain(row.song_key)
      for (const row of [...tables.fact_streams, ...tables.dim_songs])
        expect(artists).toContain(row.artist_key)
      for (const row of tables.fact_sessions)
        expect(values(tables.dim_users, "user_key")).toContain(row.user_key)
      expect(sum(tables.fact_sessions, "pages")).toBe(tables.fact_page_views.length)
      expect(sum(tables.fact_sessions, "songs")).toBe(tables.fact_streams.length)
      expect(sum(tables.mart_listening, "plays")).toBe(tables.fact_streams.length)
      expect(sum(tables.mart_songs, "plays")).toBe(tables.fact_streams.length)
      expect(sum(tables.mart_listening, "seconds")).toBe(sum(tables.fact_sessions, "seconds_listened"))
    }),
    runs
  )
})

test("no events: only the catalog, and the members that stand for nothing known", () => {
  const tables = buildTables([], [])
  const sizes = Object.fromEntries(tableNames.map((name) => [name, tables[name].length]))
  expect(Object.entries(sizes).filter(([, size]) => size > 0)).toEqual([
    ["dim_users", 1],
    ["dim_location", 1],
    ["dim_devices", 1]
  ])
})
