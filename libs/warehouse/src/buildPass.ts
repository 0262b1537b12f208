import { createHash } from "node:crypto"
import { hourStart, hourText } from "@musify/domain/Hour.ts"
import type { Hour } from "@musify/domain/Hour.ts"
import { topics } from "@musify/domain/Topic.ts"
import type { ChainHalted } from "@musify/lake/ChainError.ts"
import { closedPlans, partitionsWithChains } from "@musify/lake/ChainReader.ts"
import type { ObjectStore } from "@musify/lake/ObjectStore.ts"
import type { ObjectStoreError } from "@musify/lake/ObjectStoreError.ts"
import type { Plan } from "@musify/lake/Plan.ts"
import { Clock, Duration, Effect, Schedule } from "effect"
import type { AuditResult } from "./audits.ts"
import { auditAll } from "./audits.ts"
import type { OnStep, StepSeconds } from "./buildHours.ts"
import { buildTransaction, readsStage, timed } from "./buildHours.ts"
import type { CatalogSource } from "./catalogTables.ts"
import { nameDevices } from "./deviceNames.ts"
import type { Dialect } from "./Dialect.ts"
import type { ChainPosition, DirtyHour } from "./ledger.ts"
import {
  builtModels,
  forget,
  intakeStatements,
  isCutByHours,
  readDirtyHours,
  readLakeFiles,
  readPositions,
  recordFailed,
  watermark
} from "./ledger.ts"
import type { Model } from "./Model.ts"
import { models } from "./models/models.ts"
import { firstOf, modelVersions, withDependents } from "./modelVersions.ts"
import { folderPublisher } from "./publish.ts"
import type { Pending, PublishFacts } from "./Publisher.ts"
import { noCatalog, prepareLedger, readInfo, remake, staleModels, writeInfo } from "./schema.ts"
import type { TransactionHooks, WarehouseService, WarehouseSession } from "./Warehouse.ts"
import { Warehouse } from "./Warehouse.ts"
import type { WarehouseError } from "./WarehouseError.ts"
import { AuditsFailed } from "./WarehouseError.ts"

/** Hours from one to another, both included. */
export interface HourRange {
  readonly from: Hour
  readonly to: Hour
}

