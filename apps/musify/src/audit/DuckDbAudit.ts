import type { DuckDBConnection } from "@duckdb/node-api"
import { DuckDBInstance } from "@duckdb/node-api"
import { Effect, Schema } from "effect"
import type { Scope } from "effect"
import fs from "node:fs"
import os from "node:os"
import path from "node:path"

/** A statement failed: a file that it reads is damaged or in use. `message` is DuckDB's first line. */
export class ReadFailed extends Schema.TaggedError<ReadFailed>()("ReadFailed", {
  message: Schema.String
}) {}

/** A row by column name: 64-bit integers and wider as bigint. */
export type SqlRow = Readonly<Record<string, unknown>>

/** The audit's own DuckDB: in memory, with everything that is recounted in temporary tables. */
export interface AuditDb {
  readonly run: (sql: string) => Effect.Effect<void, ReadFailed>
  readonly query: (sql: string) => Effect.Effect<ReadonlyArray<SqlRow>, ReadFailed>
  /** The values of each column: for many rows. */
  readonly columns: (sql: string) => Effect.Effect<ReadonlyMap<string, ReadonlyArray<unknown>>, ReadFailed>
  readonly connection: DuckDBConnection
}

/** Text as an SQL literal. */
export const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`

/** `read_parquet` of these files, which must be at least one. */
export const parquet = (files: ReadonlyArray<string>, more = "union_by_name = false"): string =>
  `read_parquet([${files.map(literal).join(", ")}], hive_partitioning = false, ${more})`

/** Each thread has buffers of its own: more threads than these would spill where fewer need not. */
const mostThreads = 4

const failed = (cause: unknown) =>
  new ReadFailed({ message: (cause instanceof Error ? cause.message : String(cause)).split("\n")[0] })

/**
 * Opens the audit's database: at most `memoryMiB` in memory, the rest in a temporary folder that goes with the scope.
 */
export const makeAuditDb = (memoryMiB: number): Effect.Effect<AuditDb, ReadFailed, Scope.Scope> =>
  Effect.gen(function* () {
    const spill = yield* Effect.acquireRelease(
      Effect.sync(() => fs.mkdtempSync(path.join(os.tmpdir(), "musify-audit-"))),
      (folder) => Effect.sync(() => fs.rmSync(folder, { recursive: true, force: true }))
    )
    const connection = yield* Effect.acquireRelease(
      Effect.tryPromise({
        try: async () => {
          const instance = await DuckDBInstance.create(":memory:", {
            temp_directory: spill,
            memory_limit: `${memoryMiB}MiB`,
            threads: String(Math.min(mostThreads, os.availableParallelism())),
            autoinstall_known_extensions: "false",
            autoload_known_extensions: "false"
          })
          const open = await instance.connect()
          await open.run("SET TimeZone = 'UTC'")
          return { instance, open }
        },
        catch: failed
      }),
      ({ instance, open }) =>
        Effect.sync(() => {
          open.closeSync()
          instance.closeSync()
        })
    )
    const attempt = <A>(run: () => Promise<A>) => Effect.tryPromise({ try: run, catch: failed })
    return {
      connection: connection.open,
      run: (sql) => Effect.asVoid(attempt(() => connection.open.run(sql))),
      query: (sql) => attempt(async () => (await connection.open.runAndReadAll(sql)).getRowObjectsJS()),
      columns: (sql) =>
        attempt(async () => {
          const reader = await connection.open.runAndReadAll(sql)
          const values = reader.getColumnsJS()
          return new Map(reader.columnNames().map((name, i) => [name, values[i]]))
        })
    }
  })

/** Files by a DuckDB glob, in order of name. */
export const globFiles = (db: AuditDb, pattern: string): Effect.Effect<ReadonlyArray<string>, ReadFailed> =>
  Effect.map(db.query(`SELECT file FROM glob(${literal(pattern)}) ORDER BY file`), (rows) =>
    rows.map((row) => String(row.file))
  )

/** Which of these Parquet files cannot be read to their last value, and why. */
export const unreadable = (
  db: AuditDb,
  files: ReadonlyArray<string>
): Effect.Effect<ReadonlyArray<{ readonly file: string; readonly problem: string }>> =>
  Effect.map(
    Effect.forEach(files, (file) =>
      Effect.match(db.run(`CREATE OR REPLACE TEMP TABLE probe AS SELECT * FROM ${parquet([file])}`), {
        onSuccess: () => undefined,
        onFailure: ({ message }) => ({ file, problem: `cannot be read: ${message}` })
      })
    ),
    (found) => found.filter((one) => one !== undefined)
  )
