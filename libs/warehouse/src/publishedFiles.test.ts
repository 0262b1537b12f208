import { hourMs, hourText } from "@musify/domain/Hour.ts"
import { Effect, Option } from "effect"
import * as fc from "fast-check"
import fs from "node:fs"
import path from "node:path"
import { expect, it } from "vitest"
import { duckDbDialect } from "./duckDbDialect.ts"
import { columnList } from "./Model.ts"
import { models } from "./models/models.ts"
import { partsByDay } from "./partsToPublish.ts"
import { current } from "./Published.ts"
import { publishedQuery } from "./publishedQuery.ts"
import type { Logged } from "./spec/logged.ts"
import type { DuckDbPlace } from "./testing/harness.ts"
import { define, makePlace, propertyRuns, query, removeScratch, run } from "./testing/harness.ts"
import { putPlan } from "./testing/lakeFixture.ts"
import { loggedBy } from "./testing/loggedBy.ts"
import type { PublishedFile } from "./verifyPublished.ts"
import { verifyPublished } from "./verifyPublished.ts"

/* How published tables lie in files: of hours and days, and of what has changed. */

removeScratch()

const firstHour = Date.UTC(2026, 10, 9) / hourMs
const history = { events: [], catalog: [] }

const play = (offset: number, hour: number, user: number): Logged =>
  loggedBy(user, {
    topic: "listen_events",
    offset,
    event: {
      ts: (firstHour + hour) * hourMs + 1000 * offset,
      itemInSession: offset,
      // Long enough for the next play to cut it short hours later.
      duration: 9000.5
    }
  })

/** Puts plays of (hour, user) as the next plan of one chain. */
const putter = (place: DuckDbPlace) => {
  let seq = 0
  let offset = 0
  return (plays: ReadonlyArray<readonly [hour: number, user: number]>) =>
    putPlan(place.store, {
      topic: "listen_events",
      partition: 0,
      seq: seq++,
      events: plays.map(([hour, user]) => play(offset++, hour, user))
    })
}

const versionOf = (place: DuckDbPlace) => Effect.map(current(place.published), Option.getOrThrow)

/** Paths of a table's files. */
const pathsOf = (place: DuckDbPlace, table: string) =>
  Effect.map(versionOf(place), ({ manifest }) => manifest.tables[table].map((file) => file.path))

/** Holds what a reader of the version in force sees to the tables; `isNew`: to all of them, not to their keys alone. */
const expectPublished = (place: DuckDbPlace, isNew = true) =>
  Effect.gen(function* () {
    const { folder, manifest } = yield* versionOf(place)
    yield* verifyPublished(folder, manifest)
    for (const model of models) {
      if (model.publish === undefined) continue
      const files = manifest.tables[model.name]
      if (files.length === 0) {
        if (isNew) expect(yield* query(place, `SELECT 1 AS one FROM ${model.name}`)).toEqual([])
        continue
      }
      const rows = publishedQuery(folder, files, columnList(duckDbDialect, model))
      const key = model.key.join(", ")
      const twice = yield* query(place, `SELECT ${key} FROM (${rows}) GROUP BY ${key} HAVING count(*) > 1`)
      expect([model.name, twice]).toEqual([model.name, []])
      if (!isNew) continue
      const table = `SELECT ${columnList(duckDbDialect, model)} FROM ${model.name}`
      const others = yield* query(
        place,
        `(${table} EXCEPT ALL (${rows})) UNION ALL ((${rows}) EXCEPT ALL ${table})`
      )
      expect([model.name, others]).toEqual([model.name, []])
    }
  })

