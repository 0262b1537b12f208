import { hourMs } from "@musify/domain/Hour.ts"
import { Effect, Scope } from "effect"
import fc from "fast-check"
import fs from "node:fs/promises"
import os from "node:os"
import path from "node:path"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import type { DeviceRow } from "./api/answers.ts"
import { openPublished } from "./DuckDbMarts.ts"
import type { Marts } from "./Marts.ts"
import { comparison, dataSpan, lastDay, previousPeriod } from "./period.ts"
import type { Period } from "./period.ts"
import * as queries from "./queries.ts"
import { publishFixture } from "./testing/publishFixture.ts"

interface Listening {
  readonly hour: number
  readonly user_id: number | null
  readonly state: string | null
  readonly level: string
  readonly gender: string | null
  readonly plays: number
  readonly seconds: number
  readonly skips: number
  readonly device_key: number
}
interface SongPlays {
  readonly hour: number
  readonly state: string | null
  readonly song: string
  readonly artist: string
  readonly plays: number
}

const firstHour = Math.floor(Date.parse("2026-11-16T00:00Z") / hourMs)
const hours = 5 * 24 + 17
const scope = Effect.runSync(Scope.make())
let dir: string
let marts: Marts
let listening: ReadonlyArray<Listening>
let songs: ReadonlyArray<SongPlays>
let firstPlay: ReadonlyMap<number, number>

const rowsOf = async <R>(sql: string) =>
  (await Effect.runPromise(marts.query(sql))) as unknown as ReadonlyArray<R>

beforeAll(async () => {
  dir = await fs.mkdtemp(path.join(os.tmpdir(), "musify-queries-"))
  await publishFixture(dir, "v1", {
    firstHour,
    hours,
    users: 60,
    songs: 40,
    playsPerHour: 12,
    lastHourMinutes: 20
  })
  marts = await Effect.runPromise(Scope.extend(openPublished(dir), scope))
  listening = await rowsOf(`SELECT * REPLACE (epoch_ms(hour) // ${hourMs} AS hour) FROM mart_listening`)
  songs = await rowsOf(
    `SELECT epoch_ms(hour) // ${hourMs} AS hour, state, song_key::VARCHAR AS song, artist_key::VARCHAR AS artist, plays FROM mart_songs`
  )
  const users = await rowsOf<{ user_id: number; hour: number }>(
    `SELECT user_id, epoch_ms(first_play) // ${hourMs} AS hour FROM mart_users`
  )
  firstPlay = new Map(users.map((user) => [user.user_id, user.hour]))
})
afterAll(async () => {
  await Effect.runPromise(Scope.close(scope, await Effect.runPromiseExit(Effect.void)))
  await fs.rm(dir, { recursive: true })
})

const inScope =
  ({ period, state }: queries.Scope) =>
  (row: { readonly hour: number; readonly state: string | null }) =>
    row.hour >= period.from &&
    row.hour < period.to &&
    (state === null || row.state === (state === "none" ? null : state))
const known = (rows: ReadonlyArray<Listening>) =>
  new Set(rows.filter((row) => row.user_id !== null).map((row) => row.user_id as number))
const sum = (numbers: ReadonlyArray<number>) => numbers.reduce((a, b) => a + b, 0)
const playsOf = (rows: ReadonlyArray<{ readonly plays: number }>) => sum(rows.map((row) => row.plays))
const totals = (asked: queries.Scope) => {
  const rows = listening.filter(inScope(asked))
  const { from, to } = asked.period
  const isNew = (user: number) =>
    (firstPlay.get(user) as number) >= from && (firstPlay.get(user) as number) < to
  return {
    listeners: known(rows).size,
    plays: playsOf(rows),
    seconds: sum(rows.map((row) => row.seconds)),
    paidListeners: known(rows.filter((row) => row.level === "paid")).size,
    newListeners: [...known(rows)].filter(isNew).length
  }
}
const group = <R>(rows: ReadonlyArray<R>, key: (row: R) => unknown) => {
  const groups = new Map<string, Array<R>>()
  for (const row of rows) {
    const name = JSON.stringify(key(row))
    groups.set(name, [...(groups.get(name) ?? []), row])
  }
  return groups
}

