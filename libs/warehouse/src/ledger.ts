import type { Hour } from "@musify/domain/Hour.ts"
import { dayMs, hourStart } from "@musify/domain/Hour.ts"
import type { Topic } from "@musify/domain/Topic.ts"
import type { Plan } from "@musify/lake/Plan.ts"
import { Effect } from "effect"
import type { Dialect } from "./Dialect.ts"
import { momentLength } from "./Dialect.ts"
import { digest } from "./digest.ts"
import type { Model, Table } from "./Model.ts"
import { column, optional } from "./Model.ts"
import { changedRows } from "./models/dailyMarts.ts"
import { hoursInBuild, inBuild } from "./models/inBuild.ts"
import { models } from "./models/models.ts"
import type { LakeFileName, SqlRow, SqlValue, WarehouseSession } from "./Warehouse.ts"
import type { AuditFailure, WarehouseError } from "./WarehouseError.ts"

/** How far a chain was read: the seq to go on at, and its greatest event time (epoch ms). */
export interface ChainPosition {
  readonly topic: string
  readonly partition: number
  readonly nextSeq: number
  readonly maxTs: number | null
}

/** An hour for which models are to be built, since they never were, or from other files, or in another version. */
export interface DirtyHour {
  readonly hour: Hour
  /** Names the files that it is to be built from. */
  readonly hash: string
  readonly late: boolean
  /** Of the lake. */
  readonly rows: number
  readonly builtBefore: boolean
  /** Names of the models to build, in the order of a build. */
  readonly models: ReadonlyArray<string>
  /** Those that were built before, and from the same files: in another version, or not as they are now. */
  readonly changed: ReadonlyArray<string>
  /** Audit that failed when the hour was built last, with its model. */
  readonly failed: string | null
}

const lakeFiles: Table = {
  name: "lake_files",
  description: "The lake's files of closed plans.",
  cluster: ["hour"],
  columns: [
    column("hour", "int64", "Hour of its events"),
    column("topic", "string", "Topic"),
    column("partition", "int32", "Partition of the log"),
    column("seq", "int64", "Plan"),
    column("start_offset", "int64", "First offset of the plan"),
    column("end_offset", "int64", "Offset after the plan's last"),
    column("path", "string", "Name in the bucket"),
    column("rows", "int64", "Rows")
  ]
}

/** Tables of the ledger and of what is to be published; they live in the warehouse, in the data's transactions. */
export const ledgerTables: ReadonlyArray<Table> = [
  {
    name: "warehouse_info",
    description: "What the warehouse was made by and for.",
    columns: [column("name", "string", "Name"), column("value", "string", "Value")]
  },
  {
    name: "chain_positions",
    description: "How far each chain of the lake was read.",
    columns: [
      column("topic", "string", "Topic"),
      column("partition", "int32", "Partition of the log"),
      column("next_seq", "int64", "Plan to go on at"),
      optional("max_ts", "float64", "Greatest event time of the chain, epoch ms")
    ]
  },
  lakeFiles,
  {
    name: "ledger_hours",
    description: "Which files each hour has, and when it was built.",
    columns: [
      column("hour", "int64", "Hour"),
      column("files_hash", "string", "Names the files known"),
      optional(
        "complete",
        "string",
        "Names the files and the versions that all models were built from; else no matter"
      ),
      optional("built_at", "float64", "Time of the last build, epoch ms"),
      column("late", "boolean", "Whether files came after the hour was built and passed"),
      optional("late_at", "float64", "Time of the last build with late files, epoch ms")
    ]
  },
  {
    name: "model_versions",
    description: "What each table was made for; a table that is being made anew has no row.",
    columns: [
      column("model", "string", "Model"),
      column("kind", "string", "Kind of the model"),
      column("version", "string", "Names what the model says and what it reads"),
      column("made", "string", "Names columns and cuts")
    ]
  },
  {
    name: "model_hours",
    description: "What each model was built from, hour by hour; written with the data.",
    cluster: ["hour"],
    columns: [
      column("model", "string", "Model"),
      column("hour", "int64", "Hour"),
      column("version", "string", "Version of the model"),
      column("input_hash", "string", "Names the files built from"),
      column("state", "string", "built, or failed: an audit found rows and nothing of it was kept"),
      column("at", "float64", "Time of the build, epoch ms"),
      optional("ms", "int64", "Duration of the model's statements, for all hours of the build together"),
      optional("rows", "int64", "Rows of the hour; NULL for tables that are not cut by hours"),
      optional("problem", "string", "The audit that failed")
    ]
  },
  {
    name: "pending_publish",
    description: "What is built and not yet published.",
    columns: [
      column("table_name", "string", "Table"),
      optional("day", "int64", "Whole days since the epoch; NULL for a table that is not published by day"),
      optional(
        "hour",
        "int64",
        "Hour; NULL for all of the day or table. Without a day: what builds from this hour on have changed"
      )
    ]
  }
]

