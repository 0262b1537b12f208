import { Buffer } from "node:buffer"
import type { Topic } from "@musify/domain/Topic.ts"
import { Effect, Option } from "effect"
import * as fc from "fast-check"
import fs from "node:fs"
import path from "node:path"
import { expect, it } from "vitest"
import { models } from "./models/models.ts"
import { current } from "./Published.ts"
import { verifyPublished } from "./verifyPublished.ts"
import type { History } from "./spec/arbitraryHistories.ts"
import { arbitraryHistory, trickyCatalog } from "./spec/arbitraryHistories.ts"
import type { Logged } from "./spec/logged.ts"
import { columnsOfTable } from "./spec/tables.ts"
import { copyPlace, dump, expectSame, makePlace, plansOf, removeScratch, run } from "./testing/harness.ts"
import { putPlan } from "./testing/lakeFixture.ts"
import { loggedBy } from "./testing/loggedBy.ts"

removeScratch()

/** One history with plenty in it. */
const history: History = fc
  .sample(arbitraryHistory({ odd: false }), { numRuns: 40, seed: 7 })
  .reduce((most, one) => (one.events.length > most.events.length ? one : most))

const view = (topic: Topic, ts: number, offset: number, session: number): Logged =>
  loggedBy(session, { topic, offset, event: { ts } })

const day = Date.UTC(2026, 10, 9)
const hour = 3_600_000

it("a pass killed before any of its steps leaves what the next one needs", async () => {
  await Effect.runPromise(
    Effect.gen(function* () {
      const plans = plansOf(history, [5, 9])
      const half = Math.ceil(plans.length / 2)
      const whole = yield* makePlace()
      for (const plan of plans) yield* putPlan(whole.store, plan)
      yield* run(whole, { history })
      const wanted = yield* dump(whole)
      const before = yield* makePlace()
      for (const plan of plans.slice(0, half)) yield* putPlan(before.store, plan)
      yield* run(before, { history })
      for (const plan of plans.slice(half)) yield* putPlan(before.store, plan)
      let steps = 0
      // Every eighth step of a pass of 40 or so; the last turn meets the end and is not killed.
      for (let killAt = 0, killed = true; killed; killAt += 8) {
        const place = yield* copyPlace(before)
        killed = yield* run(place, { history, killAt }).pipe(
          Effect.as(false),
          Effect.catchTag("Killed", () => Effect.succeed(true))
        )
        if (killed) steps++
        yield* run(place, { history })
        const found = yield* dump(place)
        for (const { name } of models) expectSame(name, found[name], wanted[name])
        const published = Option.getOrThrow(yield* current(place.published))
        for (const files of Object.values(published.manifest.tables))
          for (const file of files) expect(fs.existsSync(path.join(published.folder, file.path))).toBe(true)
        expect(published.manifest.rows["fact_streams"]).toBe(wanted["fact_streams"].length)
        const marts = published.manifest.tables["mart_listening"].reduce((sum, { rows }) => sum + rows, 0)
        expect(marts).toBe(wanted["mart_listening"].length)
      }
      expect(steps).toBeGreaterThan(3)
    })
  )
})

it("days that did not change are linked, and a second pass publishes nothing", async () => {
  await Effect.runPromise(
    Effect.gen(function* () {
      const place = yield* makePlace()
      const event = (ts: number, offset: number) => view("listen_events", ts, offset, offset + 1)
      const options = { history: { events: [], catalog: trickyCatalog } }
      const put = (seq: number, events: ReadonlyArray<Logged>) =>
        putPlan(place.store, { topic: "listen_events", partition: 0, seq, events })
      yield* put(0, [event(day, 0), event(day + 30 * hour, 1)])
      yield* run(place, options)
      const first = Option.getOrThrow(yield* current(place.published))
      yield* put(1, [event(day + 30 * hour + 1, 2)])
      yield* run(place, options)
      const second = Option.getOrThrow(yield* current(place.published))
      const inode = (version: typeof first, date: string) =>
        fs.statSync(version.files("mart_listening", { from: date, to: date })[0]).ino
      expect(inode(second, "2026-11-09")).toBe(inode(first, "2026-11-09"))
      expect(inode(second, "2026-11-10")).not.toBe(inode(first, "2026-11-10"))
      yield* run(place, options)
      expect(Option.getOrThrow(yield* current(place.published)).manifest.version).toBe(
        second.manifest.version
      )
    })
  )
})

