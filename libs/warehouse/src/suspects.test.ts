import { Effect } from "effect"
import * as fc from "fast-check"
import { expect, it } from "vitest"
import { rowText } from "./audits.ts"
import type { DuckDbSession } from "./DuckDbWarehouse.ts"
import { makeDuckDbWarehouse } from "./DuckDbWarehouse.ts"
import { builtModels } from "./ledger.ts"
import type { ModelColumn, Table } from "./Model.ts"
import { column, optional } from "./Model.ts"
import { dimUsers } from "./models/dimUsers.ts"
import { arbitraryHistory } from "./spec/arbitraryHistories.ts"
import { interleave, makePlace, plansOf, propertyRuns, removeScratch, run } from "./testing/harness.ts"
import { putPlan } from "./testing/lakeFixture.ts"
import type { Transaction, TransactionHooks, WarehouseSession } from "./Warehouse.ts"
import type { AuditFailure } from "./WarehouseError.ts"

removeScratch()

const tables: ReadonlyArray<Pick<Table, "name" | "columns">> = [
  ...builtModels,
  // What the audits of a build ask instead of dim_users, and what a build knows of the lake.
  { name: "build_users", columns: dimUsers.columns },
  { name: "build_users", columns: dimUsers.columns },
  {
    name: "stage_rows",
    columns: [
      column("topic", "string", ""),
      column("hour", "int64", ""),
      column("found", "int64", ""),
      optional("kept", "int64", "")
    ]
  }
]

interface Damage {
  readonly table: Pick<Table, "name" | "columns">
  readonly row: number
  readonly other: number
  readonly column: number
  readonly kind: "delete" | "double" | "copy" | "shift" | "null"
}

const damage: fc.Arbitrary<Damage> = fc.record({
  table: fc.constantFrom(...tables),
  row: fc.nat(1000),
  other: fc.nat(1000),
  column: fc.nat(30),
  kind: fc.constantFrom("delete", "double", "copy", "shift", "shift", "null")
})

const shifted = ({ name, type }: ModelColumn, by: number): string => {
  if (type === "timestamp") return `${name} + INTERVAL ${by % 2 === 0 ? "1 MICROSECOND" : "1 HOUR"}`
  if (type === "date") return `${name} + 1`
  if (type === "string") return `${name} || 'x'`
  if (type === "boolean") return `NOT ${name}`
  return `${name} + ${by % 2 === 0 ? 1 : -1}`
}

/** A statement that does the damage, if the table has a row. */
const statementOf = ({ column: at, kind, other, row, table }: Damage): string => {
  const { columns, name } = table
  const nth = (n: number) =>
    `(SELECT rowid FROM ${name} ORDER BY rowid LIMIT 1 OFFSET (SELECT ${n} % greatest(count(*), 1) FROM ${name}))`
  const one = columns[at % columns.length]
  if (kind === "delete") return `DELETE FROM ${name} WHERE rowid = ${nth(row)}`
  if (kind === "double") return `INSERT INTO ${name} SELECT * FROM ${name} WHERE rowid = ${nth(row)}`
  const value =
    kind === "copy"
      ? `(SELECT ${one.name} FROM ${name} WHERE rowid = ${nth(other)})`
      : kind === "null" && one.nullable
        ? "NULL"
        : shifted(one, other)
  return `UPDATE ${name} SET ${one.name} = ${value} WHERE rowid = ${nth(row)}`
}

/** The found rows of each check that finds any, and the checks whose `suspects` find none. */
const ask = (session: DuckDbSession, { checks }: Transaction) =>
  Effect.gen(function* () {
    const found: Array<string> = []
    const cleared = new Set<string>()
    const asked = new Map<string, boolean>()
    for (const { audit, badRows, model, suspects } of checks) {
      const name = `${model}: ${audit}`
      const rows = yield* session.query(name, badRows)
      if (rows.length > 0) found.push(name)
      if (suspects === undefined) continue
      const isSuspected = asked.get(suspects) ?? (yield* session.query(name, suspects)).length > 0
      asked.set(suspects, isSuspected)
      if (!isSuspected) cleared.add(name)
    }
    return { found, cleared }
  })

/** Damages what a build leaves, one time after another, and takes it back; nothing stays. */
const damaged = (
  session: DuckDbSession,
  build: Transaction,
  damages: ReadonlyArray<ReadonlyArray<Damage>>,
  seen: Set<string>
) =>
  session
    .transaction(
      Effect.gen(function* () {
        for (const { name, statements } of build.steps) yield* session.run(name, statements)
        const sound = yield* ask(session, build)
        expect(sound.found).toEqual([])
        expect(build.checks.filter(({ suspects }) => suspects !== undefined).length).toBe(sound.cleared.size)
        for (const some of damages) {
          const names = [...new Set(some.map(({ table }) => table.name))]
          yield* session.run(
            "keep",
            names.map((name) => `CREATE OR REPLACE TEMP TABLE kept_${name} AS SELECT * FROM ${name}`)
          )
          const statements = some.map(statementOf)
          yield* session.run("damage", statements)
          const { cleared, found } = yield* ask(session, build)
          expect([statements, found.filter((name) => cleared.has(name))]).toEqual([statements, []])
          for (const name of found) seen.add(name)
          yield* session.run(
            "restore",
            names.flatMap((name) => [`DELETE FROM ${name}`, `INSERT INTO ${name} SELECT * FROM kept_${name}`])
          )
        }
        return yield* Effect.fail("taken back")
      })
    )
    .pipe(
      Effect.catchIf(
        (error) => error === "taken back",
        () => Effect.void
      )
    )

