import { createHash } from "node:crypto"
import { hourText } from "@musify/domain/Hour.ts"
import type { Hour } from "@musify/domain/Hour.ts"
import { topics } from "@musify/domain/Topic.ts"
import type { ChainHalted } from "@musify/lake/ChainError.ts"
import { closedPlans, partitionsWithChains } from "@musify/lake/ChainReader.ts"
import type { ObjectStore } from "@musify/lake/ObjectStore.ts"
import type { ObjectStoreError } from "@musify/lake/ObjectStoreError.ts"
import type { Plan } from "@musify/lake/Plan.ts"
import { Clock, Effect, Schedule } from "effect"
import type { AuditResult } from "./audits.ts"
import { auditAll } from "./audits.ts"
import type { OnStep, StepSeconds } from "./buildHours.ts"
import { buildTransaction, timed } from "./buildHours.ts"
import type { CatalogSource } from "./catalogTables.ts"
import type { Dialect } from "./Dialect.ts"
import type { ChainPosition, DirtyHour } from "./ledger.ts"
import {
  dirtyHour,
  dirtyHours,
  intakeStatements,
  readDirtyHours,
  readLakeFiles,
  readPositions,
  watermark
} from "./ledger.ts"
import { models } from "./models/models.ts"
import { folderPublisher } from "./publish.ts"
import type { Pending, PublishFacts } from "./Publisher.ts"
import { needsReset, prepareLedger, readInfo, reset, writeInfo } from "./schema.ts"
import type { TransactionHooks, WarehouseService, WarehouseSession } from "./Warehouse.ts"
import { Warehouse } from "./Warehouse.ts"
import type { WarehouseError } from "./WarehouseError.ts"
import { AuditsFailed } from "./WarehouseError.ts"

export interface BuildPassOptions<E> {
  /** Folder `published`. */
  readonly published: string
  readonly catalog: CatalogSource<E> | undefined
  /** Most hours of a transaction. */
  readonly maxHours: number
  /** Most lake rows of a transaction (at least one hour is taken): bounds memory and time. */
  readonly maxRows: number
  /** Hours to build again though their files are the same, both included. */
  readonly rebuild?: { readonly from: Hour; readonly to: Hour } | undefined
  readonly onStep: OnStep<E>
  readonly onProgress: (progress: BuildProgress) => Effect.Effect<void>
}

/** Hours built and still dirty, as known when a transaction ended. */
export interface BuildProgress {
  readonly hoursBuilt: number
  readonly hoursLeft: number
  readonly through: number | null
}

/** What a pass did. */
export interface BuildSummary {
  readonly hours: number
  /** Hours that were built again because events came late: `2026-11-23T16`. */
  readonly lateHours: ReadonlyArray<string>
  /** Lake rows read. */
  readonly lakeRows: number
  /** Rows of each table after the pass. */
  readonly rows: Readonly<Record<string, number>>
  readonly seconds: Readonly<StepSeconds>
  /** Of the last build, or of no build: 0 of 0. */
  readonly audits: { readonly passed: number; readonly total: number }
  /** The version that was published last, if any. */
  readonly published: string | undefined
  /** Watermark, epoch ms. */
  readonly through: number | null
}

export type BuildError = WarehouseError | AuditsFailed | ObjectStoreError | ChainHalted

const readPlans = (
  positions: ReadonlyArray<ChainPosition>
): Effect.Effect<ReadonlyArray<Plan>, ObjectStoreError | ChainHalted, ObjectStore> =>
  Effect.gen(function* () {
    const found: Array<Plan> = []
    for (const topic of topics) {
      for (const partition of yield* partitionsWithChains(topic)) {
        const position = positions.find((one) => one.topic === topic && one.partition === partition)
        const { plans } = yield* closedPlans(topic, partition, position?.nextSeq ?? 0)
        for (const plan of plans) found.push(plan)
      }
    }
    return found
  })

/** The oldest dirty hours that fit into one transaction. */
const nextBatch = (
  dirty: ReadonlyArray<DirtyHour>,
  maxHours: number,
  maxRows: number
): ReadonlyArray<DirtyHour> => {
  let rows = 0
  let count = 0
  while (count < dirty.length && count < maxHours && (count === 0 || rows + dirty[count].rows <= maxRows))
    rows += dirty[count++].rows
  return dirty.slice(0, count)
}

