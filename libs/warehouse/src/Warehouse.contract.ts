import { createHash } from "node:crypto"
import { surrogateKey } from "@musify/domain/surrogateKey.ts"
import { ObjectStore } from "@musify/lake/ObjectStore.ts"
import type { ObjectStoreService } from "@musify/lake/ObjectStore.ts"
import { Effect } from "effect"
import { describe, expect, it } from "vitest"
import type { Dialect } from "./Dialect.ts"
import type { Table } from "./Model.ts"
import { column, optional } from "./Model.ts"
import { datetimeRows } from "./spec/datetime.ts"
import type { Logged } from "./spec/logged.ts"
import { putPlan } from "./testing/lakeFixture.ts"
import type { Transaction, TransactionHooks, WarehouseService, WarehouseSession } from "./Warehouse.ts"

/** An empty warehouse, and the store of its lake. */
export interface WarehouseFixture {
  readonly warehouse: WarehouseService
  readonly store: ObjectStoreService
}

const hooks: TransactionHooks<never> = { onStep: () => Effect.void, during: (_phase, effect) => effect }

const transaction = (id: string, statements: ReadonlyArray<string>): Transaction => ({
  id,
  steps: [{ name: "first", phase: "build", statements }],
  checks: []
})

const things: Table = {
  name: "things",
  description: "It's a table of things.",
  key: ["n"],
  columns: [
    column("n", "int64", "A number"),
    optional("text", "string", 'Text with "quotes", \\ and \' in it'),
    optional("x", "float64", "A double"),
    optional("ts", "timestamp", "A time"),
    optional("day", "date", "A day"),
    optional("yes", "boolean", "A truth")
  ]
}

const oddText = 'it\'s \\ "quoted" ``, a\nline,\ttab, é, 𝄞, \u001f, \u2028 and --'

const ts = Date.UTC(2026, 11, 31, 23, 59, 59, 987)

/** Expressions of the dialect, and what they are. */
const expressions = (sql: Dialect): ReadonlyArray<readonly [string, unknown]> => {
  const at = sql.timestamp(ts)
  const hour = Math.floor(ts / 3_600_000)
  const day = sql.dateOf(at)
  return [
    [sql.key("user", "12", sql.text("a'b"), "NULL"), surrogateKey("user", 12, "a'b", null)],
    [sql.key("location", sql.text(oddText)), surrogateKey("location", oddText)],
    [sql.key("user", "-9007199254740991"), surrogateKey("user", Number.MIN_SAFE_INTEGER)],
    [sql.md5(sql.text("Jóga")), createHash("md5").update("Jóga").digest("hex")],
    [sql.epochMicros(at), BigInt(ts) * 1000n],
    [sql.hourOf(at), BigInt(hour)],
    [sql.hourStart(String(hour)), hour * 3_600_000],
    [sql.dayOfHour(String(hour)), BigInt(Math.floor(hour / 24))],
    [sql.dateOfDay(String(Math.floor(hour / 24))), "2026-12-31"],
    [day, "2026-12-31"],
    [sql.lakeTime(at), ts],
    [sql.weekStart(day), "2026-12-28"],
    [sql.weekStart(sql.dateOf(sql.timestamp(Date.UTC(2026, 10, 22)))), "2026-11-16"],
    [sql.monthStart(day), "2026-12-01"],
    [sql.nextMonth(sql.monthStart(day)), "2027-01-01"],
    [sql.startOfDate(day), Date.UTC(2026, 11, 31)],
    [sql.addDays(day, "1"), "2027-01-01"],
    [sql.addDays(day, "-28"), "2026-12-03"],
    [`${sql.dayCount(day, sql.addDays(day, "9"))} + 0`, 9n],
    [sql.secondsBetween(at, sql.timestamp(ts + 2999)), 2n],
    [sql.wholeSeconds("172.90404"), 172n],
    [sql.wholeSeconds("1e300"), 2_147_483_647n],
    [sql.quotient("17", "7"), 2n],
    [sql.float32("172.904041"), Math.fround(172.904041)],
    [`${at} < ${sql.endOfTime}`, true],
    [`${sql.pairLat("pair")}`, 64.1],
    [`${sql.pairLon("pair")}`, -22.5]
  ]
}