const chunk = 500

/** INSERT statements of at most 500 rows each. */
export const inserts = (table: string, rows: ReadonlyArray<string>): ReadonlyArray<string> => {
  const statements: Array<string> = []
  for (let i = 0; i < rows.length; i += chunk)
    statements.push(`INSERT INTO ${table} VALUES ${rows.slice(i, i + chunk).join(",\n")}`)
  return statements
}

export const readPositions = (
  session: WarehouseSession
): Effect.Effect<ReadonlyArray<ChainPosition>, WarehouseError> =>
  Effect.map(
    session.query(
      "ledger",
      `SELECT topic, ${session.dialect.id("partition")}, next_seq, max_ts FROM chain_positions`
    ),
    (rows) =>
      rows.map((row) => ({
        topic: String(row["topic"]),
        partition: Number(row["partition"]),
        nextSeq: Number(row["next_seq"]),
        maxTs: row["max_ts"] === null ? null : Number(row["max_ts"])
      }))
  )

/**
 * Statements that take closed plans into the ledger: their files by hour, the hours' hashes over the (topic, partition,
 * start, end) ranges, the chains' positions. A file is late when its own chain had passed the end of its hour before:
 * a chain in order never does that, however the chains are read against each other.
 */
export const intakeStatements = (
  sql: Dialect,
  positions: ReadonlyArray<ChainPosition>,
  plans: ReadonlyArray<Plan>
): ReadonlyArray<string> => {
  if (plans.length === 0) return []
  const partition = sql.id("partition")
  const text = (column: string) => sql.cast(column, "string")
  const known = new Map(positions.map((position) => [`${position.topic}/${position.partition}`, position]))
  const files: Array<ReadonlyArray<string | number>> = []
  const hours = new Map<Hour, boolean>()
  for (const plan of plans) {
    const chain = `${plan.topic}/${plan.partition}`
    const maxTs = known.get(chain)?.maxTs ?? null
    for (const { hour, path, rows } of plan.files) {
      files.push([hour, plan.topic, plan.partition, plan.seq, plan.start, plan.end, path, rows])
      const late = maxTs !== null && maxTs >= hourStart(hour + 1)
      hours.set(hour, late || hours.get(hour) === true)
    }
    known.set(chain, {
      topic: plan.topic,
      partition: plan.partition,
      nextSeq: plan.seq + 1,
      maxTs: plan.maxTs === null ? maxTs : Math.max(maxTs ?? -Infinity, plan.maxTs)
    })
  }
  return [
    `INSERT INTO lake_files ${sql.rowsOf(Object.fromEntries(lakeFiles.columns.map(({ name, type }) => [name, type])), files)}`,
    sql.tempTable(
      "new_file_hours",
      `SELECT hour, late FROM (SELECT ${sql.cast("0", "int64")} AS hour, false AS late) WHERE false`
    ),
    ...inserts(
      "new_file_hours",
      [...hours].map(([hour, late]) => `(${hour}, ${late})`)
    ),
    sql.tempTable(
      "new_hashes",
      `SELECT n.hour, n.late, h.files_hash FROM new_file_hours n JOIN (
  SELECT hour, ${sql.md5(
    sql.joined(
      `topic || ' ' || ${text(partition)} || ' ' || ${text("start_offset")} || ' ' || ${text("end_offset")}`,
      ["topic", partition, "start_offset"]
    )
  )} AS files_hash
  FROM lake_files WHERE hour IN (SELECT hour FROM new_file_hours) GROUP BY hour) h ON n.hour = h.hour`
    ),
    `UPDATE ledger_hours AS l SET files_hash = n.files_hash, late = (l.late OR (n.late AND l.built_at IS NOT NULL))
FROM new_hashes n WHERE l.hour = n.hour`,
    `INSERT INTO ledger_hours SELECT hour, files_hash, NULL, NULL, false, NULL FROM new_hashes
WHERE hour NOT IN (SELECT hour FROM ledger_hours)`,
    `DELETE FROM chain_positions WHERE TRUE`,
    ...inserts(
      "chain_positions",
      [...known.values()].map(
        ({ maxTs, nextSeq, partition, topic }) =>
          `(${sql.text(topic)}, ${partition}, ${nextSeq}, ${maxTs === null ? "NULL" : maxTs})`
      )
    )
  ]
}

