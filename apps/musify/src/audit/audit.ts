import { topics } from "@musify/domain/Topic.ts"
import { openVersion, currentVersion, makeDuckDb } from "@musify/dashboard/DuckDbMarts.ts"
import type { Marts } from "@musify/dashboard/Marts.ts"
import type { ObjectStoreError } from "@musify/lake/ObjectStoreError.ts"
import { UserError } from "@musify/runtime/UserError.ts"
import { EventLog } from "@musify/stream/EventLog.ts"
import type { EventLogError } from "@musify/stream/EventLogError.ts"

import { Clock, Effect, Either, Scope } from "effect"
import type { DurationInput } from "effect/Duration"
import fs from "node:fs"
import path from "node:path"
import { localBucket } from "./AuditBucket.ts"
import type { AuditReport, Check, Difference } from "./AuditReport.ts"
import { makeCheck } from "./AuditReport.ts"
import { readChains } from "./chains.ts"
import type { Chain } from "./chains.ts"
import { checkFiles, listFiles } from "./deepCheck.ts"
import type { AuditDb, ReadFailed } from "./DuckDbAudit.ts"
import { literal, makeAuditDb, unreadable } from "./DuckDbAudit.ts"
import { dropEvents, makeEventsView, makeEventTable } from "./eventTables.ts"
import { checkFacts, sumFacts } from "./factCheck.ts"
import { checkFaults, checkName, findFaultsInFacts } from "./faultCheck.ts"
import { readManifest } from "./faultManifest.ts"
import { checkLog } from "./logCheck.ts"
import { checkNumbers } from "./numberCheck.ts"
import { makeDeviceTable } from "./deviceTable.ts"
import { makeSongTable } from "./songTable.ts"
import { checkKeys, checkRecount, copyDimensions, recount } from "./starCheck.ts"
import type { Ledger } from "./warehouseSnapshot.ts"
import { attachWarehouse, readLedger, starSchemaAudits } from "./warehouseSnapshot.ts"

export interface AuditOptions {
  /** Folder of the bucket. */
  readonly bucket: string
  /** The DuckDB file. */
  readonly warehouse: string
  /** Folder of what is published. */
  readonly published: string
  /** Version of the song catalog in use, if there is one. */
  readonly catalog: string | undefined
  /** The simulator's manifest, when it makes faults on purpose. */
  readonly faults?: string | undefined
  /** Re-read every file. */
  readonly deep: boolean
  /** The pipeline stands still: what is not ingested, built and published is a difference, not lag. */
  readonly drained: boolean
  /** Of the ranges and states for the dashboard's numbers. */
  readonly seed: number
  /** How many of them. */
  readonly ranges: number
  /** What DuckDB may hold in memory, MiB; it goes to disk beyond it. */
  readonly memoryMiB: number
  /** How long to wait for a batcher that is in a run. */
  readonly patience: DurationInput
}

/** Enough for tens of millions of events; the audit's other memory does not grow with them. */
export const defaultMemoryMiB = 512

/** What was read while the warehouse stood still. */
interface Snapshot {
  readonly ledger: Ledger
  readonly marts: Marts | undefined
  /** What is published but damaged. */
  readonly damaged: ReadonlyArray<Difference>
  readonly checks: ReadonlyArray<Check>
}

const problemOf = ({ message }: { readonly message: string }) => new UserError({ message, exitCode: 1 })

/** Everything that needs the warehouse, and the version that is published with it, in one short hold. */
const takeSnapshot = (
  db: AuditDb,
  options: AuditOptions,
  hasFaults: boolean
): Effect.Effect<Snapshot | undefined, UserError, Scope.Scope> =>
  Effect.gen(function* () {
    const duckDb = yield* makeDuckDb
    const outer = yield* Effect.scope
    return yield* Effect.scoped(
      Effect.gen(function* () {
        yield* attachWarehouse(db, options.warehouse, options.patience)
        const ledger = yield* readLedger(db)
        if (ledger === undefined) return undefined
        yield* sumFacts(db)
        if (hasFaults) yield* findFaultsInFacts(db)
        yield* copyDimensions(db)
        const keys = yield* checkKeys(db)
        const audits = yield* starSchemaAudits(db)
        const failures = audits.failures.map(({ audit, model, rows }): Difference => ({
          table: model,
          hour: null,
          what: audit,
          expected: "no row",
          found: rows.join("; ")
        }))
        const version = yield* currentVersion(options.published)
        // A version stays for ten minutes after another took its place: time enough for all queries below.
        const opened =
          version === undefined || ledger.unpublished
            ? Either.right(undefined)
            : yield* openVersion(duckDb, options.published, version).pipe(
                Effect.provideService(Scope.Scope, outer),
                Effect.either
              )
        return {
          ledger,
          marts: Either.getOrUndefined(opened),
          damaged: Either.isRight(opened)
            ? []
            : [{ file: opened.left.file ?? options.published, problem: opened.left.message }],
          checks: [keys, makeCheck("star schema: its own audits", audits.total, "audits", failures)]
        }
      })
    )
  }).pipe(
    Effect.mapError((error) =>
      error instanceof UserError
        ? error
        : problemOf({
            message: `${options.warehouse} or what is published of it cannot be read: ${error.message}`
          })
    )
  )

