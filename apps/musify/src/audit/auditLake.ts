import type { ObjectStoreService } from "@musify/lake/ObjectStore.ts"
import type { ObjectStoreError } from "@musify/lake/ObjectStoreError.ts"
import type { EventLogService } from "@musify/stream/EventLog.ts"
import type { EventLogError } from "@musify/stream/EventLogError.ts"
import { UserError } from "@musify/runtime/UserError.ts"
import { Clock, Effect } from "effect"
import { remoteBucket } from "./AuditBucket.ts"
import type { AuditReport, Check } from "./AuditReport.ts"
import { makeCheck } from "./AuditReport.ts"
import { readChains } from "./chains.ts"
import { checkFiles, listFiles } from "./deepCheck.ts"
import { makeAuditDb } from "./DuckDbAudit.ts"
import { checkLog } from "./logCheck.ts"
import { checkPlans } from "./planCheck.ts"

export interface AuditLakeOptions {
  readonly store: ObjectStoreService
  /** The log that is ingested into the bucket; without it the lake is compared with its own plans alone. */
  readonly log: EventLogService | undefined
  /** Re-read every file. */
  readonly deep: boolean
  /** The pipeline stands still: what is on the log and not in the lake is a difference, not lag. */
  readonly drained: boolean
  readonly seed: number
  /** What DuckDB may hold in memory, MiB; it goes to disk beyond it. */
  readonly memoryMiB: number
}

/**
 * Recounts a lake in Cloud Storage from the outside: chains without gap or overlap, each offset once under a plain glob,
 * and with `deep` each file against its plan (and the log), and files that no plan names. Nothing is written or deleted.
 * The lake is read once, with a log and `deep` twice.
 */
export const auditLake = (
  options: AuditLakeOptions
): Effect.Effect<AuditReport, UserError | ObjectStoreError | EventLogError> =>
  Effect.scoped(
    Effect.gen(function* () {
      const { deep, drained, log, store } = options
      const clock = Clock.make()
      const began = clock.unsafeCurrentTimeMillis()
      const db = yield* makeAuditDb(options.memoryMiB)
      const bucket = yield* remoteBucket(store)
      const checks: Array<Check> = []
      const listed = deep ? yield* listFiles(bucket) : []
      const { chains, wrong } = yield* readChains(bucket)
      const plans = chains.reduce((sum, chain) => sum + chain.plans.length, 0)
      const notes = [
        "not checked: warehouse and dashboard, which are of a data folder",
        ...(log === undefined
          ? ["not checked: that the log's records are in the lake (--log names one)"]
          : []),
        ...(plans === 0 ? [`${bucket.locate("log/")} holds no plans`] : [])
      ]
      checks.push(makeCheck("chains without gap or overlap", plans, "plans", wrong, notes))
      if (log !== undefined) checks.push(yield* checkLog(db, bucket, chains, drained, log))
      // Files that are each as planned, and no others, hold each offset once: they need not be counted, too.
      else if (!deep) checks.push(yield* checkPlans(db, bucket, chains))
      if (deep) checks.push(yield* checkFiles(db, bucket, chains, listed, log))
      return {
        ok: checks.every(({ ok }) => ok),
        seed: options.seed,
        checks,
        seconds: Math.round((clock.unsafeCurrentTimeMillis() - began) / 10) / 100
      }
    })
  ).pipe(Effect.catchTag("ReadFailed", ({ message }) => Effect.fail(new UserError({ message, exitCode: 1 }))))