const scopes = fc.record({
  period: fc
    .tuple(fc.integer({ min: -30, max: hours + 20 }), fc.integer({ min: 1, max: 80 }))
    .map(([from, length]): Period => ({ from: firstHour + from, to: firstHour + from + length })),
  state: fc.constantFrom(null, null, "CA", "TX", "PR", "WY", "none", "ZZ")
})
const holds = (check: (asked: queries.Scope) => Promise<void>) =>
  fc.assert(fc.asyncProperty(scopes, check), { numRuns: 40 })
const run = <R>(query: queries.Query<R>, asked: queries.Scope) => Effect.runPromise(query(marts, asked))

describe("every chart equals a recount of the published rows, for any period and state", () => {
  test("summary and its comparison", () =>
    holds(async (asked) => {
      const { rows } = await run(queries.summary, asked)
      expect(rows[0]).toMatchObject({ span: "period", ...totals(asked) })
      const compared = comparison(asked.period, dataSpan(marts.manifest) as never)
      expect(rows.length).toBe(compared === undefined ? 1 : 3)
      if (compared === undefined) return
      expect(rows[1]).toMatchObject({ span: "compared", ...totals({ ...asked, period: compared.current }) })
      expect(rows[2]).toMatchObject({ span: "previous", ...totals({ ...asked, period: compared.previous }) })
    }))

  test("trend", () =>
    holds(async (asked) => {
      const { rows } = await run(queries.trend, asked)
      const step = asked.period.to - asked.period.from <= 48 ? 1 : 24
      for (const { at, open, ...row } of rows) {
        const from = Date.parse(at) / hourMs
        const bucket = { from: Math.max(from, asked.period.from), to: Math.min(from + step, asked.period.to) }
        const { newListeners, ...counted } = totals({ ...asked, period: bucket })
        expect(row).toMatchObject(counted)
        expect(open).toBe(from + step >= firstHour + hours)
        if (bucket.to - bucket.from === step) expect(row.newListeners).toBe(newListeners)
      }
      expect(playsOf(rows)).toBe(totals(asked).plays)
    }))

  test("activity by hour", () =>
    holds(async (asked) => {
      const { rows } = await run(queries.activityByHour, asked)
      const { from } = lastDay(asked.period)
      const at = (hour: number) =>
        hour < firstHour || hour >= firstHour + hours
          ? null
          : totals({ ...asked, period: { from: hour, to: hour + 1 } }).plays
      rows.forEach((row, hour) => {
        expect(row.plays).toBe(at(from + hour))
        expect(row.previousPlays).toBe(at(from - 24 + hour))
        expect(row.open).toBe(from + hour === firstHour + hours - 1)
      })
    }))

  test("states, gender, level by gender", () =>
    holds(async (asked) => {
      const rows = listening.filter(inScope(asked))
      const check = async <R extends { readonly listeners: number; readonly plays: number }>(
        query: queries.Query<R>,
        key: (row: R | Listening) => unknown
      ) => {
        const found = (await run(query, asked)).rows
        const expected = group(rows, key)
        expect(found.length).toBe(expected.size)
        for (const row of found) {
          const counted = expected.get(JSON.stringify(key(row))) ?? []
          expect(row).toMatchObject({ listeners: known(counted).size, plays: playsOf(counted) })
        }
      }
      await check(queries.states, (row) => (row as Listening).state)
      await check(queries.gender, (row) => (row as Listening).gender)
      await check(queries.levelByGender, (row) => [(row as Listening).level, (row as Listening).gender])
    }))

  test("songs and artists, with their places before", () =>
    holds(async (asked) => {
      const before = { ...asked, period: previousPeriod(asked.period) }
      const check = async (
        found: ReadonlyArray<{ rank: number; previousRank: number | null; plays: number; key: string }>,
        key: (row: SongPlays) => string
      ) => {
        const now = group(songs.filter(inScope(asked)), key)
        const then = group(songs.filter(inScope(before)), key)
        const covered = before.period.from >= firstHour
        expect(found.length).toBe(now.size)
        found.forEach((row, index) => {
          expect(row.rank).toBe(index + 1)
          expect(row.plays).toBe(playsOf(now.get(JSON.stringify(row.key)) ?? []))
          if (index > 0) expect(found[index - 1].plays).toBeGreaterThanOrEqual(row.plays)
          const earlier = then.get(JSON.stringify(row.key))
          if (!covered || earlier === undefined) return expect(row.previousRank).toBeNull()
          const more = [...then.values()].filter((rows) => playsOf(rows) > playsOf(earlier)).length
          const same = [...then.values()].filter((rows) => playsOf(rows) === playsOf(earlier)).length
          expect(row.previousRank).toBeGreaterThan(more)
          expect(row.previousRank).toBeLessThanOrEqual(more + same)
        })
      }
      const top = (await run(queries.topSongs(100), asked)).rows
      await check(
        top.map((row) => ({ ...row, key: row.songKey })),
        (row) => row.song
      )
      const artists = (await run(queries.topArtists(100), asked)).rows
      await check(
        artists.map((row) => ({ ...row, key: row.artistKey })),
        (row) => row.artist
      )
    }))

  test("heatmap, over closed hours", () =>
    holds(async (asked) => {
      const { rows } = await run(queries.heatmap, asked)
      const closed: Array<number> = []
      const end = Math.min(asked.period.to, firstHour + hours - 1)
      for (let hour = Math.max(asked.period.from, firstHour); hour < end; hour++) closed.push(hour)
      const place = (hour: number) => [((Math.floor(hour / 24) + 3) % 7) + 1, hour % 24]
      const expected = group(closed, place)
      expect(rows.length).toBe(expected.size)
      for (const row of rows) {
        const kind = expected.get(JSON.stringify([row.weekday, row.hour])) ?? []
        expect(row.hours).toBe(kind.length)
        expect(row.plays).toBe(
          sum(kind.map((hour) => totals({ ...asked, period: { from: hour, to: hour + 1 } }).plays))
        )
      }
    }))
})

