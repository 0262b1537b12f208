import { Clock, Effect } from "effect"
import { buildChecks } from "./audits.ts"
import type { Dialect } from "./Dialect.ts"
import type { DirtyHour } from "./ledger.ts"
import { builtModels, inserts, recordBuilt } from "./ledger.ts"
import type { Model } from "./Model.ts"
import { models } from "./models/models.ts"
import { stageSteps } from "./staging.ts"
import type { StagedFiles, Transaction } from "./Warehouse.ts"

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

/** Changes exactly when the set of songs seen only in events may have changed. */
const songCounts = `SELECT count(*) AS songs, bit_xor(song_key) AS songs_hash FROM dim_songs WHERE NOT in_catalog`

/** Tables published by day of which a build changes other hours than its own, too. */
const changedBeyondBuild = new Set(["mart_listening"])

/** What a build leaves to be published. */
const pending = (sql: Dialect, built: ReadonlyArray<Model>): ReadonlyArray<string> => {
  const none = sql.cast("NULL", "int64")
  const parts = built.flatMap(({ name, publish }) => {
    if (publish === undefined) return []
    const table = sql.text(name)
    if (publish === "day")
      return [
        `SELECT ${table}, ${sql.dayOfHour("hour")}, hour FROM ${changedBeyondBuild.has(name) ? "changed_hours" : "build_hours"}`
      ]
    if (publish !== "whole") return [`SELECT ${table}, ${none}, ${sql.variable("first_hour")}`]
    return [
      `SELECT ${table}, ${none}, ${none}${
        dimensionsOfSongs.has(name) ? ` FROM (SELECT * FROM songs_before EXCEPT DISTINCT ${songCounts})` : ""
      }`
    ]
  })
  return parts.length === 0 ? [] : [`INSERT INTO pending_publish\n${parts.join("\nUNION ALL ")}`]
}

/** Whether models read the lake's rows. */
export const readsStage = (names: ReadonlyArray<string>): boolean =>
  models.some(
    ({ dependsOn, name }) => names.includes(name) && dependsOn.some((one) => one.startsWith("stage_"))
  )

/**
 * The transaction that replaces the given hours in the tables of some models, the same for all of these hours: stage,
 * models, ledger, what is to be published, and audits at the end. Everything is set-based over all hours at once, so
 * many hours cost little more than one.
 */
export const buildTransaction = (
  sql: Dialect,
  hours: ReadonlyArray<DirtyHour>,
  files: StagedFiles,
  versions: ReadonlyMap<string, string>,
  now: number,
  /** All hours that are dirty: while tables are made anew, what they say is not whole. */
  dirty: ReadonlyArray<DirtyHour> = hours
): Transaction => {
  const wanted = new Set(hours.flatMap((one) => one.models))
  const built = models.filter(({ name }) => wanted.has(name))
  const isStaged = readsStage([...wanted])
  const isAnew = dirty.some(({ changed }) => changed.length > 0)
  const kind = { isAnew, isNew: hours.every(({ builtBefore }) => !builtBefore) }
  const said = built.map(({ name }) => `${name} ${versions.get(name)}`)
  return {
    id: `build ${said.join(" ")} ${hours.map(({ hash, hour }) => `${hour} ${hash}`).join(" ")}`,
    steps: [
      {
        name: "hours",
        phase: "stage",
        statements: [
          sql.tempTable(
            "build_hours",
            `SELECT hour FROM (SELECT ${sql.cast("0", "int64")} AS hour) WHERE false`
          ),
          ...inserts(
            "build_hours",
            hours.map(({ hour }) => `(${hour})`)
          ),
          sql.setVariable("first_hour", "SELECT min(hour) FROM build_hours"),
          sql.setVariable("last_hour", "SELECT max(hour) FROM build_hours"),
          sql.tempTable(
            "rekeyed_hours",
            `SELECT hour_key FROM (SELECT ${sql.cast("0", "int64")} AS hour_key) WHERE false`
          ),
          sql.tempTable("songs_before", songCounts)
        ]
      },
      ...(isStaged ? stageSteps(sql, files) : []),
      { name: "clock", phase: "build", statements: [sql.noteMoment("first")] },
      ...builtModels
        .map((model) => ({
          name: model.name,
          phase: "build" as const,
          statements: wanted.has(model.name)
            ? [...model.steps(sql, kind), sql.noteMoment()]
            : (model.leaves?.(sql, isStaged) ?? [])
        }))
        .filter(({ statements }) => statements.length > 0),
      {
        name: "ledger",
        phase: "build",
        statements: [...recordBuilt(sql, built, versions, now), ...pending(sql, built)]
      }
    ],
    checks: buildChecks(sql, wanted, isStaged, isAnew)
  }
}