it("whatever hours are published in whatever order, each lies in one file, as it was published last", () => {
  const arbitraryHours = fc.array(fc.nat(100), { minLength: 1, maxLength: 6 })
  fc.assert(
    fc.property(fc.array(arbitraryHours, { minLength: 1, maxLength: 12 }), (publishes) => {
      const now = new Map<number, number>()
      let files: ReadonlyArray<PublishedFile> = []
      let contents = new Map<string, ReadonlyMap<number, number>>()
      for (const [version, hours] of publishes.entries()) {
        for (const hour of hours) now.set(hour, version)
        const pending = hours.map((hour) => ({ day: Math.floor(hour / 24), hour }))
        const parts = partsByDay(duckDbDialect, "t", files, pending)
        contents = new Map(
          parts.map(({ day, hour, isChanged, path: name }) => {
            if (!isChanged) return [name, contents.get(name) ?? new Map()]
            const inside = (one: number) => (hour === undefined ? day === dayOfHour(one) : one === hour)
            return [name, new Map([...now].filter(([one]) => inside(one)))]
          })
        )
        const all = [...contents.values()].flatMap((rows) => [...rows])
        expect(all.toSorted()).toEqual([...now].toSorted())
        files = parts.map((part) => ({ ...part, rows: 1, checksum: "" }))
        // A day that is over when something of a later one is published is one file.
        const newest = Math.max(...pending.map(({ day }) => day))
        for (const { day, hour } of files)
          if (hour !== undefined) expect(Date.parse(day ?? "") / 86_400_000).toBeGreaterThanOrEqual(newest)
      }
    }),
    { numRuns: 500 }
  )
})

const dayOfHour = (hour: number): string => hourText(hour).slice(0, 10)

it("the newest day is in files of hours, of which an hour writes its own; it is one file when the next day begins", async () => {
  await Effect.runPromise(
    Effect.gen(function* () {
      const place = yield* makePlace()
      const put = putter(place)
      const inode = (name: string) =>
        Effect.map(versionOf(place), ({ folder }) => fs.statSync(path.join(folder, name)).ino)
      yield* put([0, 25, 26].map((hour) => [hour, 1]))
      yield* run(place, { history })
      const day = "mart_songs/2026-11-09.parquet"
      const hours = [1, 2, 4].map((hour) => `mart_songs/2026-11-10T0${hour}.parquet`)
      expect(yield* pathsOf(place, "mart_songs")).toEqual([day, hours[0], hours[1]])
      const before = yield* Effect.forEach([day, ...hours.slice(0, 2)], inode)
      yield* put([[26, 2]])
      yield* put([[28, 2]])
      yield* run(place, { history })
      expect(yield* pathsOf(place, "mart_songs")).toEqual([day, ...hours])
      const after = yield* Effect.forEach([day, ...hours.slice(0, 2)], inode)
      expect([after[0], after[1]]).toEqual([before[0], before[1]])
      expect(after[2]).not.toBe(before[2])
      yield* put([[48, 1]])
      yield* run(place, { history })
      const next = "mart_songs/2026-11-10.parquet"
      expect(yield* pathsOf(place, "mart_songs")).toEqual([day, next, "mart_songs/2026-11-11T00.parquet"])
      // Late hours write their day again.
      yield* put([[3, 2]])
      yield* run(place, { history })
      expect(yield* pathsOf(place, "mart_songs")).toEqual([day, next, "mart_songs/2026-11-11T00.parquet"])
      expect(yield* inode(day)).not.toBe(before[0])
      yield* expectPublished(place)
      // A play that cuts one of the hour before short: that hour's file is another one, too.
      yield* put([[49, 1]])
      yield* run(place, { history })
      yield* expectPublished(place)
    })
  )
})