it("an hour that gets events after its chain had passed it is a late hour; the open hour is none", async () => {
  await Effect.runPromise(
    Effect.gen(function* () {
      const place = yield* makePlace()
      const options = { history: { events: [], catalog: [] } }
      const put = (seq: number, times: ReadonlyArray<number>) =>
        putPlan(place.store, {
          topic: "page_view_events",
          partition: 0,
          seq,
          events: times.map((ts, i) => view("page_view_events", ts, seq * 10 + i, seq * 10 + i))
        })
      yield* put(0, [day, day + hour])
      yield* run(place, options)
      yield* put(1, [day + hour + 5])
      expect((yield* run(place, options)).lateHours).toEqual([])
      yield* put(2, [day + 7, day + hour + 9])
      const summary = yield* run(place, options)
      expect([summary.hours, summary.lateHours]).toEqual([2, ["2026-11-09T00"]])
      const { manifest } = Option.getOrThrow(yield* current(place.published))
      expect(manifest.lateHours.map((late) => late.hour * hour)).toEqual([day])
      expect(manifest.through).toBe(day + hour + 9)
    })
  )
})

it("a song skipped after midnight counts less on the day before, which is published again", async () => {
  await Effect.runPromise(
    Effect.gen(function* () {
      const place = yield* makePlace()
      const options = { history: { events: [], catalog: [] } }
      const put = (seq: number, ts: number) => {
        const play = view("listen_events", ts, seq, 1)
        const event = { ...play.event, itemInSession: seq, duration: 61.5 }
        return putPlan(place.store, {
          topic: "listen_events",
          partition: 0,
          seq,
          events: [{ ...play, event } as unknown as Logged]
        })
      }
      const [secondsAt, skipsAt] = ["seconds", "skips"].map((name) =>
        columnsOfTable("mart_listening").indexOf(name)
      )
      const listened = Effect.map(dump(place, ["mart_listening"]), (tables) =>
        tables["mart_listening"].map((row) => {
          const values = JSON.parse(row) as ReadonlyArray<unknown>
          return [values[secondsAt], values[skipsAt]]
        })
      )
      yield* put(0, day + 24 * hour - 10_000)
      yield* run(place, options)
      expect(yield* listened).toEqual([[61, 0]])
      const before = Option.getOrThrow(yield* current(place.published))
      yield* put(1, day + 24 * hour + 5_999)
      yield* run(place, options)
      expect(yield* listened).toEqual([
        [15, 1],
        [61, 0]
      ])
      const after = Option.getOrThrow(yield* current(place.published))
      const file = (version: typeof before) =>
        fs.statSync(version.files("mart_listening", { from: "2026-11-09", to: "2026-11-09" })[0]).ino
      expect(file(after)).not.toBe(file(before))
    })
  )
})

it("a late event that changes a user's versions re-keys the facts since, and only those", async () => {
  await Effect.runPromise(
    Effect.gen(function* () {
      const place = yield* makePlace()
      const options = { history: { events: [], catalog: [] }, maxHours: 1 }
      const put = (seq: number, ts: number, gender: string) => {
        const one = view("listen_events", ts, seq, 1)
        const event = { ...one.event, itemInSession: seq, gender }
        return putPlan(place.store, {
          topic: "listen_events",
          partition: 0,
          seq,
          events: [{ ...one, event } as unknown as Logged]
        })
      }
      const keys = Effect.map(dump(place, ["fact_streams"]), (tables) =>
        tables["fact_streams"]
          .map((row) => JSON.parse(row) as ReadonlyArray<unknown>)
          .sort((a, b) => Number(a[5]) - Number(b[5]))
          .map(([userKey]) => userKey)
      )
      for (const [seq, at] of [0, 2, 3].entries()) yield* put(seq, day + at * hour, "F")
      yield* run(place, options)
      const [first, second, third] = yield* keys
      expect([second, third]).toEqual([first, first])
      yield* put(3, day + hour, "M")
      yield* run(place, options)
      const [before, late, after, last] = yield* keys
      expect(before).toBe(first)
      expect(new Set([before, late, after]).size).toBe(3)
      expect(last).toBe(after)
    })
  )
})