export interface BuildPassOptions<E> {
  /** Folder `published`. */
  readonly published: string
  readonly catalog: CatalogSource<E> | undefined
  /** Most hours of a transaction. */
  readonly maxHours: number
  /** Most lake rows of a transaction (at least one hour is taken): bounds memory and time. */
  readonly maxRows: number
  /** The only hours to build, both included; others stay dirty. */
  readonly range?: HourRange | undefined
  /**
   * What to build again though nothing of it has changed. Without `range` all hours of the models that are named (all
   * models without a name) and of their dependents, from empty tables.
   */
  readonly rebuild?:
    { readonly model?: string | undefined; readonly range?: HourRange | undefined } | undefined
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

/** The oldest dirty hours, all of the same models, that fit into one transaction. */
const nextBatch = (
  dirty: ReadonlyArray<DirtyHour>,
  maxHours: number,
  maxRows: number
): ReadonlyArray<DirtyHour> => {
  let rows = 0
  let count = 0
  const first = dirty[0]?.models.join()
  const fits = ({ models, rows: more }: DirtyHour) => models.join() === first && rows + more <= maxRows
  while (count < dirty.length && count < maxHours && (count === 0 || fits(dirty[count])))
    rows += dirty[count++].rows
  return dirty.slice(0, count)
}

/** The query of how many rows each table has: of those that are cut by hours the ledger knows. */
export const rowCounts = (sql: Dialect): string =>
  [
    `SELECT model AS name, ${sql.cast("coalesce(sum(rows_of_hour), 0)", "int64")} AS n
FROM (SELECT model, ${sql.id("rows")} AS rows_of_hour FROM model_hours WHERE state = 'built')
WHERE model IN (${builtModels
      .filter(isCutByHours)
      .map(({ name }) => sql.text(name))
      .join(", ")}) GROUP BY model`,
    ...builtModels
      .filter((model) => !isCutByHours(model))
      .map(({ name }) => `SELECT ${sql.text(name)} AS name, count(*) AS n FROM ${name}`)
  ].join("\nUNION ALL ")

const tableRows = (session: WarehouseSession): Effect.Effect<Record<string, number>, WarehouseError> =>
  Effect.map(session.query("rows", rowCounts(session.dialect)), (rows) => {
    const counts = new Map(rows.map((row) => [String(row["name"]), Number(row["n"])]))
    return Object.fromEntries(builtModels.map(({ name }) => [name, counts.get(name) ?? 0]))
  })

const isWithin = (range: HourRange | undefined, hour: Hour): boolean =>
  range === undefined || (hour >= range.from && hour <= range.to)

/** From so many lake rows on a build may take the whole machine. */
const manyRows = 500_000

const hurry = (session: WarehouseSession) => session.hurry ?? Effect.void

/** A model and its dependents; all models without a name. */
const namedModels = (name: string | undefined): ReadonlyArray<Model> =>
  name === undefined ? models : withDependents(new Set([name]))

const publishFacts = (
  session: WarehouseSession,
  audits: AuditResult,
  through: number | null,
  rows: Readonly<Record<string, number>>
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
      rows
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
      const versions = modelVersions(session.dialect, catalog?.version)
      yield* timed(
        seconds,
        "plan",
        Effect.gen(function* () {
          yield* prepareLedger(session, warehouse.place)
          const { rebuild } = options
          const asked = rebuild === undefined || rebuild.range !== undefined ? [] : namedModels(rebuild.model)
          const anew = new Set([...(yield* staleModels(session, versions)), ...asked.map(({ name }) => name)])
          if (anew.size > 0) {
            const known = yield* readInfo(session, "catalog")
            const songs =
              known === (catalog?.version ?? noCatalog)
                ? undefined
                : catalog === undefined
                  ? { songs: undefined }
                  : { songs: { version: catalog.version, songs: yield* catalog.songs } }
            yield* onStep("remake")
            yield* remake(session, anew, versions, songs)
          }
          yield* onStep("begin")
          const plans = yield* readPlans(yield* readPositions(session))
          yield* intake(session, plans, onStep)
          if (rebuild?.range !== undefined) {
            const names = namedModels(rebuild.model).map(({ name }) => name)
            const statements = forget(session.dialect, names, rebuild.range)
            yield* plainTransaction(session, "rebuild", statements, onStep)
          }
        })
      )

      let audits: AuditResult = { total: 0, passed: 0, failures: [] }
      let hours = 0
      let lakeRows = 0
      const lateHours: Array<string> = []
      // Counting looks at whole tables: done once for each state.
      const [counted, countAgain] = yield* Effect.cachedInvalidateWithTTL(
        tableRows(session),
        Duration.infinity
      )
      let maxHours = options.maxHours
      // Only a build changes which hours are dirty: they are asked for once behind each.
      const readAll = timed(seconds, "plan", readDirtyHours(session, versions))
      let all = yield* readAll
      for (;;) {
        const dirty = all.filter(({ hour }) => isWithin(options.range, hour))
        const batch = nextBatch(dirty, maxHours, options.maxRows)
        if (batch.length > 0) {
          if (batch.reduce((sum, { rows }) => sum + rows, 0) >= manyRows) yield* hurry(session)
          yield* onStep("stage")
          const files = yield* timed(
            seconds,
            "stage",
            readsStage(batch[0].models)
              ? Effect.flatMap(
                  readLakeFiles(
                    session,
                    batch.map(({ hour }) => hour)
                  ),
                  session.stage
                )
              : Effect.succeed({})
          )
          const now = yield* Clock.currentTimeMillis
          const transaction = buildTransaction(session.dialect, batch, files, versions, now)
          const failures = yield* session.transact(transaction, hooks)
          if (failures.length > 0) {
            // The hours before the one that is wrong are built, and that one is named.
            if (batch.length > 1) {
              maxHours = Math.ceil(batch.length / 2)
              continue
            }
            const note = recordFailed(session.dialect, batch, failures, versions, now)
            yield* plainTransaction(session, "failed", note, () => Effect.void)
            return yield* new AuditsFailed({ hours: named(batch), failures })
          }
          yield* onStep("committed")
          yield* countAgain
          all = yield* readAll
          const total = transaction.checks.length
          audits = { total, passed: total, failures }
          hours += batch.length
          for (const { hour, late, rows } of batch) {
            lakeRows += rows
            if (late) lateHours.push(hourText(hour))
          }
        }
        yield* timed(seconds, "publish", publishPending(session, options, all, audits, counted))
        if (batch.length > 0) {
          const through = yield* currentWatermark(session, all)
          yield* options.onProgress({ hoursBuilt: hours, hoursLeft: dirty.length - batch.length, through })
        }
        if (batch.length === dirty.length) break
      }
      return {
        hours,
        lateHours,
        lakeRows,
        rows: yield* counted,
        seconds,
        audits: { passed: audits.passed, total: audits.total },
        published: yield* readInfo(session, "published"),
        through: yield* currentWatermark(session, all)
      }
    })
  )

const currentWatermark = (
  session: WarehouseSession,
  dirty: ReadonlyArray<DirtyHour>
): Effect.Effect<number | null, WarehouseError> =>
  Effect.map(readPositions(session), (positions) => watermark(positions, dirty[0]?.hour))

/**
 * Publishes what is pending, and again what was damaged since. While models that were published before are made anew
 * (they say something else now, another catalog, asked for) nothing is, so that readers keep the whole old state until
 * the whole new one is there and its audits have passed.
 */
