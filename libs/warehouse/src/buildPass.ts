import { hourText } from "@musify/domain/Hour.ts"
import type { Hour } from "@musify/domain/Hour.ts"
import type { ChainHalted } from "@musify/lake/ChainError.ts"
import type { ObjectStore } from "@musify/lake/ObjectStore.ts"
import type { ObjectStoreError } from "@musify/lake/ObjectStoreError.ts"
import { Clock, Duration, Effect } from "effect"
import type { AuditResult } from "./audits.ts"
import type { OnStep, StepSeconds } from "./buildHours.ts"
import { buildTransaction, readsStage, timed } from "./buildHours.ts"
import type { CatalogSource } from "./catalogTables.ts"
import { catalogMark } from "./catalogTables.ts"
import { intake, readPlans } from "./intake.ts"
import type { DirtyHour } from "./ledger.ts"
import { forget, readDirtyHours, readLakeFiles, readPositions, recordFailed } from "./ledger.ts"
import type { Model } from "./Model.ts"
import { models } from "./models/models.ts"
import { modelVersions, withDependents } from "./modelVersions.ts"
import { plainTransaction } from "./plainTransaction.ts"
import { currentWatermark, publishPending } from "./publishPending.ts"
import { prepareLedger, readInfo, remake, staleModels } from "./schema.ts"
import { tableRows } from "./tableRows.ts"
import type { TransactionHooks } from "./Warehouse.ts"
import { Warehouse } from "./Warehouse.ts"
import type { WarehouseError } from "./WarehouseError.ts"
import { AuditsFailed, whileLocked } from "./WarehouseError.ts"

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

const isWithin = (range: HourRange | undefined, hour: Hour): boolean =>
  range === undefined || (hour >= range.from && hour <= range.to)

/** From so many lake rows on a build may take more memory. */
const manyRows = 500_000

/** While hours are still to be built, what is built is published no more often than this, ms: it is a look at whole tables. */
const publishEveryMs = 30_000

/** A model and its dependents; all models without a name. */
const namedModels = (name: string | undefined): ReadonlyArray<Model> =>
  name === undefined ? models : withDependents(new Set([name]))

/** The hours as an error names them: all, or the first and the last. */
const named = (hours: ReadonlyArray<DirtyHour>): ReadonlyArray<string> =>
  (hours.length <= 2 ? hours : [hours[0], hours[hours.length - 1]]).map(({ hour }) => hourText(hour))

/**
 * One pass: takes what the chains have closed into the ledger, builds the dirty hours, oldest first, as many to a
 * transaction as the settings allow, audits each, and publishes: at the end, and now and then while there is more to
 * build. Ends when nothing is dirty. Killed at any point, the next pass ends in the same state.
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
      const session = yield* Effect.retry(warehouse.open, whileLocked)
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
              known === catalogMark(session.dialect, catalog?.version)
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
      const hurry = yield* Effect.once(session.hurry ?? Effect.void)
      let maxHours = options.maxHours
      let publishedAt = Number.NEGATIVE_INFINITY
      const publish = Effect.suspend(() =>
        timed(seconds, "publish", publishPending(session, options, all, audits, counted))
      )
      let all = yield* timed(seconds, "plan", readDirtyHours(session, versions))
      for (;;) {
        const dirty = all.filter(({ hour }) => isWithin(options.range, hour))
        const batch = nextBatch(dirty, maxHours, options.maxRows)
        if (batch.length > 0) {
          if (batch.reduce((sum, { rows }) => sum + rows, 0) >= manyRows) yield* hurry
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
          ).pipe(Effect.tapErrorTag("LakeFileDamaged", () => (hours > 0 ? publish : Effect.void)))
          const now = yield* Clock.currentTimeMillis
          const transaction = buildTransaction(session.dialect, batch, files, versions, now, all)
          const failures = yield* session.transact(transaction, hooks)
          if (failures.length > 0) {
            // The hours before the one that is wrong are built, and that one is named.
            if (batch.length > 1) {
              maxHours = Math.ceil(batch.length / 2)
              continue
            }
            const note = recordFailed(session.dialect, batch, failures, versions, now)
            yield* plainTransaction(session, "failed", note, () => Effect.void)
            if (hours > 0) yield* publish
            return yield* new AuditsFailed({ hours: named(batch), failures })
          }
          yield* onStep("committed")
          yield* countAgain
          // What was dirty of them was built, and of others nothing became so.
          all = all.filter((one) => !batch.includes(one))
          const total = transaction.checks.length
          audits = { total, passed: total, failures }
          hours += batch.length
          for (const { hour, late, rows } of batch) {
            lakeRows += rows
            if (late) lateHours.push(hourText(hour))
          }
        }
        const now = yield* Clock.currentTimeMillis
        if (batch.length === dirty.length || now - publishedAt >= publishEveryMs) {
          yield* publish
          publishedAt = yield* Clock.currentTimeMillis
        }
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