describe("marts of listeners", () => {
  /** The whole days that a period touches. */
  const daysOf = ({ from, to }: Period): Period => ({
    from: Math.floor(from / 24) * 24,
    to: Math.ceil(to / 24) * 24
  })
  const isoOf = (hour: number) => new Date(hour * hourMs).toISOString().slice(0, 10)
  const ofDays = <R>(table: string, column: string) =>
    rowsOf<R>(`SELECT * REPLACE (strftime(${column}, '%Y-%m-%d') AS ${column}) FROM ${table}`)

  test("skips by level, and devices by what they are, are sums of listening", async () => {
    const devices = await rowsOf<Omit<DeviceRow, "listeners"> & { readonly device_key: number }>(
      `SELECT * FROM dim_devices`
    )
    const namesOf = ({ browser, form, os }: Pick<DeviceRow, "browser" | "form" | "os">) => [browser, os, form]
    await holds(async (asked) => {
      const rows = listening.filter(inScope(asked))
      const levels = group(rows, (row) => row.level)
      const skips = (await run(queries.skips, asked)).rows
      expect(skips.length).toBe(levels.size)
      for (const row of skips) {
        const counted = levels.get(JSON.stringify(row.level)) ?? []
        expect(row).toMatchObject({ plays: playsOf(counted), skips: sum(counted.map((one) => one.skips)) })
      }
      const kinds = group(rows, ({ device_key }) =>
        namesOf(devices.find((one) => one.device_key === device_key)!)
      )
      const found = (await run(queries.devices, asked)).rows
      expect(found.length).toBe(kinds.size)
      for (const row of found) {
        const counted = kinds.get(JSON.stringify(namesOf(row))) ?? []
        expect(row).toMatchObject({ listeners: known(counted).size, plays: playsOf(counted) })
        expect(row.skips).toBe(sum(counted.map((one) => one.skips)))
      }
    })
    expect(sum(listening.map((row) => row.skips))).toBeGreaterThan(0)
  })

  test("changes of level are those of the period's days, beside the listeners of their level", async () => {
    interface Step {
      readonly date: string
      readonly level_before: string
      readonly level_after: string
      readonly changes: number
      readonly seconds_before: number | null
    }
    const steps = await ofDays<Step>("mart_level_steps", "date")
    const changeOf = { paid: "upgrades", free: "downgrades", cancelled: "cancellations" } as Record<
      string,
      string
    >
    const seen = new Set<string>()
    await holds(async (asked) => {
      const days = daysOf(asked.period)
      const counted = group(
        steps.filter(({ date }) => date >= isoOf(days.from) && date < isoOf(days.to)),
        (step) => [changeOf[step.level_after], step.level_before]
      )
      const { rows } = await run(queries.levelChanges, asked)
      expect(rows.length).toBe(counted.size)
      for (const { change, changes, level, listeners, meanDays } of rows) {
        const own = counted.get(JSON.stringify([change, level])) ?? []
        expect(changes).toBe(sum(own.map((step) => step.changes)))
        const heard = listening.filter(inScope({ period: days, state: null }))
        expect(listeners).toBe(known(heard.filter((row) => row.level === level)).size)
        const seconds = sum(own.map((step) => step.seconds_before ?? 0))
        if (change === "cancellations") expect(meanDays).toBeNull()
        else expect(meanDays).toBeCloseTo(seconds / 86_400 / changes, 0)
        seen.add(change)
      }
    })
    expect([...seen].sort()).toEqual(["cancellations", "downgrades", "upgrades"])
  })

  test("retention is that of the cohorts and weeks up to the period's end", async () => {
    interface Cohort {
      readonly cohort_week: string
      readonly week_number: number
      readonly users: number
      readonly returned: number
    }
    const cohorts = await ofDays<Cohort>("mart_retention", "cohort_week")
    await holds(async (asked) => {
      const end = daysOf(asked.period).to
      const wanted = cohorts
        .map((row) => ({ ...row, begin: Date.parse(row.cohort_week) / hourMs }))
        .filter(
          ({ begin, week_number }) =>
            begin >= end - 56 * 24 && week_number < 8 && begin + week_number * 7 * 24 < end
        )
        .map(({ begin, cohort_week, returned, users, week_number }) => ({
          cohort: cohort_week,
          week: week_number,
          users,
          returned,
          open: begin + (week_number + 1) * 7 * 24 > firstHour + hours - 1
        }))
      expect((await run(queries.retention, asked)).rows).toEqual(wanted)
    })
  })
})

