import type { Topic } from "@musify/domain/Topic.ts"

/** Column types of models; "date" is a UTC day. */
export type SqlType = "timestamp" | "date" | "int64" | "int32" | "float64" | "string" | "boolean"

/**
 * The functions in which engines differ. Models are written in the SQL that DuckDB and GoogleSQL share (QUALIFY,
 * IS DISTINCT FROM, EXCEPT, window functions) and call these for the rest; each takes and gives SQL expressions.
 */
export interface Dialect {
  readonly name: "duckdb"
  readonly type: (type: SqlType) => string
  readonly text: (value: string) => string
  readonly timestamp: (epochMs: number) => string
  /** A TIMESTAMP after all others. Open ends are written with it: an OR in a join condition makes engines loop. */
  readonly endOfTime: string
  /** Surrogate key: see libs/domain surrogateKey.ts. */
  readonly key: (kind: string, ...parts: ReadonlyArray<string>) => string
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
  /** One value of all the columns, for null-safe comparison of rows. */
  readonly row: (...columns: ReadonlyArray<string>) => string
  /** Smallest (lat, lon) of the pairs that have both, and its parts. */
  readonly minPair: (lat: string, lon: string) => string
  readonly pairLat: (pair: string) => string
  readonly pairLon: (pair: string) => string
  /** Table function: the integers from a to b, b included, as column n. */
  readonly integers: (from: string, to: string) => string
  /** A query whose rows are given as values, column by column in the order of `types`. */
  readonly rowsOf: (
    types: Readonly<Record<string, SqlType>>,
    rows: ReadonlyArray<ReadonlyArray<string | number | null>>
  ) => string
  readonly tempTable: (name: string, select: string) => string
  /** Names a scalar for the statements that follow, so that scans can be cut by it. */
  readonly setVariable: (name: string, select: string) => string
  readonly variable: (name: string) => string
  /** Table function: the rows of lake files of a topic. */
  readonly lakeFiles: (topic: Topic, files: ReadonlyArray<string>) => string
}