const publishPending = <E>(
  session: WarehouseSession,
  options: BuildPassOptions<E>,
  dirty: ReadonlyArray<DirtyHour>,
  audits: AuditResult,
  counted: Effect.Effect<Record<string, number>, WarehouseError>
): Effect.Effect<void, WarehouseError | AuditsFailed | E> =>
  Effect.gen(function* () {
    const resetting = (yield* readInfo(session, "resetting")) === "yes"
    const remembered = yield* readInfo(session, "published")
    const isSwap = resetting && remembered !== undefined
    if (isSwap && dirty.length > 0) return
    const pending = yield* readPending(session)
    const [built] = yield* session.query(
      "publish",
      `SELECT count(*) AS n FROM ledger_hours WHERE built_at IS NOT NULL`
    )
    if (Number(built["n"]) === 0) return
    const publisher = session.publisher ?? folderPublisher(session, options.published)
    if (pending.length === 0 && (yield* publisher.isSound(remembered))) return
    yield* options.onStep("publish")
    const naming = yield* nameDevices(session)
    if (naming.length > 0) yield* plainTransaction(session, "devices", naming, options.onStep)
    // Tables made anew are audited whole; so is what a kill had put off, which has no audits of its own at hand.
    const isAudited = audits.total > 0 && !isSwap
    if (!isAudited) yield* hurry(session)
    const passed = isAudited ? audits : yield* auditAll(session)
    if (isSwap && passed.failures.length > 0)
      return yield* new AuditsFailed({ hours: [], failures: passed.failures })
    const through = yield* currentWatermark(session, dirty)
    const version = yield* publisher.publish(
      pending,
      resetting ? undefined : remembered,
      yield* publishFacts(session, passed, through, yield* counted),
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
    const [made] = yield* session.query("ledger", `SELECT count(*) AS n FROM model_versions`)
    return Number(made["n"]) < models.length
      ? { total: 0, passed: 0, failures: [] }
      : yield* Effect.zipRight(hurry(session), auditAll(session))
  })
)

/** What the next pass would do. */
export interface PassPlan {
  readonly dirty: ReadonlyArray<DirtyHour>
  /** Closed plans of the lake that the ledger has not taken in. */
  readonly newPlans: number
  /** Models that say something else than their tables were made for, or read another catalog: where it began. */
  readonly changedModels: ReadonlyArray<string>
  /** Most bytes that building the dirty hours at once may be billed for; undefined where queries are not billed. */
  readonly bytes: number | undefined
}

/** The dirty hours and why, without building them: what `batch plan` shows. */
export const planPass = (
  catalogVersion: string | undefined
): Effect.Effect<PassPlan, BuildError, Warehouse | ObjectStore> =>
  Effect.scoped(
    Effect.gen(function* () {
      const warehouse = yield* Warehouse
      const session = yield* warehouse.open
      yield* prepareLedger(session, warehouse.place)
      const versions = modelVersions(session.dialect, catalogVersion)
      const read = yield* readPositions(session)
      const plans = yield* readPlans(read)
      const stale = yield* staleModels(session, versions)
      const dirty = new Map((yield* readDirtyHours(session, versions)).map((one) => [one.hour, one]))
      const positions = new Map(read.map(({ maxTs, partition, topic }) => [`${topic}/${partition}`, maxTs]))
      const built = new Set(
        (yield* session.query("plan", `SELECT hour FROM ledger_hours WHERE built_at IS NOT NULL`)).map(
          (row) => Number(row["hour"])
        )
      )
      for (const { files, maxTs, partition, topic } of plans) {
        const chain = `${topic}/${partition}`
        const before = positions.get(chain) ?? null
        for (const { hour, rows } of files) {
          const known = dirty.get(hour)
          const isLate = built.has(hour) && before !== null && before >= hourStart(hour + 1)
          dirty.set(hour, {
            hour,
            hash: "",
            late: isLate || known?.late === true,
            rows: (known?.rows ?? 0) + rows,
            builtBefore: built.has(hour),
            models: builtModels.map(({ name }) => name),
            changed: known?.changed ?? [],
            failed: known?.failed ?? null
          })
        }
        if (maxTs !== null) positions.set(chain, Math.max(before ?? -Infinity, maxTs))
      }
      const sorted = [...dirty.values()].sort((a, b) => a.hour - b.hour)
      const bytes =
        session.cost === undefined || sorted.length === 0
          ? undefined
          : yield* session.cost(
              buildTransaction(session.dialect, sorted, {}, versions, 0),
              sorted[0].hour,
              sorted[sorted.length - 1].hour
            )
      return {
        dirty: sorted,
        newPlans: plans.length,
        changedModels: built.size === 0 ? [] : firstOf(stale),
        bytes
      }
    })
  )

/** Why models of an hour are to be built, for people. */
export const reasonsOf = (hour: DirtyHour, changedModels: ReadonlyArray<string>): ReadonlyArray<string> => {
  const { builtBefore, changed, failed, late, models: names } = hour
  const reasons: Array<string> = []
  if (failed !== null) reasons.push(`audit failed: ${failed}`)
  if (!builtBefore) reasons.push("new")
  else if (changed.length < names.length) reasons.push(late ? "late files" : "new files")
  if (builtBefore && changed.length > 0) {
    const first = firstOf(new Set(changed)).join(", ")
    reasons.push(changedModels.length > 0 ? `changed model: ${first}` : `to be built again: ${first}`)
  }
  return reasons
}