it("users that have changed are in a file of their own until they are many", async () => {
  await Effect.runPromise(
    Effect.gen(function* () {
      const place = yield* makePlace()
      const put = putter(place)
      const files = Effect.map(versionOf(place), ({ manifest }) =>
        manifest.tables["mart_users"].map(({ changes, rows }) => [
          changes === undefined ? null : changes.since - firstHour,
          rows
        ])
      )
      yield* put(Array.from({ length: 20 }, (_, user) => [user % 3, user] as const))
      yield* run(place, { history })
      expect(yield* files).toEqual([[null, 20]])
      // Known ones and new ones, and again nothing.
      for (const [hour, user, rows] of [
        [5, 1, 1],
        [6, 100, 2],
        [7, 1, 2]
      ]) {
        yield* put([[hour, user]])
        yield* run(place, { history })
        expect(yield* files).toEqual([
          [null, 20],
          [5, rows]
        ])
        yield* expectPublished(place)
      }
      // A late hour: all who were seen since may have changed.
      yield* put([[4, 7]])
      yield* run(place, { history })
      expect(yield* files).toEqual([
        [null, 20],
        [4, 3]
      ])
      yield* expectPublished(place)
      yield* put([[2, 8]])
      yield* run(place, { history })
      expect(yield* files).toEqual([[null, 21]])
      yield* expectPublished(place)
    })
  )
})

it("an interrupted pass, late hours, damage: readers see each row once, and after a whole pass what the tables hold", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.record({
          plays: fc.array(fc.tuple(fc.nat(60), fc.nat(40)), { minLength: 1, maxLength: 3 }),
          killAt: fc.option(fc.integer({ min: 20, max: 50 }), { nil: undefined }),
          damaged: fc.option(fc.nat(1000), { nil: undefined })
        }),
        { minLength: 3, maxLength: 5 }
      ),
      (passes) =>
        Effect.runPromise(
          Effect.gen(function* () {
            const place = yield* makePlace()
            const put = putter(place)
            yield* put(Array.from({ length: 30 }, (_, user) => [user % 30, user] as const))
            yield* run(place, { history })
            yield* expectPublished(place)
            for (const { damaged, killAt, plays } of passes) {
              yield* put(plays)
              if (killAt !== undefined) {
                yield* Effect.ignore(run(place, { history, killAt }))
                yield* expectPublished(place, false)
              }
              if (damaged !== undefined) {
                const { folder, manifest } = yield* versionOf(place)
                const all = Object.values(manifest.tables).flat()
                fs.truncateSync(path.join(folder, all[damaged % all.length].path), 10)
              }
              yield* run(place, { history })
              yield* expectPublished(place)
            }
          })
        )
    ),
    propertyRuns(1)
  )
})

it("what an earlier release has published, or left to be published, goes on: its newest day stays one file", async () => {
  await Effect.runPromise(
    Effect.gen(function* () {
      const place = yield* makePlace()
      const put = putter(place)
      yield* put([
        [0, 1],
        [24, 2]
      ])
      yield* run(place, { history })
      // As such a release leaves it: one file a day, nothing said of hours and changes, another warehouse format.
      const { folder, manifest } = yield* versionOf(place)
      const renamed = Object.entries(manifest.tables).map(([name, files]) => [
        name,
        files.map(({ hour, path: old, ...file }) => {
          if (hour === undefined) return { ...file, path: old }
          const to = `${name}/${file.day}.parquet`
          fs.renameSync(path.join(folder, old), path.join(folder, to))
          return { ...file, path: to }
        })
      ])
      const file = path.join(folder, "manifest.json")
      fs.writeFileSync(file, JSON.stringify({ ...manifest, format: 1, tables: Object.fromEntries(renamed) }))
      yield* define(place, [
        "ALTER TABLE pending_publish DROP COLUMN hour",
        `INSERT INTO pending_publish VALUES ('mart_songs', ${firstHour / 24 + 1}), ('mart_users', NULL)`,
        "UPDATE warehouse_info SET value = '4' WHERE name = 'format'"
      ])
      yield* expectPublished(place)
      yield* put([[25, 1]])
      yield* run(place, { history })
      yield* expectPublished(place)
      const days = ["mart_songs/2026-11-09.parquet", "mart_songs/2026-11-10.parquet"]
      expect(yield* pathsOf(place, "mart_songs")).toEqual(days)
      yield* put([[48, 1]])
      yield* run(place, { history })
      expect(yield* pathsOf(place, "mart_songs")).toEqual([...days, "mart_songs/2026-11-11T00.parquet"])
      yield* expectPublished(place)
    })
  )
})
