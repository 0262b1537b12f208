import type { BuildVariable, Dialect, SqlType } from "../Dialect.ts"
import { momentLength } from "../Dialect.ts"
import type { Table } from "../Model.ts"

const types: Readonly<Record<SqlType, string>> = {
  timestamp: "TIMESTAMP",
  date: "DATE",
  int64: "INT64",
  int32: "INT64",
  float64: "FLOAT64",
  string: "STRING",
  boolean: "BOOL"
}

/** GoogleSQL's name of a column type. */
export const googleSqlType = (type: SqlType): string => types[type]

const id = (name: string): string => `\`${name}\``

const quoted = (value: string): string =>
  `'${value.replaceAll("\\", "\\\\").replaceAll("'", "\\'").replaceAll("\n", "\\n").replaceAll("\r", "\\r")}'`

/** A literal. U+0000 is made by a function: it would end what some clients take for a string. */
const text = (value: string): string => {
  const parts = value.split("\u0000").map(quoted)
  return parts.length === 1 ? parts[0] : `CONCAT(${parts.join(", CODE_POINTS_TO_STRING([0]), ")})`
}

const parts = {
  year: "YEAR",
  quarter: "QUARTER",
  month: "MONTH",
  day: "DAY",
  hour: "HOUR",
  iso_week: "ISOWEEK"
} as const

/** The cast is for the stand-in, which takes small integers for 32-bit ones. */
const hourStart = (hour: string): string => `TIMESTAMP_SECONDS(CAST(${hour} AS INT64) * 3600)`

/** Name of a script variable: no column is called so. */
export const scriptVariable = (name: BuildVariable): string => `v_${name}`

/** U+001F as it is: GoogleSQL takes any character but a line break in a literal. */
const separator = "\u001f"

const description = (value: string): string => `description=${quoted(value)}`

/** Columns, keys, partitions, clusters and options of a table, as CREATE TABLE says them after its name. */
const definition = (table: Table): string => {
  const { boundRequired, cluster, columns, key, partition } = table
  const list = columns.map(
    (column) =>
      `${id(column.name)} ${types[column.type]}${column.nullable ? "" : " NOT NULL"} OPTIONS(${description(column.description)})`
  )
  const isKnown = key?.every((one) => columns.some((column) => column.name === one && !column.nullable))
  return [
    `(`,
    [...list, ...(isKnown === true ? [`PRIMARY KEY (${key?.map(id).join(", ")}) NOT ENFORCED`] : [])]
      .map((line) => `  ${line}`)
      .join(",\n"),
    `)`,
    ...(partition === undefined ? [] : [`PARTITION BY TIMESTAMP_TRUNC(${id(partition)}, DAY)`]),
    ...(cluster === undefined ? [] : [`CLUSTER BY ${cluster.map(id).join(", ")}`]),
    `OPTIONS(${description(table.description)}${boundRequired === true ? ", require_partition_filter=TRUE" : ""})`
  ].join("\n")
}

const create = (sql: Dialect, table: Table): string => {
  const { columns, name, select } = table
  if (select !== undefined) {
    const list = columns.map((column) => `${id(column.name)} OPTIONS(${description(column.description)})`)
    return `CREATE OR REPLACE VIEW ${name} (${list.join(", ")})\nOPTIONS(${description(table.description)})\nAS ${select(sql)}`
  }
  return `CREATE TABLE IF NOT EXISTS ${name} ${definition(table)}`
}

/**
 * BigQuery's SQL: plain, documented GoogleSQL. Statements name tables by their plain names, which the job's default
 * dataset completes; views name them in full, under `dataset` ("project.dataset"). Variables are a script's.
 */