/** The query of how many rows each table has. */
export const rowCounts = (sql: Dialect): string =>
  models
    .filter(({ select }) => select === undefined)
    .map(
      ({ boundRequired, name }) =>
        `SELECT '${name}' AS name, count(*) AS n FROM ${name}${boundRequired === true ? ` WHERE ${sql.sinceHour("0")}` : ""}`
    )
    .join(" UNION ALL ")

const tableRows = (session: WarehouseSession): Effect.Effect<Record<string, number>, WarehouseError> =>
  Effect.map(session.query("rows", rowCounts(session.dialect)), (rows) =>
    Object.fromEntries(rows.map((row) => [String(row["name"]), Number(row["n"])]))
  )

const publishFacts = (
  session: WarehouseSession,
  audits: AuditResult,
  through: number | null
): Effect.Effect<PublishFacts, WarehouseError> =>
  Effect.gen(function* () {
    const [span] = yield* session.query(
      "publish",
      `SELECT min(hour) AS first_hour, max(hour) AS last_hour FROM ledger_hours WHERE built_at IS NOT NULL`
    )
    const late = yield* session.query(
      "publish",
      `SELECT hour, late_at FROM ledger_hours WHERE late_at IS NOT NULL ORDER BY late_at DESC, hour DESC LIMIT 100`
    )
    return {
      through,
      firstHour: span["first_hour"] === null ? null : Number(span["first_hour"]),
      lastHour: span["last_hour"] === null ? null : Number(span["last_hour"]),
      lateHours: late.map((row) => ({ hour: Number(row["hour"]), rebuiltAt: Number(row["late_at"]) })),
      audits: {
        passed: audits.passed,
        total: audits.total,
        failed: audits.failures.map(({ audit, model }) => `${model}: ${audit}`)
      },
      rows: yield* tableRows(session)
    }
  })

const readPending = (session: WarehouseSession): Effect.Effect<ReadonlyArray<Pending>, WarehouseError> =>
  Effect.map(session.query("publish", `SELECT DISTINCT table_name, day FROM pending_publish`), (rows) =>
    rows.map((row) => ({
      table: String(row["table_name"]),
      day: row["day"] === null ? null : Number(row["day"])
    }))
  )

/** An auditor may hold the file for a moment: it is waited for, half a minute at most. */
const openPatiently = (warehouse: WarehouseService) =>
  Effect.retry(warehouse.open, {
    while: ({ reason }) => reason === "locked",
    schedule: Schedule.intersect(Schedule.spaced("250 millis"), Schedule.recurs(120))
  })

/** Most files that one transaction takes into the ledger: bounds the length of a statement and of a script. */
const filesAtOnce = 4000

/** Plans in pieces of about `filesAtOnce` files, in order. */
const pieces = (plans: ReadonlyArray<Plan>): ReadonlyArray<ReadonlyArray<Plan>> => {
  const all: Array<Array<Plan>> = []
  let files = Infinity
  for (const plan of plans) {
    if (files + plan.files.length > filesAtOnce) {
      all.push([])
      files = 0
    }
    all[all.length - 1].push(plan)
    files += plan.files.length
  }
  return all
}

/** Statements as a transaction of its own; the same statements on the same state do the same. */
const plainTransaction = <E>(
  session: WarehouseSession,
  step: string,
  statements: ReadonlyArray<string>,
  onStep: OnStep<E>
): Effect.Effect<void, WarehouseError | E> =>
  Effect.asVoid(
    session.transact(
      {
        id: `${step} ${createHash("sha256").update(statements.join(";")).digest("hex")}`,
        steps: [{ name: step, phase: "build", statements }],
        checks: []
      },
      { onStep, during: (_phase, effect) => effect }
    )
  )

/** Takes closed plans into the ledger: from then on their hours are dirty until they are built. */
const intake = <E>(
  session: WarehouseSession,
  plans: ReadonlyArray<Plan>,
  onStep: OnStep<E>
): Effect.Effect<void, WarehouseError | E> =>
  Effect.forEach(
    pieces(plans),
    (some) =>
      Effect.flatMap(readPositions(session), (positions) =>
        plainTransaction(session, "intake", intakeStatements(session.dialect, positions, some), onStep)
      ),
    { discard: true }
  )

