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
  /** Rows of a table of events, which has `hour_key` and `ts`; the prefix ends with a dot. */
  readonly hours: (prefix?: string) => string
  /** The same of a table that has only the hour. */
  readonly hourKeys: (column: string) => string
  /** The same of a TIMESTAMP that is an hour's start. */
  readonly hourTimes: (column: string) => string
  readonly users: (column: string) => string
  /** A TIMESTAMP from the first on that may have changed for these users. */
  readonly since: (ts: string) => string
  /** The table to ask instead of dim_users: all versions of the users that the build has to do with, or dim_users. */
  readonly dimUsers: string
  /** Of a session_id, with a time of the session's rows to cut the scan by. */
  readonly sessions: (column: string, ts?: string) => string
  /** Rows of a table of events of the sessions that the build touches, but for those that `keptSessions` has counted. */
  readonly sessionFacts: string
  /** Rows of fact_sessions as they were before the build, to which it has only added. */
  readonly keptSessions: string
  /** Rows of a table of events in the hours whose marts are others now. */
  readonly changedHours: (prefix?: string) => string
  /** The same of a TIMESTAMP that is an hour's start. */
  readonly changedHourTimes: (column: string) => string
  /** A TIMESTAMP in the days of these hours. */
  readonly dayTimes: (column: string) => string
  /** A DATE from the first to the last of these days. */
  readonly dates: (column: string) => string
  /** Whether `stage_rows` says how many events of the build's hours were read. */
  readonly isStaged: boolean
}

/** A query that returns the rows that must not be there. */
export interface Audit {
  readonly name: string
  readonly badRows: (sql: Dialect, scope: AuditScope) => string
  /** Needs the staged rows of the build, so it runs after a build only. */
  readonly needsStage?: boolean
  /** Reads all of its table, whatever a build has changed, so it runs with the audit of everything only. */
  readonly isWhole?: boolean
}

/** What is stored of a table, or its query. */
export interface Table {
  readonly name: string
  readonly description: string
  readonly columns: ReadonlyArray<ModelColumn>
  /** Columns that are unique together. */
  readonly key?: ReadonlyArray<string>
  /** TIMESTAMP column by whose UTC day an engine that can cuts the table. */
  readonly partition?: string
  /** Whether statements that do not bound that column are to be refused. */
  readonly boundRequired?: boolean
  /** Columns by which an engine that can keeps rows together. */
  readonly cluster?: ReadonlyArray<string>
  /** Column → dimension whose key is the column of the same name. */
  readonly references?: Readonly<Record<string, string>>
  /** The same of dimensions that are views: no engine can be told of their keys. */
  readonly joins?: Readonly<Record<string, string>>
  /** A view's query. */
  readonly select?: (sql: Dialect) => string
}

/** What is known of a build before it begins. */
export interface BuildKind {
  /** A table that is made from another may have been emptied, so what has not changed is told to it, too. */
  readonly isAnew: boolean
  /** None of the hours was built before: no table has rows of theirs. */
  readonly isNew: boolean
}

/** Of hours that were built before, in the same version. */
export const rebuilt: BuildKind = { isAnew: false, isNew: false }
export const newHours: BuildKind = { isAnew: false, isNew: true }

/**
 * Published as one file, and another of the rows that may have changed since. `touched`: TIMESTAMP column that in every
 * row which a build writes is not before the first of the build's hours. Rows never go.
 */
export interface ByChanges {
  readonly touched: string
}

/**
 * One table, said once. Kinds: `stage` what hours say in a form that folds can read (replaced by hour); `fact` one row
 * per event (replaced by hour); `dimension`, `scd2`, `fold` state per key, over all hours; `mart` what readers get;
 * `view` nothing stored.
 */
export interface Model extends Table {
  readonly kind: "stage" | "fact" | "dimension" | "scd2" | "fold" | "mart" | "view"
  readonly grain: string
  /** An audit follows from it. */
  readonly key: ReadonlyArray<string>
  /** What its rows are made of: models before it, `stage_<topic>`, the catalog's tables. */
  readonly dependsOn: ReadonlyArray<string>
  /** A table that reads this one and that this one's `steps` read, too: neither is made anew without the other. */
  readonly foldedWith?: string
  /** Rows that are there before any hour is built (unknown members, the catalog), put in when the table is made. */
  readonly seed?: (sql: Dialect) => ReadonlyArray<string>
  /** Statements that bring the table from the state before to the state after the hours in `build_hours`. */
  readonly steps: (sql: Dialect, kind: BuildKind) => ReadonlyArray<string>
  /**
   * The temporary tables and variables that `steps` leave to the models after it, when the table itself stays as it
   * is: as if the build's hours had been new. Without staged rows only what can be said without them.
   */
  readonly leaves?: (sql: Dialect, isStaged: boolean) => ReadonlyArray<string>
  readonly audits: ReadonlyArray<Audit>
  /** Where the audit of its key looks, if its columns do not tell. */
  readonly keyRows?: (scope: AuditScope) => { readonly table: string; readonly where: string }
  /**
   * A query that finds a row whenever an audit of the model does, that of its key included, and costs less than they do.
   * It may find some when they do not: then they are asked one by one. Models may have the same.
   */
  readonly suspects?: ((sql: Dialect, scope: AuditScope) => string) | undefined
  /** Published for readers: as one file, in files by UTC day of the column `hour`, or as one file and what has changed since. */
  readonly publish?: "whole" | "day" | ByChanges
}

const make =
  (nullable: boolean) =>
  (name: string, type: SqlType, description: string): ModelColumn => ({ name, type, nullable, description })

/** A column that is never NULL, and one that may be. */
export const column = make(false)
export const optional = make(true)

/** Column names as a list for SELECT and INSERT. */
export const columnList = (sql: Dialect, model: Pick<Model, "columns">, prefix = ""): string =>
  model.columns.map(({ name }) => `${prefix}${sql.id(name)}`).join(", ")
