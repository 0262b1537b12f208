import { hourMs } from "@musify/domain/Hour.ts"
import type { Topic } from "@musify/domain/Topic.ts"
import { topics } from "@musify/domain/Topic.ts"
import { ObjectStore } from "@musify/lake/ObjectStore.ts"
import type { ObjectStoreService } from "@musify/lake/ObjectStore.ts"
import type { ObjectStoreError } from "@musify/lake/ObjectStoreError.ts"
import { Data, Effect } from "effect"
import type { BuildError, BuildSummary } from "../buildPass.ts"
import { buildPass } from "../buildPass.ts"
import { planPass } from "../planPass.ts"
import { runAudits } from "../runAudits.ts"
import type { Logged } from "../spec/logged.ts"
import { buildTables, canonical, columnsOfTable, tableNames } from "../spec/tables.ts"
import { putPlan } from "../testing/lakeFixture.ts"
import { readTable } from "../testing/readTable.ts"
import type { WarehouseService, WarehouseSession } from "../Warehouse.ts"
import { Warehouse } from "../Warehouse.ts"
import type { WarehouseError } from "../WarehouseError.ts"

/** What was expected and did not come. */
export class SmokeFailed extends Data.TaggedError("SmokeFailed")<{ readonly message: string }> {}

export interface SmokeOptions {
  readonly warehouse: WarehouseService
  readonly store: ObjectStoreService
  /** A line for whoever watches. */
  readonly say: (line: string) => Effect.Effect<void>
}

/** 2026-11-09T10:00Z. */
const start = Date.UTC(2026, 10, 9, 10)

const view = (topic: Topic, offset: number, ts: number, user: number, level: "free" | "paid"): Logged =>
  ({
    topic,
    partition: 0,
    offset,
    event: {
      ts,
      sessionId: user * 10,
      itemInSession: Math.floor((ts - start) / 60_000),
      level,
      auth: "Logged In",
      userId: user,
      firstName: "Ada",
      lastName: `O'Li \\ ${user}`,
      gender: "F",
      registration: start - 90 * 24 * hourMs,
      city: "Ukiah",
      state: "CA",
      zip: "95482",
      lat: 39.1,
      lon: -123.2,
      userAgent: null,
      tag: null,
      artist: "Björk",
      song: "Jóga",
      duration: 172.90404,
      page: "NextSong",
      method: "PUT",
      status: 200,
      success: true
    }
  }) as unknown as Logged

/** Some minutes of two listeners in each topic; one of them pays from the middle on. */
const events = (from: number, minutes: number, firstOffset: number): ReadonlyArray<Logged> =>
  topics.flatMap((topic) =>
    Array.from({ length: minutes }, (_, i) => {
      const user = 1 + (i % 2)
      const isPaid = user === 2 && from + i * 60_000 >= start + hourMs
      return view(topic, firstOffset + i, from + i * 60_000, user, isPaid ? "paid" : "free")
    })
  )

const put = (
  store: ObjectStoreService,
  seq: number,
  all: ReadonlyArray<Logged>
): Effect.Effect<void, ObjectStoreError> =>
  Effect.forEach(
    topics,
    (topic) =>
      putPlan(store, { topic, partition: 0, seq, events: all.filter((logged) => logged.topic === topic) }),
    { discard: true }
  )

const expectTables = (
  session: WarehouseSession,
  logged: ReadonlyArray<Logged>
): Effect.Effect<number, WarehouseError | SmokeFailed> =>
  Effect.gen(function* () {
    const wanted = buildTables(logged, [])
    let rows = 0
    for (const name of tableNames) {
      const found = yield* readTable(session, name)
      const lines = canonical(columnsOfTable(name), wanted[name])
      if (JSON.stringify(found) !== JSON.stringify(lines))
        return yield* new SmokeFailed({
          message: `${name} is not as the specification says. Found:\n${found.join("\n")}\nwanted:\n${lines.join("\n")}`
        })
      rows += found.length
    }
    return rows
  })

/**
 * Builds two hours of a tiny history, then events that come late to the first, compares every table with the
 * specification each time, audits, and asks for what only the real BigQuery does. It reads some kilobytes; each job may
 * be billed for what the warehouse's options allow at most.
 */
export const smoke = ({
  say,
  store,
  warehouse
}: SmokeOptions): Effect.Effect<void, BuildError | ObjectStoreError | SmokeFailed> => {
  const pass: Effect.Effect<BuildSummary, BuildError> = buildPass({
    published: "",
    catalog: undefined,
    maxHours: 100,
    maxRows: 1_000_000,
    onStep: () => Effect.void,
    onProgress: () => Effect.void
  }).pipe(Effect.provideService(Warehouse, warehouse), Effect.provideService(ObjectStore, store))
  const check = (logged: ReadonlyArray<Logged>) =>
    Effect.scoped(Effect.flatMap(warehouse.open, (session) => expectTables(session, logged)))
  /** Whether a query is refused: what a stand-in does not show. */
  const refuses = (what: string, statement: string) =>
    Effect.scoped(
      Effect.gen(function* () {
        const session = yield* warehouse.open
        const answer = yield* Effect.either(session.query("smoke", statement))
        yield* say(
          answer._tag === "Left"
            ? `refused, as it must be: ${what} (${answer.left.message})`
            : `NOT refused: ${what}. BigQuery refuses it; a stand-in may not.`
        )
      })
    )
  return Effect.gen(function* () {
    const inOrder = [...events(start, 20, 0), ...events(start + hourMs, 20, 20)]
    yield* put(store, 0, inOrder)
    const plan = yield* planPass(undefined).pipe(
      Effect.provideService(Warehouse, warehouse),
      Effect.provideService(ObjectStore, store)
    )
    yield* say(`${plan.dirty.length} hours to build, billed for at most ${plan.bytes ?? 0} bytes`)
    const first = yield* pass
    yield* say(
      `built ${first.hours} hours from ${first.lakeRows} events; audits ${first.audits.passed}/${first.audits.total}`
    )
    yield* say(`all tables are as the specification says: ${yield* check(inOrder)} rows`)

    const late = events(start + 30 * 60_000, 5, 40)
    yield* put(store, 1, late)
    const second = yield* pass
    if (second.lateHours.join() !== "2026-11-09T10")
      return yield* new SmokeFailed({
        message: `late hours are ${second.lateHours.join()}, not 2026-11-09T10`
      })
    yield* say(`built the late hour again, re-keyed what came after it`)
    yield* say(`all tables are as the specification says: ${yield* check([...inOrder, ...late])} rows`)

    const third = yield* pass
    if (third.hours !== 0) return yield* new SmokeFailed({ message: "a third pass built something again" })
    const audits = yield* Effect.provideService(runAudits, Warehouse, warehouse)
    if (audits.failures.length > 0)
      return yield* new SmokeFailed({ message: `audits failed: ${JSON.stringify(audits.failures)}` })
    yield* say(`audits of everything: ${audits.passed}/${audits.total}`)
    yield* refuses(
      "a scan of a fact without a bound on its partitions",
      "SELECT count(*) AS n FROM fact_streams"
    )
  })
}