/** The hours as an error names them: all, or the first and the last. */
const named = (hours: ReadonlyArray<DirtyHour>): ReadonlyArray<string> =>
  (hours.length <= 2 ? hours : [hours[0], hours[hours.length - 1]]).map(({ hour }) => hourText(hour))

/**
 * One pass: takes what the chains have closed into the ledger, builds the dirty hours, oldest first, as many to a
 * transaction as the settings allow, audits each, and publishes after each transaction. Ends when nothing is dirty.
 * Killed at any point, the next pass ends in the same state.
 */
export const buildPass = <E>(
  options: BuildPassOptions<E>
): Effect.Effect<BuildSummary, BuildError | E, Warehouse | ObjectStore> =>
  Effect.scoped(
    Effect.gen(function* () {
      const warehouse = yield* Warehouse
      const { catalog, onStep } = options
      const seconds: StepSeconds = { plan: 0, stage: 0, build: 0, audit: 0, publish: 0 }
      const hooks: TransactionHooks<E> = {
        onStep,
        during: (phase, effect) => timed(seconds, phase, effect)
      }
      yield* onStep("open")
      const session = yield* openPatiently(warehouse)
      yield* timed(
        seconds,
        "plan",
        Effect.gen(function* () {
          yield* prepareLedger(session, warehouse.place)
          if (yield* needsReset(session, catalog?.version)) {
            const loaded =
              catalog === undefined ? undefined : { version: catalog.version, songs: yield* catalog.songs }
            yield* onStep("reset")
            yield* reset(session, loaded)
          }
          yield* onStep("begin")
          const plans = yield* readPlans(yield* readPositions(session))
          yield* intake(session, plans, onStep)
          if (options.rebuild !== undefined) {
            const { from, to } = options.rebuild
            yield* plainTransaction(
              session,
              "rebuild",
              [`UPDATE ledger_hours SET built_hash = NULL WHERE hour BETWEEN ${from} AND ${to}`],
              onStep
            )
          }
        })
      )

      let audits: AuditResult = { total: 0, passed: 0, failures: [] }
      let hours = 0
      let lakeRows = 0
      const lateHours: Array<string> = []
      for (;;) {
        const dirty = yield* timed(seconds, "plan", readDirtyHours(session))
        const batch = nextBatch(dirty, options.maxHours, options.maxRows)
        if (batch.length > 0) {
          yield* onStep("stage")
          const files = yield* timed(
            seconds,
            "stage",
            Effect.flatMap(
              readLakeFiles(
                session,
                batch.map(({ hour }) => hour)
              ),
              session.stage
            )
          )
          const transaction = buildTransaction(session.dialect, batch, files, yield* Clock.currentTimeMillis)
          const failures = yield* session.transact(transaction, hooks)
          if (failures.length > 0) return yield* new AuditsFailed({ hours: named(batch), failures })
          yield* onStep("committed")
          const total = transaction.checks.length
          audits = { total, passed: total, failures }
          hours += batch.length
          for (const { hour, late, rows } of batch) {
            lakeRows += rows
            if (late) lateHours.push(hourText(hour))
          }
        }
        yield* timed(seconds, "publish", publishPending(session, options, audits))
        if (batch.length > 0) {
          const through = yield* currentWatermark(session)
          yield* options.onProgress({ hoursBuilt: hours, hoursLeft: dirty.length - batch.length, through })
        }
        if (batch.length === dirty.length) break
      }
      return {
        hours,
        lateHours,
        lakeRows,
        rows: yield* tableRows(session),
        seconds,
        audits: { passed: audits.passed, total: audits.total },
        published: yield* readInfo(session, "published"),
        through: yield* currentWatermark(session)
      }
    })
  )

const currentWatermark = (session: WarehouseSession): Effect.Effect<number | null, WarehouseError> =>
  Effect.gen(function* () {
    const dirty = yield* readDirtyHours(session)
    return watermark(yield* readPositions(session), dirty[0]?.hour)
  })