const list = (hours: ReadonlySet<number>): string => (hours.size === 0 ? "NULL" : [...hours].join(", "))

/** Users, sessions and hours of files that wait to be built again: their tables hold an older state. */
const leaveOut = (
  db: AuditDb,
  hours: ReadonlySet<number>,
  files: ReadonlyArray<string>
): Effect.Effect<void, ReadFailed> =>
  Effect.gen(function* () {
    const ids = (column: string) =>
      files.length === 0
        ? "SELECT NULL::BIGINT AS id WHERE false"
        : `SELECT DISTINCT "${column}" AS id FROM read_parquet([${files.map(literal).join(", ")}], union_by_name = true, hive_partitioning = false) WHERE "${column}" IS NOT NULL`
    yield* db.run(`CREATE OR REPLACE TEMP TABLE left_out_users AS ${ids("userId")}`)
    yield* db.run(`CREATE OR REPLACE TEMP TABLE left_out_sessions AS ${ids("sessionId")}`)
    yield* db.run(
      `CREATE OR REPLACE TEMP TABLE left_out_hours AS SELECT h AS hour FROM (SELECT unnest([${list(hours)}]::BIGINT[]) AS h) WHERE h IS NOT NULL`
    )
  })

/** Files of closed plans that the warehouse has not built. */
const unbuilt = (chains: ReadonlyArray<Chain>, built: ReadonlySet<string>): ReadonlyArray<string> =>
  chains.flatMap(({ closed, plans }) =>
    plans
      .slice(0, closed)
      .flatMap(({ files }) => files.map((file) => file.path))
      .filter((name) => !built.has(name))
  )

/** Compares the warehouse and the dashboard with the lake, over the files that the snapshot was built from. */
const checkWarehouse = (
  db: AuditDb,
  options: AuditOptions,
  chains: ReadonlyArray<Chain>,
  { damaged, ledger, marts }: Snapshot
): Effect.Effect<ReadonlyArray<Check>, ReadFailed> =>
  Effect.gen(function* () {
    const locate = (name: string) => path.join(options.bucket, name)
    const known = ledger.files.filter(({ hour }) => ledger.built.has(hour))
    const notes: Array<string> = []
    const lagging: Array<Difference> = []
    const waiting = unbuilt(chains, new Set(known.map((file) => file.path)))
    const say = (text: string, what: string, found: string) => {
      if (options.drained) lagging.push({ table: "warehouse", hour: null, what, expected: "0", found })
      else notes.push(text)
    }
    if (waiting.length > 0)
      say(`${waiting.length} files wait to be built`, "files not built", String(waiting.length))
    if (ledger.unpublished) say("what was built last is not published", "unpublished builds", "1")

    const gone = known.filter((file) => !fs.existsSync(locate(file.path)))
    if (gone.length > 0) {
      const missing = gone.map((file): Difference => ({
        file: locate(file.path),
        problem: "is missing, but was built"
      }))
      return [makeCheck("facts = lake, by hour: rows and sums", 0, "events", missing, notes)]
    }
    for (const topic of topics) {
      const files = known.filter((file) => file.topic === topic).map((file) => locate(file.path))
      const made = yield* Effect.either(makeEventTable(db, topic, files))
      if (made._tag === "Left") {
        const bad = yield* unreadable(db, files)
        if (bad.length === 0) return yield* made.left
        return [makeCheck("facts = lake, by hour: rows and sums", 0, "events", bad, notes)]
      }
    }
    const stale = ledger.files.filter(({ hour }) => ledger.stale.has(hour))
    yield* leaveOut(
      db,
      ledger.stale,
      stale.map((file) => locate(file.path))
    )
    yield* makeEventsView(db)
    yield* recount(db)
    const facts = yield* checkFacts(db, ledger.stale, notes)
    yield* dropEvents(db)
    const catalog =
      options.catalog === undefined
        ? undefined
        : path.join(options.bucket, "lake", "catalog", "songs", `version=${options.catalog}`, "songs.parquet")
    yield* makeSongTable(db, catalog)
    yield* makeDeviceTable(
      db,
      known.filter(({ topic }) => topic === "listen_events").map((file) => locate(file.path))
    )

    const dimensions = yield* checkRecount(db, [])
    const checks = [facts, dimensions]
    if (options.drained)
      checks.push(makeCheck("nothing waits to be built or published", known.length, "files", lagging))
    if (marts === undefined)
      return [
        ...checks,
        makeCheck(
          "dashboard = recount from the lake",
          0,
          "numbers",
          damaged,
          damaged.length === 0 ? ["nothing is published"] : []
        )
      ]
    if (ledger.stale.size > 0) {
      const note = `not compared: ${ledger.stale.size} hours wait to be built again, because events came late`
      return [...checks, makeCheck("dashboard = recount from the lake", 0, "numbers", [], [note])]
    }
    return [...checks, yield* checkNumbers(db, marts, options, [])]
  })

