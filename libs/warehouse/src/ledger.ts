import type { Hour } from "@musify/domain/Hour.ts"
import { dayMs, hourStart } from "@musify/domain/Hour.ts"
import type { Plan } from "@musify/lake/Plan.ts"
import { Effect } from "effect"
import type { Dialect } from "./Dialect.ts"
import type { WarehouseSession } from "./Warehouse.ts"
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
  readonly rows: number
  readonly builtBefore: boolean
}

/** Tables of the ledger and of what is to be published; they live in the warehouse, in the data's transactions. */
export const ledgerTables = [
  `CREATE TABLE IF NOT EXISTS warehouse_info (name VARCHAR NOT NULL, value VARCHAR NOT NULL)`,
  `CREATE TABLE IF NOT EXISTS chain_positions (topic VARCHAR NOT NULL, "partition" INTEGER NOT NULL, next_seq BIGINT NOT NULL, max_ts DOUBLE)`,
  `CREATE TABLE IF NOT EXISTS lake_files (hour BIGINT NOT NULL, topic VARCHAR NOT NULL, "partition" INTEGER NOT NULL, seq BIGINT NOT NULL, start_offset BIGINT NOT NULL, end_offset BIGINT NOT NULL, path VARCHAR NOT NULL, "rows" BIGINT NOT NULL)`,
  `CREATE TABLE IF NOT EXISTS ledger_hours (hour BIGINT NOT NULL, files_hash VARCHAR NOT NULL, built_hash VARCHAR, built_at DOUBLE, late BOOLEAN NOT NULL, late_at DOUBLE)`,
  `CREATE TABLE IF NOT EXISTS pending_publish (table_name VARCHAR NOT NULL, day BIGINT)`
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
    session.query("ledger", `SELECT topic, "partition", next_seq, max_ts FROM chain_positions`),
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
      `SELECT hour, late, hash FROM (SELECT 0 AS hour, false AS late, '' AS hash) WHERE false`
    ),
    ...inserts(
      "new_file_hours",
      [...hours].map(([hour, late]) => `(${hour}, ${late}, '')`)
    ),
    sql.tempTable(
      "new_hashes",
      `SELECT n.hour, n.late, h.hash FROM new_file_hours n JOIN (
  SELECT hour, md5(string_agg(topic || ' ' || "partition" || ' ' || start_offset || ' ' || end_offset, ',' ORDER BY topic, "partition", start_offset)) AS hash
  FROM lake_files WHERE hour IN (SELECT hour FROM new_file_hours) GROUP BY hour) h ON n.hour = h.hour`
    ),
    `UPDATE ledger_hours SET files_hash = n.hash, late = ledger_hours.late OR (n.late AND ledger_hours.built_at IS NOT NULL)
FROM new_hashes n WHERE ledger_hours.hour = n.hour`,
    `INSERT INTO ledger_hours SELECT hour, hash, NULL, NULL, false, NULL FROM new_hashes
WHERE hour NOT IN (SELECT hour FROM ledger_hours)`,
    `DELETE FROM chain_positions`,
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
  Effect.map(
    session.query(
      "ledger",
      `SELECT h.hour, h.built_at IS NOT NULL AS built_before, CAST(sum(f."rows") AS BIGINT) AS "rows"
FROM (SELECT hour, built_at FROM ledger_hours WHERE built_hash IS DISTINCT FROM files_hash) h
JOIN lake_files f ON h.hour = f.hour GROUP BY h.hour, h.built_at ORDER BY h.hour`
    ),
    (rows) =>
      rows.map((row) => ({
        hour: Number(row["hour"]),
        rows: Number(row["rows"]),
        builtBefore: row["built_before"] === true
      }))
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
