import type { Dialect, SqlType } from "./Dialect.ts"

const types: Readonly<Record<SqlType, string>> = {
  timestamp: "TIMESTAMP",
  date: "DATE",
  int64: "BIGINT",
  int32: "INTEGER",
  float64: "DOUBLE",
  string: "VARCHAR",
  boolean: "BOOLEAN"
}

/** A literal; U+0000 would end the statement, so it is spelled out. */
const text = (value: string): string =>
  `'${value.replaceAll("'", "''").replaceAll("\u0000", "' || chr(0) || '")}'`

/**
 * DuckDB's own clock stands still in a transaction, so whoever runs statements notes moments where one says this (first of
 * all where it says the second), and puts the text of those noted in place of the third.
 */
export const momentMark = "/* moment */"
export const firstMomentMark = "/* first moment */"
export const momentsMark = "/* moments */''"

/** Ends a query of one boolean: whoever runs statements leaves out the next so many unless it is true. */
export const skipMark = /\/\* else skip (\d+) \*\/$/

const id = (name: string): string => `"${name}"`

const parts = {
  year: "year",
  quarter: "quarter",
  month: "month",
  day: "day",
  hour: "hour",
  iso_weekday: "isodow",
  iso_week: "week"
} as const

/** DuckDB's SQL. TIMESTAMP is UTC; `//` is integer division. */
export const duckDbDialect: Dialect = {
  name: "duckdb",
  type: (type) => types[type],
  id,
  text,
  table: (name) => name,
  timestamp: (epochMs) => `make_timestamp(${epochMs * 1000})`,
  endOfTime: `TIMESTAMP 'infinity'`,
  noteMoment: (first) => (first === undefined ? momentMark : firstMomentMark),
  notedMoments: momentsMark,
  cast: (value, type) => `CAST(${value} AS ${types[type]})`,
  key: (kind, ...of) => {
    const hashed = of.map(
      (part) => ` || coalesce(chr(31) || '=' || CAST(${part} AS VARCHAR), chr(31) || '~')`
    )
    return `CAST('0x' || substr(md5(${text(kind)}${hashed.join("")}), 1, 15) AS BIGINT)`
  },
  fingerprint: (...of) => `hash(${of.join(", ")})`,
  md5: (value) => `md5(${value})`,
  joined: (value, order) => `string_agg(${value}, ',' ORDER BY ${order.join(", ")})`,
  quotient: (dividend, divisor) => `((${dividend}) // ${divisor})`,
  epochMicros: (ts) => `epoch_us(${ts})`,
  hourOf: (ts) => `(epoch_us(${ts}) // 3600000000)`,
  hourStart: (hour) => `make_timestamp((${hour}) * 3600000000)`,
  dayOfHour: (hour) => `((${hour}) // 24)`,
  dateOfDay: (day) => `CAST(make_timestamp((${day}) * 86400000000) AS DATE)`,
  dateOf: (ts) => `CAST(${ts} AS DATE)`,
  lakeTime: (ts) => `make_timestamp(epoch_us(${ts}))`,
  copies: "looked for first",
  weekStart: (date) => `CAST(date_trunc('week', ${date}) AS DATE)`,
  monthStart: (date) => `CAST(date_trunc('month', ${date}) AS DATE)`,
  nextMonth: (month) => `CAST(${month} + INTERVAL 1 MONTH AS DATE)`,
  startOfDate: (date) => `CAST(${date} AS TIMESTAMP)`,
  part: (part, of) => `CAST(${parts[part]}(${of}) AS INTEGER)`,
  addDays: (date, days) => `(${date} + CAST(${days} AS INTEGER))`,
  dayCount: (from, to) => `(${to} - ${from})`,
  secondsBetween: (from, to) => `((epoch_us(${to}) - epoch_us(${from})) // 1000000)`,
  wholeSeconds: (duration) => `CAST(least(greatest(floor(${duration}), 0), 2147483647) AS BIGINT)`,
  float32: (value) => `CAST(${value} AS FLOAT)`,
  // By hour_key alone: the zones of a table's row groups are narrow in it.
  inHours: (from, to, prefix = "") => `${prefix}hour_key BETWEEN ${from} AND ${to}`,
  sinceHour: (from, prefix = "") => `${prefix}hour_key >= ${from}`,
  differsFrom: (neighbour, columns, window) =>
    `row(${columns.join(", ")}) IS DISTINCT FROM ${neighbour}(row(${columns.join(", ")})) OVER ${window}`,
  firstValue: (value, order) =>
    `arg_min(${value}, row(${order.join(", ")})) FILTER (WHERE ${value} IS NOT NULL)`,
  lastValue: (value, order) =>
    `arg_max(${value}, row(${order.join(", ")})) FILTER (WHERE ${value} IS NOT NULL)`,
  minPair: (lat, lon) =>
    `min({'lat': ${lat}, 'lon': ${lon}}) FILTER (WHERE ${lat} IS NOT NULL AND ${lon} IS NOT NULL)`,
  pairLat: (pair) => `(${pair}).lat`,
  pairLon: (pair) => `(${pair}).lon`,
  integers: (from, to) => `(SELECT unnest(range(CAST(${from} AS BIGINT), CAST(${to} AS BIGINT) + 1)) AS n)`,
  // As JSON: parsing a long VALUES list costs ten times as much.
  rowsOf: (columns, rows) => {
    const names = Object.keys(columns)
    const objects = rows.map((row) => Object.fromEntries(names.map((name, i) => [name, row[i]])))
    const shape = Object.fromEntries(names.map((name) => [name, types[columns[name]]]))
    const list = names.map((name) => `r."${name}"`).join(", ")
    return `SELECT ${list} FROM (SELECT unnest(from_json(${text(JSON.stringify(objects))}, ${text(JSON.stringify([shape]))})) AS r)`
  },
  insertOrder: (...columns) => `ORDER BY ${columns.join(", ")}`,
  create: ({ columns, name, select }) => {
    if (select !== undefined) return `CREATE OR REPLACE VIEW ${name} AS ${select(duckDbDialect)}`
    const list = columns.map(
      (column) => `${id(column.name)} ${types[column.type]}${column.nullable ? "" : " NOT NULL"}`
    )
    return `CREATE TABLE IF NOT EXISTS ${name} (${list.join(", ")})`
  },
  keys: () => [],
  createFrom: (name, table) => `CREATE OR REPLACE TABLE ${name} AS SELECT * FROM ${table.name}`,
  replaceTable: (name, _description, select) => `CREATE OR REPLACE TABLE ${name} AS ${select}`,
  tempTable: (name, select) => `CREATE OR REPLACE TEMP TABLE ${name} AS ${select}`,
  collected: (select) => `WITH collected AS MATERIALIZED (${select}) SELECT * FROM collected`,
  tempView: (name, select) => `CREATE OR REPLACE TEMP VIEW ${name} AS ${select}`,
  setVariable: (name, select) => `SET VARIABLE ${name} = (${select})`,
  when: (condition, statements) => [
    `SELECT ${condition} /* else skip ${statements.length} */`,
    ...statements
  ],
  variable: (name) => `getvariable('${name}')`
}