/**
 * Publishes what is pending, and again what was damaged since. While a warehouse that was published before is being
 * made anew (other models, another catalog) nothing is, so that readers keep the whole old state until the whole new
 * one is there.
 */
const publishPending = <E>(
  session: WarehouseSession,
  options: BuildPassOptions<E>,
  audits: AuditResult
): Effect.Effect<void, WarehouseError | E> =>
  Effect.gen(function* () {
    const dirty = yield* readDirtyHours(session)
    const resetting = (yield* readInfo(session, "resetting")) === "yes"
    if (resetting && dirty.some(({ builtBefore }) => builtBefore)) return
    const pending = yield* readPending(session)
    const [built] = yield* session.query(
      "publish",
      `SELECT count(*) AS n FROM ledger_hours WHERE built_at IS NOT NULL`
    )
    if (Number(built["n"]) === 0) return
    const remembered = yield* readInfo(session, "published")
    const publisher = session.publisher ?? folderPublisher(session, options.published)
    if (pending.length === 0 && (yield* publisher.isSound(remembered))) return
    yield* options.onStep("publish")
    // A publish that a kill had put off has no audits of its own at hand: the whole warehouse is audited.
    const passed = audits.total > 0 ? audits : yield* auditAll(session)
    const through = watermark(yield* readPositions(session), dirty[0]?.hour)
    const version = yield* publisher.publish(
      pending,
      resetting ? undefined : remembered,
      yield* publishFacts(session, passed, through),
      options.onStep("swap")
    )
    yield* options.onStep("published")
    yield* plainTransaction(
      session,
      "published",
      [
        `DELETE FROM pending_publish WHERE TRUE`,
        ...writeInfo(session, "published", version),
        ...writeInfo(session, "resetting", "no")
      ],
      () => Effect.void
    )
  })

/** Audits everything in the warehouse: what `musify audit` shows of the star schema. */
export const runAudits: Effect.Effect<AuditResult, WarehouseError, Warehouse> = Effect.scoped(
  Effect.gen(function* () {
    const warehouse = yield* Warehouse
    const session = yield* warehouse.open
    yield* prepareLedger(session, warehouse.place)
    const made = yield* readInfo(session, "models")
    return made === undefined ? { total: 0, passed: 0, failures: [] } : yield* auditAll(session)
  })
)

/** The dirty hours, without building them: what `batch plan` shows. Nothing is written. */
export const planPass = (
  catalogVersion: string | undefined
): Effect.Effect<
  {
    readonly dirty: ReadonlyArray<DirtyHour>
    readonly newPlans: number
    readonly reset: boolean
    /** Most bytes that building them at once may be billed for; undefined where queries are not billed. */
    readonly bytes: number | undefined
  },
  BuildError,
  Warehouse | ObjectStore
> =>
  Effect.scoped(
    Effect.gen(function* () {
      const warehouse = yield* Warehouse
      const session = yield* warehouse.open
      yield* prepareLedger(session, warehouse.place)
      const plans = yield* readPlans(yield* readPositions(session))
      const isReset = yield* needsReset(session, catalogVersion)
      const known = yield* session.query("plan", dirtyHours(session.dialect, "all"))
      const dirty = new Map(
        (isReset ? known.map(dirtyHour) : yield* readDirtyHours(session)).map((one) => [one.hour, one])
      )
      const built = new Map(known.map(dirtyHour).map((one) => [one.hour, one]))
      for (const plan of plans) {
        for (const { hour, rows } of plan.files) {
          const before = dirty.get(hour) ?? built.get(hour)
          dirty.set(hour, {
            hour,
            hash: "",
            late: before?.late ?? false,
            rows: (before?.rows ?? 0) + rows,
            builtBefore: before?.builtBefore ?? false
          })
        }
      }
      const sorted = [...dirty.values()].sort((a, b) => a.hour - b.hour)
      const bytes =
        session.cost === undefined || sorted.length === 0
          ? undefined
          : yield* session.cost(
              buildTransaction(session.dialect, sorted, {}, 0),
              sorted[0].hour,
              sorted[sorted.length - 1].hour
            )
      return { dirty: sorted, newPlans: plans.length, reset: isReset, bytes }
    })
  )