it("a lake file that is missing, cut off, of flipped bits or of other rows stops the build by name, and the last good state stays", async () => {
  await Effect.runPromise(
    Effect.gen(function* () {
      const place = yield* makePlace()
      const options = { history: { events: [], catalog: [] } }
      const put = (seq: number) =>
        putPlan(place.store, {
          topic: "page_view_events",
          partition: 0,
          seq,
          events: [0, 1].map((i) => view("page_view_events", day + seq * hour + i, seq * 2 + i, seq * 2 + i))
        })
      yield* put(0)
      yield* put(1)
      yield* run(place, options)
      const before = yield* dump(place)
      yield* put(2)
      const [entry] = yield* place.store.list("lake/page_view_events/year=2026/month=11/day=09/hour=02/")
      const file = place.store.locate(entry.name)
      const bytes = fs.readFileSync(file)
      fs.writeFileSync(file, bytes.subarray(0, bytes.length - 30))
      const flipped = (at: number) => Buffer.from(bytes).fill(bytes[at] ^ 1, at, at + 1)
      // Bits of pages (the first that DuckDB would take for another value), of the footer, a cut, and nothing at all.
      for (const wrong of [
        ...[30, 200, 400, bytes.length - 40].map(flipped),
        bytes.subarray(0, -30),
        undefined
      ]) {
        if (wrong === undefined) fs.rmSync(file)
        else fs.writeFileSync(file, wrong)
        const damaged = yield* Effect.flip(run(place, options))
        expect(damaged._tag).toBe("LakeFileDamaged")
        expect(damaged.message).toContain(file)
      }
      const [other] = yield* place.store.list("lake/page_view_events/year=2026/month=11/day=09/hour=01/")
      fs.copyFileSync(place.store.locate(other.name), file)
      const failed = yield* Effect.flip(run(place, options))
      expect(failed._tag).toBe("AuditsFailed")
      expect(failed.message).toContain("the files hold the rows that their plans say")
      const after = yield* dump(place)
      for (const { name } of models) expectSame(name, after[name], before[name])
      expect(Option.getOrThrow(yield* current(place.published)).manifest.rows["fact_page_views"]).toBe(4)
      fs.writeFileSync(file, bytes)
      expect((yield* run(place, options)).hours).toBe(1)
    })
  )
})

it("a published file that was damaged is written again by the next pass, and is linked nowhere", async () => {
  await Effect.runPromise(
    Effect.gen(function* () {
      const place = yield* makePlace()
      const options = { history: { events: [], catalog: [] } }
      const put = (seq: number) =>
        putPlan(place.store, {
          topic: "page_view_events",
          partition: 0,
          seq,
          events: [0, 1].map((i) => view("page_view_events", day + seq * hour + i, seq * 2 + i, seq * 2 + i))
        })
      const version = Effect.map(current(place.published), Option.getOrThrow)
      const flip = (file: string) => {
        const bytes = fs.readFileSync(file)
        bytes[40] ^= 1
        fs.writeFileSync(file, bytes)
        return bytes
      }
      yield* put(0)
      yield* put(1)
      yield* run(place, options)
      for (const more of [false, true]) {
        const { files, folder, manifest } = yield* version
        yield* verifyPublished(folder, manifest)
        const [file] = files("dim_artists")
        const wrong = flip(file)
        const damaged = yield* Effect.flip(verifyPublished(folder, manifest))
        expect(damaged.message).toContain(file)
        if (more) yield* put(2)
        expect((yield* run(place, options)).hours).toBe(more ? 1 : 0)
        const after = yield* version
        expect(after.manifest.version > manifest.version).toBe(true)
        yield* verifyPublished(after.folder, after.manifest)
        expect(fs.readFileSync(after.files("dim_artists")[0])).not.toEqual(wrong)
      }
      fs.writeFileSync(path.join((yield* version).folder, "manifest.json"), "{}")
      yield* run(place, options)
      const last = yield* version
      yield* verifyPublished(last.folder, last.manifest)
    })
  )
})

it("another catalog makes everything anew, and nothing is published half way", async () => {
  await Effect.runPromise(
    Effect.gen(function* () {
      const place = yield* makePlace()
      for (const plan of plansOf(history, [1000])) yield* putPlan(place.store, plan)
      yield* run(place, { history: { ...history, catalog: [] } })
      const first = Option.getOrThrow(yield* current(place.published)).manifest.version
      const other = { history: { ...history, catalog: trickyCatalog }, maxHours: 3, catalogVersion: "other" }
      yield* Effect.ignore(run(place, { ...other, killAt: 40 }))
      expect(Option.getOrThrow(yield* current(place.published)).manifest.version).toBe(first)
      yield* run(place, other)
      const fresh = yield* makePlace()
      for (const plan of plansOf(history, [1000])) yield* putPlan(fresh.store, plan)
      yield* run(fresh, other)
      const [found, wanted] = [yield* dump(place), yield* dump(fresh)]
      for (const { name } of models) expectSame(name, found[name], wanted[name])
    })
  )
})