/** A place whose builds are handed over before they are done. */
const watched = (
  file: string,
  before: (session: DuckDbSession, build: Transaction) => Effect.Effect<void, never>
) => {
  const warehouse = makeDuckDbWarehouse({ file, threads: 1 })
  return {
    ...warehouse,
    open: Effect.map(warehouse.open, (session): WarehouseSession => ({
      ...session,
      transact: <E>(transaction: Transaction, hooks: TransactionHooks<E>) =>
        transaction.id.startsWith("build ")
          ? Effect.zipRight(before(session, transaction), session.transact(transaction, hooks))
          : session.transact(transaction, hooks)
    }))
  }
}

it("whatever is wrong after a build, what stands for several audits finds it when one of them does", async () => {
  const seen = new Set<string>()
  const names = new Set<string>()
  await fc.assert(
    fc.asyncProperty(
      arbitraryHistory().filter(({ events }) => events.length > 20),
      fc.array(fc.nat(1000), { minLength: 1, maxLength: 12 }),
      fc.array(fc.array(damage, { minLength: 1, maxLength: 3 }), { minLength: 30, maxLength: 30 }),
      (history, picks, damages) =>
        Effect.runPromise(
          Effect.gen(function* () {
            const place = yield* makePlace()
            const plans = interleave(plansOf(history, [9]), picks)
            const half = Math.ceil(plans.length / 2)
            for (const plan of plans.slice(0, half)) yield* putPlan(place.store, plan)
            yield* run(place, { history })
            for (const plan of plans.slice(half)) yield* putPlan(place.store, plan)
            const warehouse = watched(place.file, (session, build) => {
              for (const { audit, model } of build.checks) names.add(`${model}: ${audit}`)
              return Effect.orDie(damaged(session, build, damages, seen))
            })
            yield* run({ ...place, warehouse }, { history })
          })
        )
    ),
    propertyRuns(2)
  )
  // Damage reaches the audits that it is for.
  expect(seen.size).toBeGreaterThan(names.size / 2)
}, 600_000)

it("a failure tells the same as when each audit is asked by itself", async () => {
  const history = fc.sample(
    arbitraryHistory({ odd: false }).filter(({ events }) => events.length > 40),
    { numRuns: 1, seed: 3 }
  )[0]
  await Effect.runPromise(
    Effect.gen(function* () {
      const place = yield* makePlace()
      for (const plan of plansOf(history, [1000])) yield* putPlan(place.store, plan)
      const damages = [
        "INSERT INTO fact_streams SELECT * FROM fact_streams",
        "UPDATE dim_songs SET artist_key = 0",
        "DELETE FROM mart_users"
      ]
      const told: Array<ReadonlyArray<AuditFailure>> = []
      let wanted: ReadonlyArray<readonly [string, ReadonlyArray<string>]> = []
      const warehouse = watched(place.file, (session, build) =>
        Effect.gen(function* () {
          const steps = [...build.steps, { name: "damage", phase: "build" as const, statements: damages }]
          const hooks = {
            onStep: () => Effect.void,
            during: <A, E, R>(_: string, effect: Effect.Effect<A, E, R>) => effect
          }
          told.push(yield* session.transact({ ...build, steps }, hooks))
          const alone = build.checks.map(({ audit, badRows, model }) => ({ audit, badRows, model }))
          told.push(yield* session.transact({ ...build, steps, checks: alone }, hooks))
          yield* session
            .transaction(
              Effect.gen(function* () {
                for (const { name, statements } of steps) yield* session.run(name, statements)
                const all: Array<readonly [string, ReadonlyArray<string>]> = []
                for (const { audit, badRows, model } of build.checks) {
                  const rows = yield* session.query(audit, badRows)
                  if (rows.length > 0) all.push([`${model}: ${audit}`, rows.map(rowText)])
                }
                wanted = all
                return yield* Effect.fail("taken back")
              })
            )
            .pipe(
              Effect.catchIf(
                (error) => error === "taken back",
                () => Effect.void
              )
            )
        }).pipe(Effect.orDie)
      )
      yield* run({ ...place, warehouse }, { history })
      const [together, alone] = told
      expect(together.map(({ audit, model, query }) => [model, audit, query])).toEqual(
        alone.map(({ audit, model, query }) => [model, audit, query])
      )
      expect(together.map(({ audit, model }) => `${model}: ${audit}`)).toEqual(wanted.map(([name]) => name))
      for (const [i, { rows }] of together.entries()) {
        expect(rows.length).toBe(Math.min(20, wanted[i][1].length))
        expect(rows.filter((row) => !wanted[i][1].includes(row))).toEqual([])
      }
      expect(together.length).toBeGreaterThan(4)
    })
  )
}, 60_000)