/** Files of hours that the facts show as they are. */
const upToDate = ({ bucket }: AuditOptions, snapshot: Snapshot | undefined) =>
  snapshot?.ledger.files
    .filter(({ hour }) => snapshot.ledger.built.has(hour) && !snapshot.ledger.stale.has(hour))
    .map((file) => path.join(bucket, file.path))

/** A live simulation writes its manifest from the end of its history on. */
const noManifest = (file: string, drained: boolean): Check => {
  const problem = "is missing: musify simulate --once writes it again"
  return drained
    ? makeCheck(checkName, 0, "faults", [{ file, problem }])
    : makeCheck(checkName, 0, "faults", [], [`not compared: ${file} ${problem}`])
}

/**
 * Recounts the whole pipeline from the outside, log to dashboard; the running pipeline is not disturbed but for a short
 * read-only hold of the warehouse. Compared is what was closed, built and published when the audit began; the tail is
 * told as lag. Fails only when something cannot be read at all; what is found wrong is in the report.
 */
export const audit = (
  options: AuditOptions
): Effect.Effect<AuditReport, UserError | ObjectStoreError | EventLogError, EventLog> =>
  Effect.scoped(
    Effect.gen(function* () {
      const clock = Clock.make()
      const began = clock.unsafeCurrentTimeMillis()
      const db = yield* makeAuditDb(options.memoryMiB)
      const log = yield* EventLog
      const checks: Array<Check> = []
      // Before everything: what it tells of is on the log by now.
      const faults =
        options.faults !== undefined && fs.existsSync(options.faults)
          ? yield* readManifest(db, options.faults)
          : undefined
      const snapshot = fs.existsSync(options.warehouse)
        ? yield* takeSnapshot(db, options, faults !== undefined)
        : undefined
      // After the snapshot: whatever the warehouse was built from is closed by now.
      const bucket = localBucket(db, options.bucket)
      const listed = options.deep ? yield* listFiles(bucket) : []
      const { chains, wrong } = yield* readChains(bucket)
      const plans = chains.reduce((sum, chain) => sum + chain.plans.length, 0)
      checks.push(makeCheck("chains without gap or overlap", plans, "plans", wrong))
      checks.push(yield* checkLog(db, bucket, chains, options.drained, log))
      if (snapshot === undefined) {
        const waiting = unbuilt(chains, new Set()).length
        const none: ReadonlyArray<Difference> =
          options.drained && waiting > 0
            ? [
                {
                  table: "warehouse",
                  hour: null,
                  what: "files not built",
                  expected: "0",
                  found: String(waiting)
                }
              ]
            : []
        checks.push(
          makeCheck("facts = lake, by hour: rows and sums", 0, "events", none, [
            `no hour is built yet, ${waiting} files wait`
          ])
        )
      } else {
        checks.push(...(yield* checkWarehouse(db, options, chains, snapshot)), ...snapshot.checks)
      }
      if (faults !== undefined)
        checks.push(yield* checkFaults(db, options.bucket, chains, upToDate(options, snapshot), faults))
      else if (options.faults !== undefined) checks.push(noManifest(options.faults, options.drained))
      if (options.deep) checks.push(yield* checkFiles(db, bucket, chains, listed, log))
      return {
        ok: checks.every(({ ok }) => ok),
        seed: options.seed,
        checks,
        seconds: Math.round((clock.unsafeCurrentTimeMillis() - began) / 10) / 100
      }
    })
  ).pipe(Effect.catchTag("ReadFailed", (error) => Effect.fail(problemOf(error))))
