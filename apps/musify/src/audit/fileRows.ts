import { lakeColumnsOf } from "@musify/domain/columns.ts"
import type { ColumnType } from "@musify/domain/columns.ts"
import type { Topic } from "@musify/domain/Topic.ts"
import { Effect } from "effect"
import type { Stored, StoredColumns } from "./contentCheck.ts"
import type { AuditDb, ReadFailed } from "./DuckDbAudit.ts"
import { literal, parquet } from "./DuckDbAudit.ts"

/** What the footer of a file says. */
export interface Footer {
  readonly metadata: ReadonlyMap<string, string>
  /** `name type` of each column, in order. */
  readonly schema: string
}

/** The rows of a file, in offset order. */
export interface FileRows {
  readonly offsets: ReadonlyArray<number>
  readonly columns: StoredColumns
}

const parquetTypes: Readonly<Record<ColumnType | "bytes", string>> = {
  timestamp: "INT64 TIMESTAMP_MICROS UTC",
  int64: "INT64",
  int32: "INT32",
  float64: "DOUBLE",
  string: "BYTE_ARRAY UTF8",
  boolean: "BOOLEAN",
  bytes: "BYTE_ARRAY"
}

/** What is compared of a column: its name, its kind, whether it may be null. */
interface Declared {
  readonly name: string
  readonly type: ColumnType | "bytes"
  readonly nullable: boolean
}

const deadLetterColumns: ReadonlyArray<Declared> = [
  { name: "topic", type: "string", nullable: false },
  { name: "_partition", type: "int32", nullable: false },
  { name: "_offset", type: "int64", nullable: false },
  { name: "timestamp", type: "timestamp", nullable: false },
  { name: "key", type: "bytes", nullable: true },
  { name: "value", type: "bytes", nullable: true },
  { name: "reason", type: "string", nullable: false }
]

const columnsOfFile = (topic: Topic, dead: boolean): ReadonlyArray<Declared> =>
  dead ? deadLetterColumns : lakeColumnsOf(topic)

const schemaText = (columns: ReadonlyArray<Declared>): string =>
  columns
    .map(({ name, nullable, type }) => `${name} ${parquetTypes[type]}${nullable ? "" : " NOT NULL"}`)
    .join(", ")

/** The schemas that a topic's data or dead-letter files may have, as `Footer` tells them; the present one first. */
export const declaredSchemas = (topic: Topic, dead: boolean): ReadonlyArray<string> => {
  const columns = columnsOfFile(topic, dead)
  // Dead letters of the first release had no headers.
  return dead
    ? [schemaText([...columns, { name: "headers", type: "string", nullable: true }]), schemaText(columns)]
    : [schemaText(columns)]
}

/** The footers of files, by file. */
export const readFooters = (
  db: AuditDb,
  files: ReadonlyArray<string>
): Effect.Effect<ReadonlyMap<string, Footer>, ReadFailed> =>
  Effect.gen(function* () {
    const list = `[${files.map(literal).join(", ")}]`
    const said = yield* db.query(
      `SELECT file_name AS file, decode(key) AS key, decode(value) AS value FROM parquet_kv_metadata(${list})`
    )
    const columns = yield* db.query(
      `SELECT file_name AS file, name, concat_ws(' ', type, converted_type,
        CASE WHEN logical_type LIKE 'TimestampType(isAdjustedToUTC=1%' THEN 'UTC' END,
        CASE WHEN repetition_type = 'REQUIRED' THEN 'NOT NULL' END) AS type
      FROM parquet_schema(${list}) WHERE repetition_type IS NOT NULL`
    )
    const found = new Map<string, { metadata: Map<string, string>; columns: Array<string> }>()
    for (const file of files) found.set(file, { metadata: new Map(), columns: [] })
    for (const { file, key, value } of said) found.get(String(file))?.metadata.set(String(key), String(value))
    for (const { file, name, type } of columns)
      found.get(String(file))?.columns.push(`${String(name)} ${String(type)}`)
    return new Map(
      [...found].map(([file, { columns, metadata }]) => [file, { metadata, schema: columns.join(", ") }])
    )
  })

const readable = ({ name, type }: Declared): string => {
  const column = `"${name}"`
  if (type === "timestamp") return `epoch_us(${column}) / 1000 AS ${column}`
  return type === "int64" ? `${column}::DOUBLE AS ${column}` : column
}

/** The rows of files of one schema, by file: one query for all of them, since each has its price. */
export const readRows = (
  db: AuditDb,
  topic: Topic,
  dead: boolean,
  files: ReadonlyArray<string>
): Effect.Effect<ReadonlyMap<string, FileRows>, ReadFailed> => {
  const declared = columnsOfFile(topic, dead)
  const list = `[${files.map(literal).join(", ")}]`
  return Effect.map(
    db.columns(
      `SELECT * FROM (SELECT list_position(${list}, filename) AS file, ${declared.map(readable).join(", ")}
        FROM ${parquet(files, "filename = true")}) ORDER BY file, _offset`
    ),
    (columns) => {
      const of = columns.get("file") as ReadonlyArray<number>
      const found = new Map<string, FileRows>()
      let from = 0
      for (let i = 0; i < files.length; i++) {
        let to = from
        while (to < of.length && of[to] === i + 1) to++
        const own = new Map<string, ReadonlyArray<Stored>>()
        for (const { name } of declared) own.set(name, columns.get(name)!.slice(from, to) as Array<Stored>)
        found.set(files[i], { offsets: own.get("_offset") as ReadonlyArray<number>, columns: own })
        from = to
      }
      return found
    }
  )
}