/** Models that hold rows: those that are built hour by hour. */
export const builtModels: ReadonlyArray<Model> = models.filter(({ select }) => select === undefined)

/** Of an hour that is complete: its files and all versions, as an expression. */
const completeOf = (sql: Dialect, versions: ReadonlyMap<string, string>, filesHash: string): string => {
  const all = digest([JSON.stringify([...versions])])
  return `${filesHash} || ${sql.text(` ${all}`)}`
}

/** Models and their versions, as a query. */
const wantedVersions = (sql: Dialect, versions: ReadonlyMap<string, string>): string =>
  sql.rowsOf(
    { model: "string", version: "string" },
    builtModels.map(({ name }) => [name, versions.get(name) ?? ""])
  )

/** Hours to build, oldest first. */
export const readDirtyHours = (
  session: WarehouseSession,
  versions: ReadonlyMap<string, string>
): Effect.Effect<ReadonlyArray<DirtyHour>, WarehouseError> =>
  Effect.map(session.query("ledger", dirtyHours(session.dialect, versions)), (rows) => rows.map(dirtyHour))

const inOrder = (names: SqlValue): ReadonlyArray<string> => {
  const found = new Set(String(names ?? "").split(","))
  return builtModels.filter(({ name }) => found.has(name)).map(({ name }) => name)
}

const dirtyHour = (row: SqlRow): DirtyHour => ({
  hour: Number(row["hour"]),
  hash: String(row["files_hash"]),
  late: row["late"] === true,
  rows: Number(row["row_count"]),
  builtBefore: row["built_before"] === true,
  models: inOrder(row["models"]),
  changed: inOrder(row["changed"]),
  failed: row["failed"] === null ? null : String(row["failed"])
})

/**
 * The query of the hours to build, and which models for each. Hours that are complete are left out by themselves, so
 * that it does not look at each model of a long history.
 */
export const dirtyHours = (sql: Dialect, versions: ReadonlyMap<string, string>): string => {
  return `WITH wanted AS (${wantedVersions(sql, versions)}), incomplete AS (
  SELECT hour, files_hash, built_at FROM ledger_hours WHERE complete IS DISTINCT FROM ${completeOf(sql, versions, "files_hash")}
), dirty AS (
  SELECT h.hour, w.model, b.problem, CASE WHEN b.input_hash = h.files_hash OR (b.model IS NULL AND h.built_at IS NOT NULL)
    THEN w.model END AS changed
  FROM incomplete h CROSS JOIN wanted w
  LEFT JOIN (SELECT * FROM model_hours WHERE hour IN (SELECT hour FROM incomplete)) b ON b.model = w.model AND b.hour = h.hour
  WHERE b.model IS NULL OR b.state <> 'built' OR b.version <> w.version OR b.input_hash <> h.files_hash
), hours AS (
  SELECT hour, ${sql.joined("model", ["model"])} AS models, ${sql.joined("changed", ["changed"])} AS changed, min(problem) AS failed
  FROM dirty d GROUP BY hour
)
SELECT h.hour, h.files_hash, h.late, h.built_at IS NOT NULL AS built_before, d.models, d.changed, d.failed, f.row_count
FROM ledger_hours h JOIN hours d ON h.hour = d.hour
JOIN (SELECT hour, ${sql.cast(`sum(${sql.id("rows")})`, "int64")} AS row_count FROM lake_files
  WHERE hour IN (SELECT hour FROM hours) GROUP BY hour) f ON h.hour = f.hour
ORDER BY h.hour`
}

