import { topics } from "@musify/domain/Topic.ts"
import { makeLocalDirectoryObjectStore } from "@musify/lake/LocalDirectoryObjectStore.ts"
import type { ObjectStoreService } from "@musify/lake/ObjectStore.ts"
import { ObjectStore } from "@musify/lake/ObjectStore.ts"
import { Data, Effect, Layer } from "effect"
import * as fc from "fast-check"
import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import process from "node:process"
import { afterAll, expect, it } from "vitest"
import { runAudits } from "./buildPass.ts"
import { buildPass } from "./buildPass.ts"
import { layer as duckDb, makeDuckDbWarehouse } from "./DuckDbWarehouse.ts"
import { models } from "./models/models.ts"
import type { History } from "./spec/arbitraryHistories.ts"
import { arbitraryHistory } from "./spec/arbitraryHistories.ts"
import { buildTables, canonical, columnsOfTable, tableNames } from "./spec/tables.ts"
import type { Row } from "./spec/tables.ts"
import type { FixturePlan } from "./testing/lakeFixture.ts"
import { putPlan } from "./testing/lakeFixture.ts"

const scratch = fs.mkdtempSync(path.join(os.tmpdir(), "musify-warehouse-"))
afterAll(() => fs.rmSync(scratch, { recursive: true, force: true }))
let folders = 0

class Killed extends Data.TaggedError("Killed")<{ readonly step: string }> {}

interface Place {
  readonly store: ObjectStoreService
  readonly published: string
  readonly file: string
}

const makePlace = (): Effect.Effect<Place> =>
  Effect.gen(function* () {
    const root = path.join(scratch, String(folders++))
    const store = yield* Effect.orDie(
      makeLocalDirectoryObjectStore({ directory: path.join(root, "bucket"), durability: "process" })
    )
    return {
      store,
      published: path.join(root, "bucket", "published"),
      file: path.join(root, "warehouse.duckdb")
    }
  })

interface RunOptions {
  readonly history: History
  readonly maxHours?: number
  /** The step, counted over the run, before which the run is killed. */
  readonly killAt?: number | undefined
  readonly rebuild?: { readonly from: number; readonly to: number }
}

const run = (place: Place, { history, killAt, maxHours, rebuild }: RunOptions) => {
  let step = 0
  return buildPass({
    published: place.published,
    catalog: { version: "test", songs: history.catalog },
    maxHours: maxHours ?? 1000,
    maxRows: 1_000_000,
    rebuild,
    onStep: (name) => (step++ === killAt ? Effect.fail(new Killed({ step: name })) : Effect.void),
    onProgress: () => Effect.void
  }).pipe(
    Effect.provide(
      Layer.merge(duckDb({ file: place.file, threads: 1 }), Layer.succeed(ObjectStore, place.store))
    )
  )
}

/** All tables as sorted lines. */
const dump = (place: Place, names: ReadonlyArray<string> = models.map(({ name }) => name)) =>
  Effect.scoped(
    Effect.gen(function* () {
      const session = yield* makeDuckDbWarehouse({ file: place.file, threads: 1 }).open
      const tables: Record<string, ReadonlyArray<string>> = {}
      for (const name of names) {
        const model = models.find((one) => one.name === name)
        const columns = model?.columns.map((column) => column.name) ?? []
        // The driver takes a byte order mark off the start of a text: a dot before it keeps the text whole.
        const select = model?.columns.map(({ name, type }) =>
          type === "string" ? `'.' || "${name}" AS "${name}"` : `"${name}"`
        )
        const rows = yield* session.query("dump", `SELECT ${select?.join(", ")} FROM ${name}`)
        const plain = rows.map((row) =>
          Object.fromEntries(
            columns.map((column) => {
              const value = row[column]
              const type = model?.columns.find((one) => one.name === column)?.type
              const isKey = /(^|_)key$/.test(column) && type === "int64"
              if (typeof value === "string" && type === "string") return [column, value.slice(1)]
              return [
                column,
                typeof value === "bigint" && !(isKey && column !== "hour_key") ? Number(value) : value
              ]
            })
          )
        )
        tables[name] = canonical(columns, plain as ReadonlyArray<Row>)
      }
      return tables
    })
  )