export const googleSqlDialect = (dataset: string): Dialect => {
  const sql: Dialect = {
    name: "googlesql",
    type: googleSqlType,
    id,
    text,
    table: (name) => `\`${dataset}.${name}\``,
    timestamp: (epochMs) => `TIMESTAMP_MILLIS(${epochMs})`,
    noteMoment: (first) => {
      const moments = scriptVariable("model_times")
      const now = `lpad(CAST(UNIX_MILLIS(CURRENT_TIMESTAMP()) AS STRING), ${momentLength}, '0')`
      return `SET ${moments} = ${first === undefined ? `${moments} || ${now}` : now}`
    },
    notedMoments: scriptVariable("model_times"),
    endOfTime: `TIMESTAMP '9999-12-31 23:59:59.999999+00'`,
    cast: (value, type) => `CAST(${value} AS ${types[type]})`,
    key: (kind, ...of) => {
      const hashed = of.map(
        (part) => `COALESCE(CONCAT('${separator}=', CAST(${part} AS STRING)), '${separator}~')`
      )
      return `CAST(CONCAT('0x', SUBSTR(TO_HEX(MD5(CONCAT(${[text(kind), ...hashed].join(", ")}))), 1, 15)) AS INT64)`
    },
    fingerprint: (...of) => `FARM_FINGERPRINT(TO_JSON_STRING(STRUCT(${of.join(", ")})))`,
    md5: (value) => `TO_HEX(MD5(${value}))`,
    joined: (value, order) => `STRING_AGG(${value}, ',' ORDER BY ${order.join(", ")})`,
    quotient: (dividend, divisor) => `DIV((${dividend}), ${divisor})`,
    epochMicros: (ts) => `UNIX_MICROS(${ts})`,
    // Not UNIX_SECONDS: the stand-in rounds it to the nearest.
    hourOf: (ts) => `DIV(UNIX_MICROS(${ts}), 3600000000)`,
    hourStart,
    dayOfHour: (hour) => `DIV((${hour}), 24)`,
    dateOfDay: (day) => `DATE_FROM_UNIX_DATE(${day})`,
    dateOf: (ts) => `DATE(${ts})`,
    lakeTime: (ts) => ts,
    copies: "dropped at once",
    // Not DATE_TRUNC(…, WEEK(MONDAY)): the stand-in takes it for WEEK.
    weekStart: (date) => `DATE_SUB(${date}, INTERVAL MOD(EXTRACT(DAYOFWEEK FROM ${date}) + 5, 7) DAY)`,
    monthStart: (date) => `DATE_TRUNC(${date}, MONTH)`,
    nextMonth: (month) => `DATE_ADD(${month}, INTERVAL 1 MONTH)`,
    startOfDate: (date) => `TIMESTAMP(${date})`,
    part: (part, of) =>
      part === "iso_weekday"
        ? `(MOD(EXTRACT(DAYOFWEEK FROM ${of}) + 5, 7) + 1)`
        : `EXTRACT(${parts[part]} FROM ${of})`,
    addDays: (date, days) => `DATE_ADD(${date}, INTERVAL ${days} DAY)`,
    dayCount: (from, to) => `DATE_DIFF(${to}, ${from}, DAY)`,
    secondsBetween: (from, to) => `DIV((UNIX_MICROS(${to}) - UNIX_MICROS(${from})), 1000000)`,
    wholeSeconds: (duration) => `CAST(LEAST(GREATEST(FLOOR(${duration}), 0), 2147483647) AS INT64)`,
    // BigQuery has no FLOAT32. Veltkamp's splitting rounds a double to its upper 24 bits, ties to even like a cast.
    float32: (value) => `(${value} * 536870913 - (${value} * 536870913 - ${value}))`,
    inHours: (from, to, prefix = "") =>
      `${prefix}ts >= ${hourStart(from)} AND ${prefix}ts < ${hourStart(`${to} + 1`)}`,
    sinceHour: (from, prefix = "") => `${prefix}ts >= ${hourStart(from)}`,
    // A STRUCT has no IS DISTINCT FROM.
    differsFrom: (neighbour, columns, window) =>
      `(${[
        `${neighbour}(1) OVER ${window} IS NULL`,
        ...columns.map((column) => `${column} IS DISTINCT FROM ${neighbour}(${column}) OVER ${window}`)
      ].join(" OR ")})`,
    firstValue: (value, order) =>
      `ARRAY_AGG(${value} ORDER BY ${[`${value} IS NULL`, ...order].join(", ")} LIMIT 1)[OFFSET(0)]`,
    lastValue: (value, order) =>
      `ARRAY_AGG(${value} ORDER BY ${[`${value} IS NULL`, ...order.map((one) => `${one} DESC`)].join(", ")} LIMIT 1)[OFFSET(0)]`,
    minPair: (lat, lon) =>
      `ARRAY_AGG(STRUCT(${lat} AS lat, ${lon} AS lon) ORDER BY ${lat} IS NULL OR ${lon} IS NULL, ${lat}, ${lon} LIMIT 1)[OFFSET(0)]`,
    pairLat: (pair) => `IF(${pair}.lon IS NULL, NULL, ${pair}.lat)`,
    pairLon: (pair) => `IF(${pair}.lat IS NULL, NULL, ${pair}.lon)`,
    integers: (from, to) => `(SELECT n FROM UNNEST(GENERATE_ARRAY(${from}, ${to})) AS n)`,
    rowsOf: (columns, rows) => {
      const names = Object.keys(columns)
      const shape = names.map((name) => `${id(name)} ${types[columns[name]]}`).join(", ")
      const values = rows.map(
        (row) =>
          `(${row.map((value) => (typeof value === "string" ? text(value) : String(value))).join(", ")})`
      )
      return `SELECT ${names.map(id).join(", ")} FROM UNNEST(ARRAY<STRUCT<${shape}>>[${values.join(",\n")}])`
    },
    // Clustering does it; sorting all rows of an INSERT would be one worker's work.
    insertOrder: () => "",
    create: (table) => create(sql, table),
    // One statement a table: BigQuery lets its definition change five times in ten seconds.
    keys: (tables) =>
      tables.flatMap(({ name, references = {} }) => {
        const keys = Object.entries(references).map(
          ([column, dimension]) =>
            `ADD FOREIGN KEY (${id(column)}) REFERENCES ${dimension}(${id(column)}) NOT ENFORCED`
        )
        return keys.length === 0 ? [] : [`ALTER TABLE ${name} ${keys.join(", ")}`]
      }),
    createFrom: (name, table) =>
      `CREATE OR REPLACE TABLE ${name} ${definition(table)}\nAS SELECT ${table.columns.map((column) => id(column.name)).join(", ")} FROM ${table.name}`,
    replaceTable: (name, about, select) =>
      `CREATE OR REPLACE TABLE ${name} OPTIONS(${description(about)}) AS ${select}`,
    tempTable: (name, select) => `CREATE OR REPLACE TEMP TABLE ${name} AS ${select}`,
    collected: (select) => select,
    // BigQuery has no temporary views.
    tempView: (name, select) => `CREATE OR REPLACE TEMP TABLE ${name} AS ${select}`,
    setVariable: (name, select) => `SET ${scriptVariable(name)} = (${select})`,
    when: (condition, statements) => [`IF ${condition} THEN\n${statements.join(";\n")};\nEND IF`],
    variable: scriptVariable
  }
  return sql
}
