import type { Table } from "./Model.ts"

/** Column types of models; "date" is a UTC day. */
export type SqlType = "timestamp" | "date" | "int64" | "int32" | "float64" | "string" | "boolean"

/** Digits of a moment as `notedMoments` says it. */
export const momentLength = 13

/** Hour (whole hours since the epoch) after all others, in the year 9955: a bound that nothing reaches. */
export const noHour = 70_000_000

/** The same of dates, as SQL. */
export const noDate = "DATE '9900-01-01'"

/**
 * Scalars that steps of a build leave for the steps after them, so that scans can be cut by a value that is known
 * before they begin. Hours are whole hours since the epoch; `noHour` where there is none.
 */
export const buildVariables = {
  first_hour: "int64",
  last_hour: "int64",
  /** Events of a topic that were staged more than once: without any, their files are not read again. */
  copies: "int64",
  /** The same by topic, for stages that are views. */
  copied_listen_events: "int64",
  copied_page_view_events: "int64",
  copied_auth_events: "int64",
  copied_status_change_events: "int64",
  /** First hour in which what a user's events say has changed. */
  changed_from: "int64",
  /** First hour whose changes of level are worked out again. */
  steps_from: "int64",
  /** First hour whose facts may need another user_key. */
  rekey_from: "int64",
  /** First moment of the sessions that are touched. */
  sessions_from: "timestamp",
  /** First hour whose facts of these sessions are counted again, and the first whose plays are looked at again. */
  counted_from: "int64",
  plays_from: "int64",
  /** Plays of the build whose song is not found by its duration: songs as they are played differ in it. */
  other_songs: "int64",
  /** First hour to look for plays of songs that may have vanished. */
  songs_from: "int64",
  /** The hours whose marts are worked out again, and the first and last hour of their days. */
  hours_from: "int64",
  hours_to: "int64",
  days_from: "int64",
  days_to: "int64",
  /** Of these hours those outside of the build that are worked out again. */
  others_from: "int64",
  others_to: "int64",
  /** Hours after its own in which a play can still be cut short. */
  reach: "int64",
  first_date: "date",
  months_from: "timestamp",
  weeks_from: "date",
  /** Week in which only who came is to be counted. */
  week_now: "date",
  /** First day on which users listened for the first time. */
  added_from: "date",
  /** First of these days behind which the same user was known to have listened. */
  late_from: "date",
  /** Moments at which the models of a build were done. */
  model_times: "string"
} as const satisfies Readonly<Record<string, SqlType>>

export type BuildVariable = keyof typeof buildVariables

/**
 * The functions in which engines differ. Models are written in the SQL that DuckDB and GoogleSQL share (QUALIFY with
 * WHERE, IS DISTINCT FROM, EXCEPT DISTINCT, window functions; no ANTI JOIN, USING in DELETE or FILTER, and no name that
 * either reserves) and call these for the rest; each takes and gives SQL expressions.
 */