/** What every warehouse must do; an adapter runs it with `make`, which answers an empty one each time. */
export const warehouseContract = (name: string, make: () => Effect.Effect<WarehouseFixture>): void => {
  const inSession = <A, E>(
    body: (session: WarehouseSession, fixture: WarehouseFixture) => Effect.Effect<A, E, ObjectStore>
  ): Promise<A> =>
    Effect.runPromise(
      Effect.scoped(
        Effect.gen(function* () {
          const fixture = yield* make()
          const session = yield* fixture.warehouse.open
          return yield* Effect.provideService(body(session, fixture), ObjectStore, fixture.store)
        })
      )
    )

  describe(name, () => {
    it("says each function of the dialect as the specification does", async () => {
      const [found, wanted] = await inSession((session) =>
        Effect.gen(function* () {
          const sql = session.dialect
          const pairs = `(SELECT ${sql.minPair("lat", "lon")} AS pair FROM (${sql.rowsOf(
            { lat: "float64", lon: "float64" },
            [
              [64.1, -21.9],
              [null, 1],
              [64.1, -22.5],
              [3, null]
            ]
          )}))`
          const results: Array<readonly [string, unknown]> = []
          for (const [expression, value] of expressions(sql)) {
            const from = expression.includes("pair") ? ` FROM ${pairs}` : ""
            const [{ v }] = yield* session.query("test", `SELECT ${expression} AS v${from}`)
            results.push([expression, typeof value === "bigint" ? BigInt(String(v)) : v])
          }
          return [results, expressions(sql)]
        })
      )
      expect(found).toEqual(wanted)
    })

    it("says the parts of times as the specification does", () =>
      inSession((session) =>
        Effect.gen(function* () {
          const sql = session.dialect
          const hours = [Date.UTC(2024, 1, 29, 5), Date.UTC(2026, 0, 1), Date.UTC(2027, 0, 3, 23)]
          for (const hour of hours) {
            const [wanted] = datetimeRows([{ event: { ts: hour } } as Logged])
            const list = (["year", "quarter", "month", "day", "hour", "iso_weekday", "iso_week"] as const)
              .map((part) => `${sql.part(part, sql.timestamp(hour))} AS p_${part}`)
              .join(", ")
            const [row] = yield* session.query("test", `SELECT ${list}`)
            const found = Object.fromEntries(
              Object.entries(row).map(([key, value]) => [key.slice(2), Number(value)])
            )
            expect(wanted).toMatchObject(found)
          }
        })
      ))

    it("picks first and last values, orders NULLs, and tells rows that differ from their neighbours", () =>
      inSession((session) =>
        Effect.gen(function* () {
          const sql = session.dialect
          const rows = sql.rowsOf({ g: "int64", place: "int64", a: "string", b: "string" }, [
            [1, 1, null, "x"],
            [1, 2, "p", "x"],
            [1, 3, "q", null],
            [1, 4, "q", null],
            [2, 1, null, null],
            [2, 2, null, null]
          ])
          const ends = yield* session.query(
            "test",
            `SELECT g, ${sql.firstValue("r.a", ["r.place"])} AS first_a, ${sql.lastValue("r.b", ["r.place"])} AS last_b, ${sql.joined(sql.cast("r.place", "string"), ["r.place"])} AS places FROM (${rows}) r GROUP BY g ORDER BY g`
          )
          expect(ends).toEqual([
            { g: 1n, first_a: "p", last_b: "x", places: "1,2,3,4" },
            { g: 2n, first_a: null, last_b: null, places: "1,2" }
          ])
          const kept = yield* session.query(
            "test",
            `SELECT g, place FROM (${rows}) WHERE TRUE QUALIFY ${sql.differsFrom("lag", ["a", "b"], "(PARTITION BY g ORDER BY place)")} ORDER BY g, place`
          )
          expect(kept.map((row) => `${row["g"]} ${row["place"]}`)).toEqual(["1 1", "1 2", "1 3", "2 1"])
          const numbers = yield* session.query("test", `SELECT n FROM ${sql.integers("3", "5")} ORDER BY n`)
          expect(numbers).toEqual([{ n: 3n }, { n: 4n }, { n: 5n }])
        })
      ))

    it("keeps values as they were put, and lists its tables and views", () =>
      inSession((session) =>
        Effect.gen(function* () {
          const sql = session.dialect
          yield* session.define("test", [
            sql.create(things),
            sql.create({
              ...things,
              name: "odd_things",
              select: () => `SELECT * FROM ${sql.table("things")} WHERE n > 1`
            }),
            ...sql.keys([things]),
            `INSERT INTO things (n, text, x, yes) ${sql.rowsOf(
              { n: "int64", text: "string", x: "float64", yes: "boolean" },
              [
                [1, oddText, 0.1, true],
                [9_007_199_254_740_991, "", 5e-324, false],
                [-3, null, null, null]
              ]
            )}`,
            `UPDATE things SET ts = ${sql.timestamp(ts)}, day = ${sql.dateOf(sql.timestamp(ts))} WHERE n = 1`
          ])
          expect(
            yield* session.query("test", `SELECT n, text, x, ts, day, yes FROM things ORDER BY n`)
          ).toEqual([
            { n: -3n, text: null, x: null, ts: null, day: null, yes: null },
            { n: 1n, text: oddText, x: 0.1, ts, day: "2026-12-31", yes: true },
            { n: 9_007_199_254_740_991n, text: "", x: 5e-324, ts: null, day: null, yes: false }
          ])
          const tables = (yield* session.tables).filter(({ name: one }) => one.endsWith("things"))
          expect([...tables].sort((a, b) => (a.name < b.name ? -1 : 1))).toEqual([
            { name: "odd_things", isView: true },
            { name: "things", isView: false }
          ])
        })
      ))

    it("does a transaction whole, with variables and temporary tables that are gone after it", () =>
      inSession((session) =>
        Effect.gen(function* () {
          const sql = session.dialect
          yield* session.define("test", [sql.create(things)])
          const found = yield* session.transact(
            transaction("one", [
              sql.tempTable("passing", "SELECT 7 AS n UNION ALL SELECT 8 AS n"),
              sql.setVariable("first_hour", "SELECT max(n) FROM passing"),
              `INSERT INTO things (n) SELECT n FROM passing WHERE n >= ${sql.variable("first_hour")}`,
              sql.tempTable("passing", "SELECT 9 AS n"),
              `INSERT INTO things (n) SELECT n FROM passing`
            ]),
            hooks
          )
          expect(found).toEqual([])
          expect(yield* session.query("test", "SELECT n FROM things ORDER BY n")).toEqual([
            { n: 8n },
            { n: 9n }
          ])
          const error = yield* Effect.flip(
            session.transact(
              transaction("two", ["INSERT INTO things (n) SELECT n FROM missing_table"]),
              hooks
            )
          )
          expect(error.message).toContain("missing_table")
        })
      ))

    it("leaves out statements whose condition on variables does not hold", () =>
      inSession((session) =>
        Effect.gen(function* () {
          const sql = session.dialect
          const put = (n: number) => `INSERT INTO things (n) VALUES (${n})`
          const copies = sql.variable("copies")
          yield* session.define("test", [sql.create(things)])
          yield* session.transact(
            transaction("when", [
              sql.setVariable("copies", "SELECT 1"),
              ...sql.when(`${copies} > 0`, [put(1), sql.setVariable("copies", "SELECT 5"), put(2)]),
              ...sql.when(`${copies} < 5`, [put(3), put(4)]),
              put(5),
              ...sql.when(`${copies} > ${sql.cast("NULL", "int64")}`, [put(6)])
            ]),
            hooks
          )
          expect(yield* session.query("test", "SELECT n FROM things ORDER BY n")).toEqual([
            { n: 1n },
            { n: 2n },
            { n: 5n }
          ])
        })
      ))

    it("what is a temporary view in one transaction may be a table in the next, and a view again", () =>
      inSession((session) =>
        Effect.gen(function* () {
          const sql = session.dialect
          yield* session.define("test", [sql.create(things)])
          const kinds = [sql.tempView, sql.tempTable, sql.tempView]
          for (const [i, passing] of kinds.entries())
            yield* session.transact(
              transaction(`kind ${i}`, [
                passing("passing", `SELECT ${i} AS n`),
                "INSERT INTO things (n) SELECT n FROM passing"
              ]),
              hooks
            )
          expect(yield* session.query("test", "SELECT n FROM things ORDER BY n")).toEqual([
            { n: 0n },
            { n: 1n },
            { n: 2n }
          ])
        })
      ))

    it("undoes a transaction that fails or in which a check finds rows, and says which", () =>
      inSession((session) =>
        Effect.gen(function* () {
          const sql = session.dialect
          yield* session.define("test", [sql.create(things), "INSERT INTO things (n) VALUES (1)"])
          const steps = [
            { name: "first", phase: "stage" as const, statements: ["DELETE FROM things WHERE n = 1"] },
            {
              name: "second",
              phase: "build" as const,
              statements: [
                `INSERT INTO things (n, text) SELECT n, ${sql.text("it's")} FROM ${sql.integers("10", "40")}`
              ]
            }
          ]
          const checks = [
            {
              model: "things",
              audit: "nothing below 100",
              badRows: "SELECT n, text FROM things WHERE n < 100"
            },
            { model: "things", audit: "nothing above 100", badRows: "SELECT n FROM things WHERE n > 100" },
            { model: "others", audit: "no 12", badRows: "SELECT n, text, x FROM things WHERE n = 12" }
          ]
          const found = yield* session.transact({ id: "checked", steps, checks }, hooks)
          expect(found.map(({ audit, model, rows }) => [model, audit, rows.length])).toEqual([
            ["things", "nothing below 100", 20],
            ["others", "no 12", 1]
          ])
          expect(found[1].rows).toEqual(["n=12 text=it's x=NULL"])
          const broken = {
            id: "broken",
            steps: [...steps, { ...steps[0], statements: ["SELECT nonsense"] }],
            checks: []
          }
          expect((yield* Effect.flip(session.transact(broken, hooks)))._tag).toBe("StatementFailed")
          const stopped = {
            ...hooks,
            onStep: (step: string) => (step === "second" ? Effect.fail("stop") : Effect.void)
          }
          expect(yield* Effect.flip(session.transact({ id: "stopped", steps, checks: [] }, stopped))).toBe(
            "stop"
          )
          expect(yield* session.query("test", "SELECT n FROM things")).toEqual([{ n: 1n }])
          // The same once more, with checks that find nothing, is done.
          yield* session.transact({ id: "passing", steps, checks: [checks[1], checks[1]] }, hooks)
          expect((yield* session.query("test", "SELECT n FROM things")).length).toBe(31)
        })
      ))

    it("tells what happens around the parts of a transaction, in order", () =>
      inSession((session) =>
        Effect.gen(function* () {
          yield* session.define("test", [session.dialect.create(things)])
          const told: Array<string> = []
          const check = { model: "things", audit: "none", badRows: "SELECT n FROM things" }
          yield* session.transact(
            { ...transaction("told", ["DELETE FROM things WHERE TRUE"]), checks: [check] },
            { ...hooks, onStep: (step) => Effect.sync(() => told.push(step)) }
          )
          expect(told).toEqual(["first", "audit", "commit"])
        })
      ))

    it("reads the rows of lake files, and names one that is missing", () =>
      inSession((session, { store }) =>
        Effect.gen(function* () {
          const event = (at: number, session_: number) => ({
            topic: "auth_events" as const,
            partition: 0,
            offset: session_,
            event: {
              ts: at,
              sessionId: session_,
              itemInSession: 0,
              level: "free",
              userId: null,
              success: true,
              city: oddText.replaceAll("\n", " ")
            }
          })
          const events = [
            event(ts, 1),
            event(ts + 3_600_000, 2),
            event(ts, 3)
          ] as unknown as ReadonlyArray<Logged>
          yield* putPlan(store, { topic: "auth_events", partition: 0, seq: 0, events })
          const paths: Array<string> = []
          for (const { name: path } of yield* store.list("lake/auth_events/")) paths.push(path)
          expect(paths.length).toBe(2)
          const files = paths.map((path) => ({ topic: "auth_events" as const, path }))
          const staged = yield* session.stage(files)
          expect(Object.keys(staged)).toEqual(["auth_events"])
          const sql = session.dialect
          const rows = yield* session.query(
            "test",
            `SELECT ${sql.id("sessionId")} AS s, ${sql.lakeTime("ts")} AS moment, city, success FROM ${staged.auth_events} ORDER BY 1`
          )
          expect(rows).toEqual(
            [1, 2, 3].map((s) => ({
              s: BigInt(s),
              moment: s === 2 ? ts + 3_600_000 : ts,
              city: oddText.replaceAll("\n", " "),
              success: true
            }))
          )
          const gone = { topic: "auth_events" as const, path: "lake/auth_events/gone.parquet" }
          const error = yield* Effect.flip(session.stage([...files, gone]))
          expect([error._tag, error.message.includes("gone.parquet")]).toEqual(["LakeFileDamaged", true])
        })
      ))
  })
}
