import type { Hour } from "@musify/domain/Hour.ts"
import { hourText } from "@musify/domain/Hour.ts"
import type { ObjectStoreService } from "@musify/lake/ObjectStore.ts"
import type { ObjectStoreError } from "@musify/lake/ObjectStoreError.ts"
import { Clock, Effect } from "effect"
import type { AuditResult } from "./audits.ts"
import { auditBuild } from "./audits.ts"
import { inserts, recordBuilt } from "./ledger.ts"
import { models } from "./models/models.ts"
import { stageHours } from "./staging.ts"
import type { WarehouseSession } from "./Warehouse.ts"
import type { WarehouseError } from "./WarehouseError.ts"
import { AuditsFailed } from "./WarehouseError.ts"

/** Called between the steps of a run; what it does (progress, a fault in a test) happens there. */
export type OnStep<E> = (step: string) => Effect.Effect<void, E>

/** Wall seconds by step. */
export type StepSeconds = Record<"plan" | "stage" | "build" | "audit" | "publish", number>

/** Adds an effect's wall time to a step. */
export const timed = <A, E, R>(
  seconds: StepSeconds,
  step: keyof StepSeconds,
  effect: Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> =>
  Effect.gen(function* () {
    const start = yield* Clock.currentTimeMillis
    const result = yield* effect
    seconds[step] += ((yield* Clock.currentTimeMillis) - start) / 1000
    return result
  })

/** Tables published as one file that a build can change only through songs or artists seen for the first time. */
const dimensionsOfSongs = new Set(["dim_songs", "dim_artists"])

/**
 * Replaces the given hours in every table, in the caller's transaction: stage, models, audits, ledger, and what is to
 * be published. Everything is set-based over all hours at once, so many hours cost little more than one.
 */
export const buildHours = <E>(
  session: WarehouseSession,
  hours: ReadonlyArray<Hour>,
  store: ObjectStoreService,
  seconds: StepSeconds,
  onStep: OnStep<E>
): Effect.Effect<AuditResult, WarehouseError | AuditsFailed | ObjectStoreError | E> =>
  Effect.gen(function* () {
    const sql = session.dialect
    yield* session.run("build", [
      sql.tempTable("build_hours", `SELECT CAST(0 AS BIGINT) AS hour WHERE false`),
      ...inserts(
        "build_hours",
        hours.map((hour) => `(${hour})`)
      ),
      sql.setVariable("first_hour", "SELECT min(hour) FROM build_hours"),
      sql.setVariable("last_hour", "SELECT max(hour) FROM build_hours"),
      sql.tempTable("rekeyed_hours", `SELECT CAST(0 AS BIGINT) AS hour_key WHERE false`)
    ])
    yield* onStep("stage")
    yield* timed(seconds, "stage", stageHours(session, store))
    const before = yield* songCounts(session)
    yield* timed(
      seconds,
      "build",
      Effect.forEach(
        models,
        (model) => Effect.zipRight(onStep(model.name), session.run(model.name, model.steps(sql))),
        { discard: true }
      )
    )
    yield* onStep("audit")
    const audits = yield* timed(seconds, "audit", auditBuild(session))
    if (audits.failures.length > 0) {
      return yield* new AuditsFailed({
        hours: hours.length <= 2 ? hours.map(hourText) : [hours[0], hours[hours.length - 1]].map(hourText),
        failures: audits.failures
      })
    }
    const now = yield* Clock.currentTimeMillis
    const songsChanged = (yield* songCounts(session)) !== before
    yield* session.run("ledger", [
      recordBuilt(now),
      ...models.flatMap(({ name, publish }) =>
        publish === undefined || (dimensionsOfSongs.has(name) && !songsChanged)
          ? []
          : publish.by === "day"
            ? [`INSERT INTO pending_publish SELECT ${sql.text(name)}, day FROM changed_days`]
            : [`INSERT INTO pending_publish VALUES (${sql.text(name)}, NULL)`]
      )
    ])
    return audits
  })

/** Changes exactly when the set of songs seen only in events may have changed. */
const songCounts = (session: WarehouseSession): Effect.Effect<string, WarehouseError> =>
  Effect.map(
    session.query(
      "build",
      `SELECT count(*) AS n, CAST(bit_xor(song_key) AS VARCHAR) AS keys FROM dim_songs WHERE NOT in_catalog`
    ),
    ([row]) => `${String(row["n"])} ${String(row["keys"])}`
  )
