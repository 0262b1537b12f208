import type { Hour } from "@musify/domain/Hour.ts"
import { dayMs, hourStart } from "@musify/domain/Hour.ts"
import type { Topic } from "@musify/domain/Topic.ts"
import type { Plan } from "@musify/lake/Plan.ts"
import { Effect } from "effect"
import type { Dialect } from "./Dialect.ts"
import type { Table } from "./Model.ts"
import { column, optional } from "./Model.ts"
import type { LakeFileName, SqlRow, WarehouseSession } from "./Warehouse.ts"
import type { WarehouseError } from "./WarehouseError.ts"

/** How far a chain was read: the seq to go on at, and its greatest event time (epoch ms). */
export interface ChainPosition {
  readonly topic: string
  readonly partition: number
  readonly nextSeq: number
  readonly maxTs: number | null
}

/** An hour whose files are not those that it was last built from. */
export interface DirtyHour {
  readonly hour: Hour
  /** Names the files that it is to be built from. */
  readonly hash: string
  readonly late: boolean
  readonly rows: number
  readonly builtBefore: boolean
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
  {
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
  },
  {
    name: "ledger_hours",
    description: "Which files each hour has, and which it was built from.",
    columns: [
      column("hour", "int64", "Hour"),
      column("files_hash", "string", "Names the files known"),
      optional("built_hash", "string", "Names the files built from; NULL when it must be built again"),
      optional("built_at", "float64", "Time of the last build, epoch ms"),
      column("late", "boolean", "Whether files came after the hour was built and passed"),
      optional("late_at", "float64", "Time of the last build with late files, epoch ms")
    ]
  },
  {
    name: "pending_publish",
    description: "What is built and not yet published.",
    columns: [
      column("table_name", "string", "Table"),
      optional("day", "int64", "Whole days since the epoch; NULL for the whole table")
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
  const files: Array<string> = []
  const hours = new Map<Hour, boolean>()
  for (const plan of plans) {
    const chain = `${plan.topic}/${plan.partition}`
    const maxTs = known.get(chain)?.maxTs ?? null
    for (const { hour, path, rows } of plan.files) {
      files.push(
        `(${hour}, ${sql.text(plan.topic)}, ${plan.partition}, ${plan.seq}, ${plan.start}, ${plan.end}, ${sql.text(path)}, ${rows})`
      )
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
    ...inserts("lake_files", files),
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

/** Hours to build, oldest first. */
export const readDirtyHours = (
  session: WarehouseSession
): Effect.Effect<ReadonlyArray<DirtyHour>, WarehouseError> =>
  Effect.map(session.query("ledger", dirtyHours(session.dialect)), (rows) => rows.map(dirtyHour))

/** A row of `dirtyHours`. */
export const dirtyHour = (row: SqlRow): DirtyHour => ({
  hour: Number(row["hour"]),
  hash: String(row["files_hash"]),
  late: row["late"] === true,
  rows: Number(row["row_count"]),
  builtBefore: row["built_before"] === true
})

/** The query of the hours to build, or of all hours. */
export const dirtyHours = (sql: Dialect, which: "dirty" | "all" = "dirty"): string =>
  `SELECT h.hour, h.files_hash, h.late, h.built_at IS NOT NULL AS built_before, ${sql.cast(`sum(f.${sql.id("rows")})`, "int64")} AS row_count
FROM (SELECT hour, files_hash, late, built_at FROM ledger_hours WHERE ${
    which === "all" ? "TRUE" : "built_hash IS DISTINCT FROM files_hash"
  }) h
JOIN lake_files f ON h.hour = f.hour GROUP BY h.hour, h.files_hash, h.late, h.built_at ORDER BY h.hour`

/** The lake's files of some hours. */
export const readLakeFiles = (
  session: WarehouseSession,
  hours: ReadonlyArray<Hour>
): Effect.Effect<ReadonlyArray<LakeFileName>, WarehouseError> =>
  Effect.map(
    session.query("ledger", `SELECT topic, path FROM lake_files WHERE hour IN (${hours.join(", ")})`),
    (rows) => {
      const files = rows.map((row) => ({ topic: row["topic"] as Topic, path: String(row["path"]) }))
      return files.sort((a, b) => (a.path < b.path ? -1 : 1))
    }
  )

/** Statement that says: these hours (build_hours) are built from the files known now. */
export const recordBuilt = (now: number): string =>
  `UPDATE ledger_hours SET built_hash = files_hash, built_at = ${now},
  late_at = CASE WHEN late THEN ${now} ELSE late_at END, late = false
WHERE hour IN (SELECT hour FROM build_hours)`

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
