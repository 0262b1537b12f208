import { hourMs, hourText } from "@musify/domain/Hour.ts"
import { Effect } from "effect"
import type { Dialect } from "./Dialect.ts"
import { noHour } from "./Dialect.ts"
import type { Audit, AuditScope, Model } from "./Model.ts"
import { ofTouched } from "./models/factSessions.ts"
import { models } from "./models/models.ts"
import { stagedRowsDiffer } from "./staging.ts"
import type { Check, WarehouseReader } from "./Warehouse.ts"
import type { AuditFailure, WarehouseError } from "./WarehouseError.ts"

/** What audits have found. */
export interface AuditResult {
  readonly total: number
  readonly passed: number
  readonly failures: ReadonlyArray<AuditFailure>
}

const anything = () => "TRUE"

/** Everything that is in the warehouse. */
const everything = (sql: Dialect): AuditScope => ({
  hours: (prefix) => sql.sinceHour("0", prefix),
  hourKeys: anything,
  hourTimes: anything,
  users: anything,
  since: (ts) => `${ts} >= ${sql.timestamp(0)}`,
  dimUsers: "dim_users",
  sessions: (_column, ts) => (ts === undefined ? "TRUE" : `${ts} >= ${sql.timestamp(0)}`),
  sessionFacts: sql.sinceHour("0"),
  keptSessions: "(SELECT * FROM fact_sessions WHERE false)",
  changedHours: (prefix) => sql.sinceHour("0", prefix),
  changedHourTimes: anything,
  dayTimes: anything,
  dates: anything,
  isStaged: false
})

/**
 * What the build of this transaction has touched. While tables are made anew, hours elsewhere that were re-keyed are left
 * to the audit of everything: their dimensions may not be there yet.
 */
const ofBuild = (sql: Dialect, isStaged: boolean, isAnew: boolean): AuditScope => {
  const { dateOfDay, dayOfHour, hourOf, hourStart, variable } = sql
  const touchedHours = isAnew
    ? `(SELECT hour FROM build_hours)`
    : `(SELECT hour FROM build_hours UNION DISTINCT SELECT hour_key AS hour FROM rekeyed_hours)`
  return {
    hours: (prefix = "") =>
      `${sql.sinceHour(variable("first_hour"), prefix)} AND ${prefix}hour_key IN ${touchedHours}`,
    hourKeys: (column) => `${column} >= ${variable("first_hour")} AND ${column} IN ${touchedHours}`,
    hourTimes: (column) =>
      `${column} >= ${hourStart(variable("first_hour"))} AND ${hourOf(column)} IN ${touchedHours}`,
    dimUsers: "build_users",
    since: (ts) => `${ts} >= ${hourStart(variable("steps_from"))}`,
    users: (column) => `${column} IN (SELECT user_id FROM changed_users)`,
    sessions: (column, ts) =>
      `${column} IN (SELECT session_id FROM touched_sessions)${ts === undefined ? "" : ` AND ${ts} >= ${variable("sessions_from")}`}`,
    sessionFacts: ofTouched(sql),
    keptSessions: "kept_sessions",
    // The ranges let scans skip what lies outside; hours between may be untouched.
    changedHours: (prefix = "") =>
      `${sql.inHours(variable("hours_from"), variable("hours_to"), prefix)} AND ${prefix}hour_key IN (SELECT hour FROM changed_hours)`,
    changedHourTimes: (column) =>
      `${column} >= ${hourStart(variable("hours_from"))} AND ${column} < ${hourStart(`${variable("hours_to")} + 1`)}
  AND ${hourOf(column)} IN (SELECT hour FROM changed_hours)`,
    dayTimes: (column) =>
      `${column} >= ${hourStart(variable("days_from"))} AND ${column} < ${hourStart(`${variable("days_to")} + 1`)}
  AND ${dayOfHour(hourOf(column))} IN (SELECT day FROM changed_days)`,
    dates: (column) =>
      `${column} BETWEEN ${dateOfDay(dayOfHour(variable("days_from")))} AND ${dateOfDay(dayOfHour(variable("days_to")))}`,
    isStaged
  }
}

