import { hourText } from "@musify/domain/Hour.ts"
import type { Hour } from "@musify/domain/Hour.ts"
import { topics } from "@musify/domain/Topic.ts"
import type { ChainHalted } from "@musify/lake/ChainError.ts"
import { closedPlans, partitionsWithChains } from "@musify/lake/ChainReader.ts"
import { ObjectStore } from "@musify/lake/ObjectStore.ts"
import type { ObjectStoreError } from "@musify/lake/ObjectStoreError.ts"
import type { Plan } from "@musify/lake/Plan.ts"
import { Effect, Option, Schedule } from "effect"
import type { AuditResult } from "./audits.ts"
import { auditAll } from "./audits.ts"
import type { OnStep, StepSeconds } from "./buildHours.ts"
import { buildHours, timed } from "./buildHours.ts"
import type { CatalogSource } from "./catalogTables.ts"
import type { ChainPosition, DirtyHour } from "./ledger.ts"
import { intakeStatements, readDirtyHours, readPositions, watermark } from "./ledger.ts"
import { models } from "./models/models.ts"
import type { Pending, PublishFacts } from "./publish.ts"
import { publish } from "./publish.ts"
import { current } from "./Published.ts"
import { needsReset, prepareLedger, readInfo, reset, writeInfo } from "./schema.ts"
import { verifyPublished } from "./verifyPublished.ts"
import type { WarehouseService, WarehouseSession } from "./Warehouse.ts"
import { Warehouse } from "./Warehouse.ts"
import type { AuditsFailed, WarehouseError } from "./WarehouseError.ts"

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

const tableRows = (session: WarehouseSession): Effect.Effect<Record<string, number>, WarehouseError> =>
  Effect.map(
    session.query(
      "rows",
      models
        .filter(({ select }) => select === undefined)
        .map(({ name }) => `SELECT '${name}' AS name, count(*) AS n FROM ${name}`)
        .join(" UNION ALL ")
    ),
    (rows) => Object.fromEntries(rows.map((row) => [String(row["name"]), Number(row["n"])]))
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
      const store = yield* ObjectStore
      const { catalog, onStep } = options
      const seconds: StepSeconds = { plan: 0, stage: 0, build: 0, audit: 0, publish: 0 }
      yield* onStep("open")
      const session = yield* openPatiently(warehouse)
      yield* prepareLedger(session, warehouse.place)

      const first = yield* timed(
        seconds,
        "plan",
        Effect.gen(function* () {
          const positions = yield* readPositions(session)
          const plans = yield* readPlans(positions)
          return { positions, plans, reset: yield* needsReset(session, catalog?.version) }
        })
      )
      const loaded =
        first.reset && catalog !== undefined
          ? { version: catalog.version, songs: yield* timed(seconds, "plan", catalog.songs) }
          : undefined
      // In the transaction of the first hours: what is noted as seen and what is built never part.
      const intake = Effect.gen(function* () {
        if (first.reset) yield* reset(session, loaded)
        yield* session.run("ledger", intakeStatements(session.dialect, first.positions, first.plans))
        if (options.rebuild !== undefined) {
          const { from, to } = options.rebuild
          yield* session.run("ledger", [
            `UPDATE ledger_hours SET built_hash = NULL WHERE hour BETWEEN ${from} AND ${to}`
          ])
        }
      })

      let audits: AuditResult = { total: 0, passed: 0, failures: [] }
      let hours = 0
      let lakeRows = 0
      const lateHours: Array<string> = []
      for (let round = 0; ; round++) {
        yield* onStep("begin")
        const built = yield* session.transaction(
          Effect.gen(function* () {
            if (round === 0) yield* timed(seconds, "plan", intake)
            const dirty = yield* readDirtyHours(session)
            const batch = nextBatch(dirty, options.maxHours, options.maxRows)
            if (batch.length === 0) return { batch, left: 0, audits, late: [] }
            const late = yield* session.query(
              "ledger",
              `SELECT hour FROM ledger_hours WHERE late ORDER BY hour`
            )
            const result = yield* buildHours(
              session,
              batch.map(({ hour }) => hour),
              store,
              seconds,
              onStep
            )
            const inBatch = new Set(batch.map(({ hour }) => hour))
            yield* onStep("commit")
            return {
              batch,
              left: dirty.length - batch.length,
              audits: result,
              late: late.map((row) => Number(row["hour"])).filter((hour) => inBatch.has(hour))
            }
          })
        )
        yield* onStep("committed")
        audits = built.audits
        hours += built.batch.length
        for (const { rows } of built.batch) lakeRows += rows
        for (const hour of built.late) lateHours.push(hourText(hour))
        yield* timed(seconds, "publish", publishPending(session, options, audits))
        if (built.batch.length > 0) {
          const through = yield* currentWatermark(session)
          yield* options.onProgress({ hoursBuilt: hours, hoursLeft: built.left, through })
        }
        if (built.left === 0) break
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

/** Whether the version in force is the one that was published last, whole and undamaged. */
const isSound = (root: string, remembered: string | undefined): Effect.Effect<boolean> =>
  current(root).pipe(
    Effect.flatMap(
      Option.match({
        onNone: () => Effect.succeed(false),
        onSome: ({ folder, manifest }) =>
          Effect.as(verifyPublished(folder, manifest), manifest.version === remembered)
      })
    ),
    Effect.orElseSucceed(() => false)
  )

/**
 * Publishes what is pending, and again what was damaged since. While a warehouse that was published before is being made anew (other models, another
 * catalog) nothing is, so that readers keep the whole old state until the whole new one is there.
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
    if (pending.length === 0 && (yield* isSound(options.published, remembered))) return
    yield* options.onStep("publish")
    // A publish that a kill had put off has no audits of its own at hand: the whole warehouse is audited.
    const passed = audits.total > 0 ? audits : yield* auditAll(session)
    const through = watermark(yield* readPositions(session), dirty[0]?.hour)
    const version = yield* publish(
      session,
      options.published,
      pending,
      resetting ? undefined : remembered,
      yield* publishFacts(session, passed, through),
      options.onStep("swap")
    )
    yield* options.onStep("published")
    yield* session.transaction(
      session.run("publish", [
        `DELETE FROM pending_publish`,
        ...writeInfo(session, "published", version),
        ...writeInfo(session, "resetting", "no")
      ])
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
  { readonly dirty: ReadonlyArray<DirtyHour>; readonly newPlans: number; readonly reset: boolean },
  BuildError,
  Warehouse | ObjectStore
> =>
  Effect.scoped(
    Effect.gen(function* () {
      const warehouse = yield* Warehouse
      const session = yield* warehouse.open
      yield* prepareLedger(session, warehouse.place)
      const positions = yield* readPositions(session)
      const plans = yield* readPlans(positions)
      const isReset = yield* needsReset(session, catalogVersion)
      yield* session.run("plan", ["BEGIN TRANSACTION"])
      yield* session.run("plan", intakeStatements(session.dialect, positions, plans))
      if (isReset) yield* session.run("plan", [`UPDATE ledger_hours SET built_hash = NULL`])
      const dirty = yield* readDirtyHours(session)
      yield* session.run("plan", ["ROLLBACK"])
      return { dirty, newPlans: plans.length, reset: isReset }
    })
  )
