import { lakeColumnsOf } from "@musify/domain/columns.ts"
import { decodeEvent } from "@musify/domain/decodeEvent.ts"
import { hourOf } from "@musify/domain/Hour.ts"
import { bytesAt } from "@musify/domain/RecordBatch.ts"
import type { Topic } from "@musify/domain/Topic.ts"
import { topics } from "@musify/domain/Topic.ts"
import { EventLog } from "@musify/stream/EventLog.ts"
import type { EventLogError } from "@musify/stream/EventLogError.ts"
import { Effect, Either } from "effect"
import { Buffer } from "node:buffer"
import { createHash } from "node:crypto"
import fs from "node:fs/promises"
import path from "node:path"
import type { Check, Difference } from "./AuditReport.ts"
import { makeCheck } from "./AuditReport.ts"
import type { Chain, PlanFile } from "./chains.ts"
import type { AuditDb, ReadFailed, SqlRow } from "./DuckDbAudit.ts"
import { globFiles, literal, parquet } from "./DuckDbAudit.ts"

/** A record of the log as the audit needs it. */
interface LogRecord {
  readonly value: Uint8Array | null
  /** Log time, epoch ms. */
  readonly time: number
}

const readBytes = 8 * 1024 * 1024

/** The records of a plan by offset; undefined when the log does not go back that far any more. */
const recordsOf = (
  plan: PlanFile,
  topic: Topic
): Effect.Effect<ReadonlyMap<number, LogRecord> | undefined, EventLogError, EventLog> =>
  Effect.gen(function* () {
    const log = yield* EventLog
    const { end, start } = yield* log.range(topic, plan.partition)
    if (plan.start < start || plan.end > end) return undefined
    const records = new Map<number, LogRecord>()
    for (let at = plan.start; at < plan.end;) {
      const batch = yield* log.read(topic, plan.partition, at, readBytes)
      if (batch.count === 0) break
      for (let i = 0; i < batch.count && batch.offsets[i] < plan.end; i++)
        records.set(batch.offsets[i], { value: bytesAt(batch.values, i), time: batch.timestamps[i] })
      at = batch.offsets[batch.count - 1] + 1
    }
    return records
  })

/** SHA-256 of the file with the checksum's own digits (the footer's "checksum") read as zeros, 32 hex digits. */
const checksumHolds = (bytes: Uint8Array, checksum: string): boolean => {
  const at = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).lastIndexOf(checksum)
  if (at < 0) return false
  const hash = createHash("sha256")
    .update(bytes.subarray(0, at))
    .update("0".repeat(checksum.length))
    .update(bytes.subarray(at + checksum.length))
  return hash.digest("hex").slice(0, checksum.length) === checksum
}

/** Hash of the raw values of some records: SHA-256 over their SHA-256, the offsets (float64) and lengths (int32). */
const rowHash = (offsets: ReadonlyArray<number>, records: ReadonlyMap<number, LogRecord>): string => {
  const values = createHash("sha256")
  const places = Buffer.alloc(offsets.length * 8)
  const lengths = Buffer.alloc(offsets.length * 4)
  offsets.forEach((offset, i) => {
    const value = records.get(offset)?.value ?? null
    if (value !== null) values.update(value)
    places.writeDoubleLE(offset, i * 8)
    lengths.writeInt32LE(value === null ? -1 : value.length, i * 4)
  })
  const hash = createHash("sha256").update(values.digest()).update(places).update(lengths)
  return hash.digest("hex").slice(0, 32)
}

const duckDbTypes = {
  timestamp: "TIMESTAMP WITH TIME ZONE",
  int64: "BIGINT",
  int32: "INTEGER",
  float64: "DOUBLE",
  string: "VARCHAR",
  boolean: "BOOLEAN"
} as const

const deadLetterSchema = [
  "topic VARCHAR",
  "_partition INTEGER",
  "_offset BIGINT",
  "timestamp TIMESTAMP WITH TIME ZONE",
  "key BLOB",
  "value BLOB",
  "reason VARCHAR"
]

const schemaOf = (topic: Topic, dead: boolean): string =>
  (dead
    ? deadLetterSchema
    : lakeColumnsOf(topic).map(({ name, type }) => `${name} ${duckDbTypes[type]}`)
  ).join(", ")

const plain = (value: unknown): unknown =>
  typeof value === "bigint" ? Number(value) : value instanceof Date ? value.getTime() : value

// What a record was decoded with is a setting of the ingestor: a stored row must decode, however large or early.
const generous = { maxBytes: Infinity, maxAheadMs: Infinity }

/** First row of a file that is not what its record on the log says; undefined when all are. */
const contentDiffers = (
  topic: Topic,
  dead: boolean,
  rows: ReadonlyArray<SqlRow>,
  records: ReadonlyMap<number, LogRecord>
): string | undefined => {
  const decode = decodeEvent(topic)
  for (const row of rows) {
    const offset = Number(row._offset)
    const record = records.get(offset)
    if (record === undefined) return `offset ${offset} is not on the log`
    if (dead) {
      const same =
        row.value === null || record.value === null
          ? row.value === record.value
          : Buffer.compare(row.value as Uint8Array, record.value) === 0
      if (!same) return `offset ${offset} holds another value than the log`
      continue
    }
    const event = decode(record.value, record.time, generous)
    if (Either.isLeft(event)) return `offset ${offset} is malformed on the log: ${event.left.split("\n")[0]}`
    for (const [name, value] of Object.entries(event.right))
      if (plain(row[name]) !== value)
        return `offset ${offset}, ${name}: the log says ${JSON.stringify(value)}, the file ${JSON.stringify(plain(row[name]))}`
  }
  return undefined
}

