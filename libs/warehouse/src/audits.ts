import { Effect } from "effect"
import type { Audit, AuditScope, Model } from "./Model.ts"
import { models } from "./models/models.ts"
import { stagedRowsDiffer } from "./staging.ts"
import type { WarehouseSession } from "./Warehouse.ts"
import type { AuditFailure, WarehouseError } from "./WarehouseError.ts"

/** What audits have found. */
export interface AuditResult {
  readonly total: number
  readonly passed: number
  readonly failures: ReadonlyArray<AuditFailure>
}

const anything = () => "TRUE"

/** Everything that is in the warehouse. */
const everything: AuditScope = {
  hours: anything,
  users: anything,
  sessions: anything,
  dayHours: anything,
  dayTimes: anything
}

/** What the build of this transaction has touched. */
const ofBuild = (session: WarehouseSession): AuditScope => {
  const { dayOfHour, hourOf, hourStart, variable } = session.dialect
  return {
    hours: (column) =>
      `${column} >= ${variable("first_hour")} AND ${column} IN (SELECT hour FROM build_hours UNION SELECT hour_key FROM rekeyed_hours)`,
    users: (column) => `(${column} IS NULL OR ${column} IN (SELECT user_id FROM changed_users))`,
    sessions: (column, ts) =>
      `${column} IN (SELECT session_id FROM touched_sessions)${ts === undefined ? "" : ` AND ${ts} >= ${variable("sessions_from")}`}`,
    // The ranges let scans skip what lies outside; days between may be untouched.
    dayHours: (column) =>
      `${column} BETWEEN ${variable("days_from")} AND ${variable("days_to")} AND ${dayOfHour(column)} IN (SELECT day FROM changed_days)`,
    dayTimes: (column) =>
      `${column} >= ${hourStart(variable("days_from"))} AND ${column} < ${hourStart(`${variable("days_to")} + 1`)}
  AND ${dayOfHour(hourOf(column))} IN (SELECT day FROM changed_days)`
  }
}

/** The audit that follows from a model's key: no two rows have the same. */
const uniqueKey = (model: Model): Audit => ({
  name: `(${model.key.join(", ")}) is unique`,
  badRows: (_sql, scope) => {
    const names = new Set(model.columns.map(({ name }) => name))
    const where = names.has("hour_key")
      ? scope.hours("hour_key")
      : names.has("session_id")
        ? scope.sessions("session_id")
        : names.has("hour")
          ? scope.dayTimes("hour")
          : "TRUE"
    const key = model.key.join(", ")
    return `SELECT ${key}, count(*) AS copies FROM ${model.name} WHERE ${where} GROUP BY ${key} HAVING count(*) > 1`
  }
})

/** The audits of a model: its own and the one of its key. */
export const auditsOf = (model: Model): ReadonlyArray<Audit> =>
  model.key.length > 0 && model.name !== "dim_datetime" ? [uniqueKey(model), ...model.audits] : model.audits

const lakeRows: Audit = {
  name: "the files hold the rows that their plans say",
  needsStage: true,
  badRows: () => stagedRowsDiffer
}

const maxBadRows = 20

const rowText = (row: Readonly<Record<string, unknown>>): string =>
  Object.entries(row)
    .map(([name, value]) => `${name}=${value === null ? "NULL" : String(value)}`)
    .join(" ")

const run = (
  session: WarehouseSession,
  scope: AuditScope,
  chosen: ReadonlyArray<readonly [model: string, audit: Audit]>
): Effect.Effect<AuditResult, WarehouseError> =>
  Effect.gen(function* () {
    const failures: Array<AuditFailure> = []
    for (const [model, audit] of chosen) {
      const rows = yield* session.query(
        `audit of ${model}: ${audit.name}`,
        `SELECT * FROM (${audit.badRows(session.dialect, scope)}) LIMIT ${maxBadRows}`
      )
      if (rows.length > 0) failures.push({ model, audit: audit.name, rows: rows.map(rowText) })
    }
    return { total: chosen.length, passed: chosen.length - failures.length, failures }
  })

const all = models.flatMap((model) => auditsOf(model).map((audit) => [model.name, audit] as const))

/** Audits what a build has touched, inside its transaction: it needs the build's temporary tables. */
export const auditBuild = (session: WarehouseSession): Effect.Effect<AuditResult, WarehouseError> =>
  run(session, ofBuild(session), [["lake", lakeRows], ...all])

/** Audits the whole warehouse. */
export const auditAll = (session: WarehouseSession): Effect.Effect<AuditResult, WarehouseError> =>
  run(
    session,
    everything,
    all.filter(([, audit]) => audit.needsStage !== true)
  )