/** The audit that follows from a model's key: no two rows have the same. */
const uniqueKey = (model: Model): Audit => ({
  name: `(${model.key.join(", ")}) is unique`,
  isWhole: model.select !== undefined && model.keyRows === undefined,
  badRows: (_sql, scope) => {
    const key = model.key.join(", ")
    const copies = (table: string, where: string) =>
      `SELECT ${key}, count(*) AS copies FROM ${table} WHERE ${where} GROUP BY ${key} HAVING count(*) > 1`
    if (model.keyRows !== undefined) {
      const { table, where } = model.keyRows(scope)
      return copies(table, where)
    }
    const names = new Set(model.columns.map(({ name }) => name))
    const where = names.has("hour_key")
      ? names.has("ts")
        ? scope.hours()
        : scope.hourKeys("hour_key")
      : names.has("session_id")
        ? scope.sessions("session_id", model.partition)
        : names.has("hour")
          ? scope.hourTimes("hour")
          : names.has("user_id")
            ? [
                scope.users("user_id"),
                ...(names.has("date") ? [scope.dates("date")] : []),
                ...(model.partition === undefined ? [] : [scope.since(model.partition)])
              ].join(" AND ")
            : "TRUE"
    return copies(model.name, where)
  }
})

/** The audits of a model: its own and the one of its key. */
export const auditsOf = (model: Model): ReadonlyArray<Audit> =>
  model.key.length > 0 && model.name !== "dim_datetime" ? [uniqueKey(model), ...model.audits] : model.audits

const lakeRows: Audit = {
  name: "the files hold the rows that their plans say",
  needsStage: true,
  badRows: stagedRowsDiffer
}

/** Most rows that an audit shows. */
export const maxBadRows = 20

const hourNames = new Set(["hour", "hour_key"])

/** A row that an audit has found, in one line; hours are named. */
export const rowText = (row: Readonly<Record<string, unknown>>): string =>
  Object.entries(row)
    .map(([name, value]) => {
      if (value === null) return `${name}=NULL`
      // Marts' hours are times, epoch ms.
      const hour = hourNames.has(name)
        ? Number(value) > noHour
          ? Number(value) / hourMs
          : Number(value)
        : NaN
      return `${name}=${Number.isInteger(hour) ? hourText(hour) : String(value)}`
    })
    .join(" ")

const all = models.flatMap((model) => auditsOf(model).map((audit) => [model.name, audit] as const))

/** Audits of what a build of some models has touched, to end its transaction with: they need its temporary tables. */
export const buildChecks = (
  sql: Dialect,
  built: ReadonlySet<string>,
  isStaged: boolean,
  isAnew: boolean
): ReadonlyArray<Check> => {
  const views = models.filter(
    ({ dependsOn, select }) => select !== undefined && dependsOn.some((one) => built.has(one))
  )
  const audited = new Set(["lake", ...built, ...views.map(({ name }) => name)])
  const scope = ofBuild(sql, isStaged, isAnew)
  const suspects = new Map(models.map((model) => [model.name, model.suspects?.(sql, scope)]))
  const checks: ReadonlyArray<Check> = [["lake", lakeRows] as const, ...all]
    .filter(
      ([model, { isWhole, needsStage }]) =>
        audited.has(model) && isWhole !== true && (isStaged || needsStage !== true)
    )
    .map(([model, { badRows, name }]) => ({
      model,
      audit: name,
      badRows: badRows(sql, scope),
      suspects: suspects.get(model)
    }))
  // Small ones cost less in one statement. Folds' audits are not small, and each would hold its memory to the end.
  const folds = new Set(models.filter(({ kind }) => kind === "fold").map(({ name }) => name))
  const isSmall = (check: Check) => check.suspects === undefined && !folds.has(check.model)
  const small = checks
    .filter(isSmall)
    .map(({ badRows }) => `SELECT 1 AS found FROM (${badRows})`)
    .join("\nUNION ALL ")
  return checks.map((check) => (isSmall(check) ? { ...check, suspects: small } : check))
}

/** Audits of the whole warehouse. */
export const allChecks = (sql: Dialect): ReadonlyArray<Check> =>
  all
    .filter(([, { needsStage }]) => needsStage !== true)
    .map(([model, { badRows, name }]) => ({ model, audit: name, badRows: badRows(sql, everything(sql)) }))

/** Audits the whole warehouse. */
export const auditAll = (session: WarehouseReader): Effect.Effect<AuditResult, WarehouseError> =>
  Effect.gen(function* () {
    const failures: Array<AuditFailure> = []
    const checks = allChecks(session.dialect)
    for (const { audit, badRows, model } of checks) {
      const rows = yield* session.query(
        `audit of ${model}: ${audit}`,
        `SELECT * FROM (${badRows}) LIMIT ${maxBadRows}`
      )
      if (rows.length > 0) failures.push({ model, audit, rows: rows.map(rowText), query: badRows })
    }
    return { total: checks.length, passed: checks.length - failures.length, failures }
  })