/** Fails with the rows that only one side has. */
const expectSame = (table: string, found: ReadonlyArray<string>, wanted: ReadonlyArray<string>) => {
  if (JSON.stringify(found) === JSON.stringify(wanted)) return
  const extra = found.filter((row) => !wanted.includes(row))
  const missing = wanted.filter((row) => !found.includes(row))
  expect.fail(
    `${table} (${found.length} rows, ${wanted.length} wanted)\nextra ${extra.join("\n")}\nmissing ${missing.join("\n")}`
  )
}

/** A history cut into plans: per chain, chunks of the given sizes in turn. */
const plansOf = (history: History, sizes: ReadonlyArray<number>): ReadonlyArray<FixturePlan> => {
  const plans: Array<FixturePlan> = []
  let turn = 0
  for (const topic of topics) {
    for (const partition of [0, 1]) {
      const events = history.events
        .filter((logged) => logged.topic === topic && logged.partition === partition)
        .sort((a, b) => a.offset - b.offset)
      for (let i = 0, seq = 0; i < events.length; seq++) {
        const size = sizes[turn++ % sizes.length]
        plans.push({ topic, partition, seq, events: events.slice(i, i + size) })
        i += size
      }
    }
  }
  return plans
}

/** The plans in a random order that keeps each chain's own. */
const interleave = (
  plans: ReadonlyArray<FixturePlan>,
  picks: ReadonlyArray<number>
): ReadonlyArray<FixturePlan> => {
  const chains = new Map<string, Array<FixturePlan>>()
  for (const plan of plans) {
    const chain = `${plan.topic}/${plan.partition}`
    chains.set(chain, [...(chains.get(chain) ?? []), plan])
  }
  const queues = [...chains.values()]
  const order: Array<FixturePlan> = []
  for (let turn = 0; queues.length > 0; turn++) {
    const at = picks[turn % picks.length] % queues.length
    order.push(queues[at].shift() as FixturePlan)
    if (queues[at].length === 0) queues.splice(at, 1)
  }
  return order
}

const scenario = fc.record({
  history: arbitraryHistory(),
  sizes: fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 5 }),
  picks: fc.array(fc.nat(1000), { minLength: 1, maxLength: 12 }),
  runs: fc.integer({ min: 1, max: 4 }),
  maxHours: fc.constantFrom(1, 2, 1000),
  kills: fc.array(fc.option(fc.nat(45), { freq: 2 }), { minLength: 1, maxLength: 4 })
})

it("any order, split, repeat and kill gives the tables of the specification, and of one full rebuild", async () => {
  await fc.assert(
    fc.asyncProperty(scenario, ({ history, kills, maxHours, picks, runs, sizes }) =>
      Effect.runPromise(
        Effect.gen(function* () {
          const plans = interleave(plansOf(history, sizes), picks)
          const place = yield* makePlace()
          const each = Math.max(1, Math.ceil(plans.length / runs))
          for (let i = 0, turn = 0; i < plans.length; i += each, turn++) {
            for (const plan of plans.slice(i, i + each)) yield* putPlan(place.store, plan)
            const killAt = kills[turn % kills.length] ?? undefined
            yield* Effect.catchTag(run(place, { history, maxHours, killAt }), "Killed", () => Effect.void)
          }
          yield* run(place, { history, maxHours })
          const incremental = yield* dump(place)
          const whole = { ...place, file: `${place.file}.whole`, published: `${place.published}.whole` }
          yield* run(whole, { history })
          const rebuilt = yield* dump(whole)
          for (const { name } of models) expectSame(name, incremental[name], rebuilt[name])
          const spec = buildTables(history.events, history.catalog)
          for (const name of tableNames) {
            expectSame(name, incremental[name], canonical(columnsOfTable(name), spec[name]))
          }
          const audits = yield* runAudits.pipe(Effect.provide(duckDb({ file: place.file, threads: 1 })))
          expect(audits.failures).toEqual([])
        })
      )
    ),
    { numRuns: Number(process.env["RUNS"] ?? 12), endOnFailure: process.env["SHRINK"] === undefined }
  )
}, 600_000)