/**
 * The lake's files of some hours: by hour, and in an hour about by time, so that facts lie in that order without being
 * sorted.
 */
export const readLakeFiles = (
  session: WarehouseSession,
  hours: ReadonlyArray<Hour>
): Effect.Effect<ReadonlyArray<LakeFileName>, WarehouseError> =>
  Effect.map(
    session.query(
      "ledger",
      `SELECT topic, path FROM lake_files WHERE hour IN (${hours.join(", ")}) ORDER BY hour, seq, ${session.dialect.id("partition")}, path`
    ),
    (rows) => rows.map((row) => ({ topic: row["topic"] as Topic, path: String(row["path"]) }))
  )

/** Whether a table's rows are each of an hour that is built with it. */
export const isCutByHours = ({ columns, name }: Model): boolean =>
  name !== "dim_datetime" && columns.some((one) => one.name === "hour_key" || one.name === "hour")

/** Rows of a table that is cut by hours, for each hour that a build may have changed. */
const countsOf = (sql: Dialect, { columns, name }: Model): string => {
  const names = new Set(columns.map((one) => one.name))
  const [hour, where] = names.has("hour_key")
    ? ["hour_key", names.has("ts") ? inBuild(sql) : hoursInBuild(sql)]
    : [sql.hourOf("hour"), changedRows(sql)]
  return `SELECT ${sql.text(name)} AS model, ${hour} AS hour, count(*) AS n FROM ${name} WHERE ${where} GROUP BY 2`
}

/** Statements that say: these hours (build_hours) of these models are built from the files known now. */
export const recordBuilt = (
  sql: Dialect,
  built: ReadonlyArray<Model>,
  versions: ReadonlyMap<string, string>,
  now: number
): ReadonlyArray<string> => {
  const none = `SELECT ${sql.cast("NULL", "string")} AS model, ${sql.cast("NULL", "int64")} AS hour, ${sql.cast("NULL", "int64")} AS n`
  const counts = built.filter(isCutByHours).map((model) => countsOf(sql, model))
  const moment = (place: string) =>
    sql.cast(`substr(${sql.notedMoments}, 1 + ${momentLength} * (${place}), ${momentLength})`, "int64")
  const names = sql.rowsOf(
    { model: "string", version: "string", place: "int64" },
    built.map(({ name }, place) => [name, versions.get(name) ?? "", place])
  )
  // The range lets scans of a long ledger skip the other hours.
  const builtHours = (prefix = "") =>
    `${prefix}hour BETWEEN ${sql.variable("first_hour")} AND ${sql.variable("last_hour")} AND ${prefix}hour IN (SELECT hour FROM build_hours)`
  return [
    sql.tempTable("hour_counts", [`SELECT * FROM (${none}) WHERE false`, ...counts].join("\nUNION ALL ")),
    `DELETE FROM model_hours WHERE ${builtHours()} AND model IN (${built.map(({ name }) => sql.text(name)).join(", ")})`,
    `INSERT INTO model_hours
SELECT m.model, h.hour, m.version, h.files_hash, 'built', ${now}, ${moment("m.place + 1")} - ${moment("m.place")}, c.n, NULL
FROM (${names}) m CROSS JOIN ledger_hours h
LEFT JOIN hour_counts c ON c.model = m.model AND c.hour = h.hour
WHERE ${builtHours("h.")}`,
    // Marts of plays are worked out again for some hours around the build's, too.
    `UPDATE model_hours AS b SET ${sql.id("rows")} = c.n FROM hour_counts c
WHERE b.model = c.model AND b.hour = c.hour AND b.hour BETWEEN ${sql.variable("hours_from")} AND ${sql.variable("hours_to")}
  AND b.hour NOT IN (SELECT hour FROM build_hours)`,
    `UPDATE ledger_hours SET built_at = ${now}, late_at = CASE WHEN late THEN ${now} ELSE late_at END, late = false
WHERE ${builtHours()}`,
    `UPDATE ledger_hours AS l SET complete = ${completeOf(sql, versions, "l.files_hash")}
WHERE l.hour IN (SELECT b.hour FROM model_hours b JOIN (${wantedVersions(sql, versions)}) w ON b.model = w.model AND b.version = w.version
  JOIN ledger_hours h ON b.hour = h.hour AND b.input_hash = h.files_hash
  WHERE b.state = 'built' AND ${builtHours("b.")} GROUP BY b.hour HAVING count(*) = ${builtModels.length})`
  ]
}

