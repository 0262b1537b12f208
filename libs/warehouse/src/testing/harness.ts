import { topics } from "@musify/domain/Topic.ts"
import { makeLocalDirectoryObjectStore } from "@musify/lake/LocalDirectoryObjectStore.ts"
import type { ObjectStoreService } from "@musify/lake/ObjectStore.ts"
import { ObjectStore } from "@musify/lake/ObjectStore.ts"
import { Data, Effect, Layer } from "effect"
import type * as fc from "fast-check"
import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import process from "node:process"
import { afterAll, expect } from "vitest"
import type { BuildPassOptions, HourRange } from "../buildPass.ts"
import { buildPass } from "../buildPass.ts"
import { makeDuckDbWarehouse } from "../DuckDbWarehouse.ts"
import { models } from "../models/models.ts"
import { withDependents } from "../modelVersions.ts"
import type { History } from "../spec/arbitraryHistories.ts"
import type { WarehouseService } from "../Warehouse.ts"
import { Warehouse } from "../Warehouse.ts"
import type { FixturePlan } from "./lakeFixture.ts"
import { readTable } from "./readTable.ts"

const memory = "/dev/shm"
const roomBytes = 2 ** 31

/** In memory where the system has room for that: DuckDB waits for the disk at each commit, which tests nothing. */
const scratchParent = (): string => {
  try {
    const { bavail, bsize } = fs.statfsSync(memory)
    return bavail * bsize > roomBytes ? memory : os.tmpdir()
  } catch {
    return os.tmpdir()
  }
}
const scratch = fs.mkdtempSync(path.join(scratchParent(), "musify-warehouse-"))
/** Call it once per test file: removes what the tests wrote. */
export const removeScratch = () => afterAll(() => fs.rmSync(scratch, { recursive: true, force: true }))
let folders = 0

export class Killed extends Data.TaggedError("Killed")<{ readonly step: string }> {}

/** A lake, and a warehouse that is built from it. */
export interface Place {
  readonly store: ObjectStoreService
  readonly published: string
  readonly warehouse: WarehouseService
}

/** A place whose warehouse is a DuckDB file. */
export interface DuckDbPlace extends Place {
  readonly file: string
}

const duckDbPlace = (store: ObjectStoreService, published: string, file: string): DuckDbPlace => ({
  store,
  published,
  file,
  warehouse: makeDuckDbWarehouse({ file, threads: 1 })
})

/** Another warehouse, in DuckDB, of a place's lake. */
export const besides = ({ store, published }: Place): DuckDbPlace =>
  duckDbPlace(store, `${published}.beside`, path.join(scratch, `${folders++}.duckdb`))

const placeIn = (root: string): Effect.Effect<DuckDbPlace> =>
  Effect.gen(function* () {
    const store = yield* Effect.orDie(
      makeLocalDirectoryObjectStore({ directory: path.join(root, "bucket"), durability: "process" })
    )
    return duckDbPlace(store, path.join(root, "bucket", "published"), path.join(root, "warehouse.duckdb"))
  })

export const makePlace = (): Effect.Effect<DuckDbPlace> => placeIn(path.join(scratch, String(folders++)))

/** A copy of a place that `makePlace` has made, with all that is in it now. */
export const copyPlace = ({ file }: DuckDbPlace): Effect.Effect<DuckDbPlace> => {
  const root = path.join(scratch, String(folders++))
  fs.cpSync(path.dirname(file), root, { recursive: true })
  return placeIn(root)
}

export interface RunOptions {
  readonly history: History
  readonly maxHours?: number
  readonly catalogVersion?: string
  /** The step, counted over the run, before which the run is killed. */
  readonly killAt?: number | undefined
  readonly rebuild?: BuildPassOptions<never>["rebuild"]
  readonly range?: HourRange
}

export const run = (
  place: Place,
  { catalogVersion, history, killAt, maxHours, range, rebuild }: RunOptions
) => {
  let step = 0
  return buildPass({
    published: place.published,
    catalog: { version: catalogVersion ?? "test", songs: Effect.succeed(history.catalog) },
    maxHours: maxHours ?? 1000,
    maxRows: 1_000_000,
    rebuild,
    range,
    onStep: (name) => (step++ === killAt ? Effect.fail(new Killed({ step: name })) : Effect.void),
    onProgress: () => Effect.void
  }).pipe(
    Effect.provide(
      Layer.merge(Layer.succeed(Warehouse, place.warehouse), Layer.succeed(ObjectStore, place.store))
    )
  )
}

/** Changes the warehouse behind the batcher's back. */
export const define = (place: Place, statements: ReadonlyArray<string>) =>
  Effect.scoped(Effect.flatMap(place.warehouse.open, (session) => session.define("test", statements)))

export const query = (place: Place, statement: string) =>
  Effect.scoped(Effect.flatMap(place.warehouse.open, (session) => session.query("test", statement)))

/** Takes all rows from a model's table and from those that are made from it, once they are there. */
export const spoil = (place: Place, model: string) =>
  // A run that was killed at its begin has left no ledger.
  Effect.flatMap(
    Effect.orElseSucceed(query(place, "SELECT model FROM model_versions"), () => []),
    (made) =>
      define(
        place,
        withDependents(new Set(made.length === 0 ? [] : [model]))
          .filter(({ select }) => select === undefined)
          .map(({ name }) => `DELETE FROM ${name} WHERE TRUE`)
      )
  )

/** All tables as sorted lines. */
export const dump = (place: Place, names: ReadonlyArray<string> = models.map(({ name }) => name)) =>
  Effect.scoped(
    Effect.gen(function* () {
      const session = yield* place.warehouse.open
      const tables: Record<string, ReadonlyArray<string>> = {}
      for (const name of names) tables[name] = yield* readTable(session, name)
      return tables
    })
  )

/**
 * How a property over histories runs: `RUNS=n` times, `SEED=s` (and `RUN_PATH=p`) again as a failure has named them,
 * `SHRINK=1` looking for a smaller history that fails, which takes long.
 */
export const propertyRuns = (numRuns: number): fc.Parameters<unknown> => {
  const { RUNS, RUN_PATH, SEED, SHRINK } = process.env
  return {
    numRuns: RUNS === undefined ? numRuns : Number(RUNS),
    endOnFailure: SHRINK === undefined,
    ...(SEED === undefined ? {} : { seed: Number(SEED) }),
    ...(RUN_PATH === undefined ? {} : { path: RUN_PATH })
  }
}

/** Fails with the rows that only one side has. */
export const expectSame = (table: string, found: ReadonlyArray<string>, wanted: ReadonlyArray<string>) => {
  if (JSON.stringify(found) === JSON.stringify(wanted)) return
  const extra = found.filter((row) => !wanted.includes(row))
  const missing = wanted.filter((row) => !found.includes(row))
  expect.fail(
    `${table} (${found.length} rows, ${wanted.length} wanted)\nextra ${extra.join("\n")}\nmissing ${missing.join("\n")}`
  )
}

/** A history cut into plans: per chain, chunks of the given sizes in turn. */
export const plansOf = (history: History, sizes: ReadonlyArray<number>): ReadonlyArray<FixturePlan> => {
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
export const interleave = (
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
