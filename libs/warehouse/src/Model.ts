import type { Dialect, SqlType } from "./Dialect.ts"

/** A column of a model. */
export interface ModelColumn {
  readonly name: string
  readonly type: SqlType
  readonly nullable: boolean
  readonly description: string
}

/** What an audit looks at: what a build has changed, or everything. Each gives a condition on the named column. */
export interface AuditScope {
  readonly hours: (column: string) => string
  readonly users: (column: string) => string
  /** Of a session_id, with a time of the session's rows to cut the scan by. */
  readonly sessions: (column: string, ts?: string) => string
  /** Of a column of whole hours since the epoch: hours of the days touched. */
  readonly dayHours: (column: string) => string
  /** The same of a TIMESTAMP. */
  readonly dayTimes: (column: string) => string
}

/** A query that returns the rows that must not be there. */
export interface Audit {
  readonly name: string
  readonly badRows: (sql: Dialect, scope: AuditScope) => string
  /** Needs the staged rows of the build, so it runs after a build only. */
  readonly needsStage?: boolean
}

/**
 * One table, said once. Kinds: `stage` what hours say in a form that folds can read (replaced by hour); `fact` one row
 * per event (replaced by hour); `dimension`, `scd2`, `fold` state per key, over all hours; `mart` what readers get;
 * `view` nothing stored.
 */
export interface Model {
  readonly name: string
  readonly kind: "stage" | "fact" | "dimension" | "scd2" | "fold" | "mart" | "view"
  readonly grain: string
  readonly description: string
  /** Columns that are unique together; an audit follows from it. */
  readonly key: ReadonlyArray<string>
  readonly columns: ReadonlyArray<ModelColumn>
  readonly dependsOn: ReadonlyArray<string>
  /** Rows that are always there (unknown members), put in when the table is made. */
  readonly seed?: (sql: Dialect) => ReadonlyArray<string>
  /** Statements that bring the table from the state before to the state after the hours in `build_hours`. */
  readonly steps: (sql: Dialect) => ReadonlyArray<string>
  /** A view's query. */
  readonly select?: (sql: Dialect) => string
  readonly audits: ReadonlyArray<Audit>
  /** Published for readers: as one file, or one file per UTC day of the column `hour`. */
  readonly publish?: { readonly by: "whole" | "day"; readonly orderBy: string }
}

const make =
  (nullable: boolean) =>
  (name: string, type: SqlType, description: string): ModelColumn => ({ name, type, nullable, description })

/** A column that is never NULL, and one that may be. */
export const column = make(false)
export const optional = make(true)

/** `CREATE TABLE IF NOT EXISTS` or `CREATE OR REPLACE VIEW` of a model. */
export const createStatement = (sql: Dialect, model: Model): string => {
  if (model.select !== undefined) return `CREATE OR REPLACE VIEW ${model.name} AS ${model.select(sql)}`
  const columns = model.columns.map(
    ({ name, nullable, type }) => `"${name}" ${sql.type(type)}${nullable ? "" : " NOT NULL"}`
  )
  return `CREATE TABLE IF NOT EXISTS ${model.name} (${columns.join(", ")})`
}

/** Column names as a list for SELECT and INSERT. */
export const columnList = (model: Pick<Model, "columns">, prefix = ""): string =>
  model.columns.map(({ name }) => `${prefix}"${name}"`).join(", ")