/** Statements that make hours of some models dirty, though nothing of them has changed; without a range all hours. */
export const forget = (
  sql: Dialect,
  names: ReadonlyArray<string>,
  range?: { readonly from: Hour; readonly to: Hour }
): ReadonlyArray<string> => {
  const hours = range === undefined ? "TRUE" : `hour BETWEEN ${range.from} AND ${range.to}`
  return [
    `DELETE FROM model_hours WHERE model IN (${names.map(sql.text).join(", ")}) AND ${hours}`,
    `UPDATE ledger_hours SET complete = NULL WHERE ${hours}`
  ]
}

/** Statements that say of a build that was rolled back which audits had failed: its hours stay dirty, and say why. */
export const recordFailed = (
  sql: Dialect,
  hours: ReadonlyArray<DirtyHour>,
  failures: ReadonlyArray<AuditFailure>,
  versions: ReadonlyMap<string, string>,
  now: number
): ReadonlyArray<string> => {
  const list = hours.map(({ hour }) => hour).join(", ")
  const problems = new Map(
    failures.map(({ audit, model }) => [
      builtModels.find(({ name }) => name === model)?.name ?? builtModels[0].name,
      `${model}: ${audit}`
    ])
  )
  return [...problems].flatMap(([model, problem]) => [
    `DELETE FROM model_hours WHERE model = ${sql.text(model)} AND hour IN (${list})`,
    `INSERT INTO model_hours SELECT ${sql.text(model)}, hour, ${sql.text(versions.get(model) ?? "")}, files_hash, 'failed', ${now}, NULL, NULL, ${sql.text(problem)}
FROM ledger_hours WHERE hour IN (${list})`
  ])
}

/**
 * The watermark (epoch ms): every event up to it that the lake holds is in. It is the least of the greatest event times
 * of the page view chains (every event of a listener is also a page view), leaving out chains whose newest event is
 * more than a day older than the newest of all (a partition without listeners must not hold it back for ever), and
 * never past the first hour that is still to be built. Without page views, all chains are taken.
 */
export const watermark = (
  positions: ReadonlyArray<ChainPosition>,
  firstDirtyHour: Hour | undefined
): number | null => {
  const seen = positions.filter((position) => position.maxTs !== null)
  const pages = seen.filter((position) => position.topic === "page_view_events")
  const times = (pages.length > 0 ? pages : seen).map((position) => position.maxTs as number)
  if (times.length === 0) return null
  const newest = Math.max(...seen.map((position) => position.maxTs as number))
  const current = times.filter((time) => time > newest - dayMs)
  const through = current.length > 0 ? Math.min(...current) : Math.max(...times)
  return firstDirtyHour === undefined ? through : Math.min(through, hourStart(firstDirtyHour))
}