const checkFile = (
  db: AuditDb,
  bucket: string,
  plan: PlanFile,
  topic: Topic,
  planned: { readonly path: string; readonly rows: number; readonly hash: string; readonly hour?: number },
  records: ReadonlyMap<number, LogRecord> | undefined
): Effect.Effect<string | undefined, ReadFailed> =>
  Effect.gen(function* () {
    const dead = planned.hour === undefined
    const file = path.join(bucket, planned.path)
    const bytes = yield* Effect.promise(() => fs.readFile(file).catch(() => undefined))
    if (bytes === undefined) return `is missing, but plan ${plan.seq} of ${topic}/${plan.partition} is closed`
    const metadata = yield* db.query(
      `SELECT decode(key) AS key, decode(value) AS value FROM parquet_kv_metadata(${literal(file)})`
    )
    const said = new Map(metadata.map((row) => [String(row.key), String(row.value)]))
    if (!checksumHolds(bytes, said.get("checksum") ?? "no checksum"))
      return "is damaged: its checksum is another than its footer says"
    const identity = JSON.stringify({
      topic,
      partition: plan.partition,
      start: plan.start,
      end: plan.end,
      rows: planned.rows,
      hash: planned.hash,
      version: plan.decoder
    })
    if (said.get("musify") !== identity)
      return `says that it is ${said.get("musify")}, its plan says ${identity}`
    const schema = (yield* db.query(`DESCRIBE SELECT * FROM ${parquet([file])}`))
      .map((row) => `${String(row.column_name)} ${String(row.column_type)}`)
      .join(", ")
    if (schema !== schemaOf(topic, dead))
      return `has the columns ${schema}; ${schemaOf(topic, dead)} were expected`
    const rows = yield* db.query(`SELECT * FROM ${parquet([file])} ORDER BY _offset`)
    if (rows.length !== planned.rows) return `holds ${rows.length} rows, its plan says ${planned.rows}`
    const offsets = rows.map((row) => Number(row._offset))
    if (offsets.some((offset, i) => offset < plan.start || offset >= plan.end || offset === offsets[i - 1]))
      return `holds offsets twice, or others than ${plan.start} to ${plan.end - 1}`
    if (rows.some((row) => row._partition !== plan.partition)) return "holds rows of another partition"
    if (!dead && rows.some((row) => hourOf((row.ts as Date).getTime()) !== planned.hour))
      return "holds events of another hour"
    if (records === undefined) return undefined
    const hash = rowHash(offsets, records)
    if (hash !== planned.hash)
      return `was made of other records than the log has: row hash ${hash}, planned ${planned.hash}`
    return contentDiffers(topic, dead, rows, records)
  })

/**
 * Re-reads every file of every closed plan: there, whole by its checksum, the one that was planned, schema as declared,
 * rows and their hash as planned, each row equal to its record on the log. Files that no plan names are reported.
 * Memory: the records of one plan. Nothing is deleted.
 */
export const checkFiles = (
  db: AuditDb,
  bucket: string,
  chains: ReadonlyArray<Chain>
): Effect.Effect<Check, ReadFailed | EventLogError, EventLog> =>
  Effect.gen(function* () {
    const wrong: Array<Difference> = []
    const notes: Array<string> = []
    const planned = new Map<string, string>()
    let checked = 0
    let untold = 0
    // Listed before the plans are looked through, so that a file planned meanwhile is no orphan.
    const listed: Array<string> = []
    for (const topic of topics)
      for (const root of ["lake", "dead-letters"])
        listed.push(...(yield* globFiles(db, path.join(bucket, root, topic, "**", "*"))))
    for (const { closed, plans, topic } of chains) {
      for (const [i, plan] of plans.entries()) {
        const files = [...plan.files, ...plan.deadLetters]
        for (const { path: name } of files) {
          const by = `plan ${plan.seq} of ${topic}/${plan.partition}`
          const file = path.join(bucket, name)
          if (planned.has(file))
            wrong.push({ file, problem: `is named by ${planned.get(file)} and by ${by}` })
          planned.set(file, by)
        }
        if (i >= closed) continue
        const records = yield* recordsOf(plan, topic)
        if (records === undefined) untold += files.length
        for (const file of files) {
          checked += 1
          const problem = yield* checkFile(db, bucket, plan, topic, file, records).pipe(
            Effect.catchTag("ReadFailed", ({ message }) => Effect.succeed(`cannot be read: ${message}`))
          )
          if (problem !== undefined) wrong.push({ file: path.join(bucket, file.path), problem })
        }
      }
    }
    for (const file of listed)
      if (!planned.has(file)) wrong.push({ file, problem: "is an orphan: no plan names it" })
    if (untold > 0)
      notes.push(`${untold} files were not compared with the log, which does not go back that far`)
    return makeCheck("every file as planned", checked, "files", wrong, notes)
  })