export interface Dialect {
  readonly name: "duckdb" | "googlesql"
  readonly type: (type: SqlType) => string
  /** A column's name, quoted. */
  readonly id: (name: string) => string
  readonly text: (value: string) => string
  /** Full name of a stored table, as a view must say it; elsewhere the plain name does. */
  readonly table: (name: string) => string
  readonly timestamp: (epochMs: number) => string
  /** A TIMESTAMP after all others. Open ends are written with it: an OR in a join condition makes engines loop. */
  readonly endOfTime: string
  /** Statement that notes the moment at which it runs, behind those noted before or as the first. */
  readonly noteMoment: (first?: "first") => string
  /** The noted moments, one after the other: epoch ms, each of `momentLength` digits. */
  readonly notedMoments: string
  readonly cast: (value: string, type: SqlType) => string
  /** Surrogate key: see libs/domain surrogateKey.ts. */
  readonly key: (kind: string, ...parts: ReadonlyArray<string>) => string
  /** A number that is the same for the same values (NULLs too), and hardly ever for others. */
  readonly fingerprint: (...of: ReadonlyArray<string>) => string
  /** MD5 of a string's UTF-8, in hex. */
  readonly md5: (text: string) => string
  /** Aggregate: strings joined by commas, in an order. */
  readonly joined: (text: string, order: ReadonlyArray<string>) => string
  /** Quotient of non-negative integers, rounded down. */
  readonly quotient: (dividend: string, divisor: string) => string
  readonly epochMicros: (ts: string) => string
  /** Whole hours since the epoch. */
  readonly hourOf: (ts: string) => string
  /** TIMESTAMP of an hour's start. */
  readonly hourStart: (hour: string) => string
  /** Whole days since the epoch, of an hour. */
  readonly dayOfHour: (hour: string) => string
  /** DATE of whole days since the epoch. */
  readonly dateOfDay: (day: string) => string
  readonly dateOf: (ts: string) => string
  /** TIMESTAMP (UTC) of a time as lake files hold it. */
  readonly lakeTime: (ts: string) => string
  /** How second copies of events leave a stage. */
  readonly copies: "dropped at once" | "looked for first"
  /** DATE of the Monday of a DATE's ISO week, of the first of its month. */
  readonly weekStart: (date: string) => string
  readonly monthStart: (date: string) => string
  readonly nextMonth: (month: string) => string
  /** TIMESTAMP of a DATE's midnight. */
  readonly startOfDate: (date: string) => string
  readonly part: (
    part: "year" | "quarter" | "month" | "day" | "hour" | "iso_weekday" | "iso_week",
    of: string
  ) => string
  readonly addDays: (date: string, days: string) => string
  readonly dayCount: (from: string, to: string) => string
  /** Whole seconds from one time to a later one. */
  readonly secondsBetween: (from: string, to: string) => string
  /** floor of a non-negative DOUBLE as an integer of at most 2147483647. */
  readonly wholeSeconds: (duration: string) => string
  /** A value rounded to a 32-bit float. */
  readonly float32: (value: string) => string
  /**
   * Condition on rows of a table of events: their hour, in `hour_key` and `ts`, lies from one hour to another, both
   * included. Both are constants or variables, so that the scan is cut by it.
   */
  readonly inHours: (from: string, to: string, prefix?: string) => string
  /** The same without an end. */
  readonly sinceHour: (from: string, prefix?: string) => string
  /** Condition on rows: the row before (after) it in the window differs in one of the columns, or there is none. */
  readonly differsFrom: (neighbour: "lag" | "lead", columns: ReadonlyArray<string>, window: string) => string
  /** Aggregate: the not null value of the row that comes first (last) in an order of columns that are not NULL. */
  readonly firstValue: (value: string, order: ReadonlyArray<string>) => string
  readonly lastValue: (value: string, order: ReadonlyArray<string>) => string
  /** Aggregate: smallest (lat, lon) of the pairs that have both, and its parts. */
  readonly minPair: (lat: string, lon: string) => string
  readonly pairLat: (pair: string) => string
  readonly pairLon: (pair: string) => string
  /** Table function: the integers from a to b, b included, as column n. */
  readonly integers: (from: string, to: string) => string
  /** A query whose rows are given as values, column by column in the order of `types`. */
  readonly rowsOf: (
    types: Readonly<Record<string, SqlType>>,
    rows: ReadonlyArray<ReadonlyArray<string | number | boolean | null>>
  ) => string
  /** ORDER BY of rows that are inserted, where the order in which a table holds them matters. */
  readonly insertOrder: (...columns: ReadonlyArray<string>) => string
  /** `CREATE TABLE IF NOT EXISTS`, or `CREATE OR REPLACE VIEW`. */
  readonly create: (table: Table) => string
  /** Statements that say the keys of tables which are all there; engines that check them are not told. */
  readonly keys: (tables: ReadonlyArray<Table>) => ReadonlyArray<string>
  /** Makes a table anew under another name, with the rows that the table of its own name holds. */
  readonly createFrom: (name: string, table: Table) => string
  readonly replaceTable: (name: string, description: string, select: string) => string
  readonly tempTable: (name: string, select: string) => string
  /** A query whose rows come in small pieces, as those of small files do: they are put together before they are stored. */
  readonly collected: (select: string) => string
  /** A view for the rest of the transaction; it sees variables as they are when it is read. */
  readonly tempView: (name: string, select: string) => string
  readonly setVariable: (name: BuildVariable, select: string) => string
  /** Statements that run only when a condition on variables holds: what has nothing to do costs a plan each. */
  readonly when: (condition: string, statements: ReadonlyArray<string>) => ReadonlyArray<string>
  readonly variable: (name: BuildVariable) => string
}