test("active users are those of the period's days", async () => {
  const { rows } = await run(queries.activeUsers, {
    period: { from: firstHour + 24, to: firstHour + 72 },
    state: null
  })
  expect(rows.map((row) => row.date)).toEqual(["2026-11-17", "2026-11-18"])
  const day = listening.filter(inScope({ period: { from: firstHour + 24, to: firstHour + 48 }, state: null }))
  expect(rows[0].dau).toBe(known(day).size)
})

test("a state's text never becomes SQL", async () => {
  const { rows } = await run(queries.states, {
    period: { from: firstHour, to: firstHour + 24 },
    state: "' OR 1=1 --"
  })
  expect(rows).toEqual([])
})

describe("a published file that is not what its manifest says is named, and gives no number", () => {
  const damaged = async (damage: (file: string) => Promise<void>) => {
    const copy = await fs.mkdtemp(path.join(os.tmpdir(), "musify-damaged-"))
    await fs.cp(dir, copy, { recursive: true })
    const file = path.join(copy, "v1", "mart_listening", "2026-11-18.parquet")
    await damage(file)
    const exit = await Effect.runPromiseExit(Effect.scoped(openPublished(copy)))
    await fs.rm(copy, { recursive: true })
    expect(String(exit)).toContain("PublishedUnreadable")
    expect(String(exit)).toContain("2026-11-18.parquet")
  }
  test("missing", () => damaged((file) => fs.rm(file)))
  test("truncated", () => damaged(async (file) => fs.truncate(file, 700)))
  test("a flipped bit", () =>
    damaged(async (file) => {
      const bytes = await fs.readFile(file)
      bytes[60] ^= 1
      await fs.writeFile(file, bytes)
    }))
  test("another day's", () =>
    damaged(async (file) => fs.copyFile(file.replace("18.parquet", "21.parquet"), file)))
})
