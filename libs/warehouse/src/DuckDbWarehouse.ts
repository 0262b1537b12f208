import type { DuckDBConnection, DuckDBValue } from "@duckdb/node-api"
import { DuckDBDateValue, DuckDBInstance, DuckDBTimestampValue } from "@duckdb/node-api"
import type { Scope } from "effect"
import { Clock, Data, Effect, Exit, Layer } from "effect"
import fs from "node:fs"
import path from "node:path"
import { maxBadRows, rowText } from "./audits.ts"
import { momentLength } from "./Dialect.ts"
import { duckDbDialect, firstMomentMark, momentMark, momentsMark, skipMark } from "./duckDbDialect.ts"
import { countRows, readRowCounts, RowChanges, rowCountsTable } from "./duckDbRowCounts.ts"
import { readableFiles } from "./lakeFiles.ts"
import type { SqlRow, SqlValue, WarehouseService, WarehouseSession } from "./Warehouse.ts"
import { Warehouse } from "./Warehouse.ts"
import type { AuditFailure, WarehouseError } from "./WarehouseError.ts"
import { LakeFileDamaged, StatementFailed, WarehouseUnavailable, whileLocked } from "./WarehouseError.ts"

export interface DuckDbSettings {
  /** The database file. */
  readonly file: string
  /** Threads of a run. Without it one: with two, DuckDB's tasks wait for each other by asking all the time. */
  readonly threads?: number | undefined
  /** Memory that DuckDB may take, MiB; it spills to `<file>.tmp` beyond it. Without it little, and more for much work. */
  readonly memoryMiB?: number | undefined
}

/**
 * Rows that are stored together: a row group. An hour adds some ten thousand: a checkpoint writes the last, unfilled group
 * of each table again, and a scan reads whole groups. With large groups both cost twice as much.
 */
const rowsOfGroup = 20_480
/**
 * Where many rows come at once, and of rows of older hours. A scan asks each group of its table whether it has rows of the
 * hours looked for, so with small groups an hour grew with the history.
 */
const rowsOfLargeGroup = 122_880

/**
 * DuckDB's format of the file, the first in which a checkpoint takes over what it knows of columns that did not change:
 * with the default, which old DuckDBs can read, it writes that again for every group of a table with one new row. A
 * file of an older format is brought to it by its next checkpoint.
 */
const storageVersion = "v1.5.0"

/**
 * Builds between two checkpoints that put a table's small row groups together: each build leaves a group of its own in
 * every table, and putting it to the ones before costs three times the rest of a checkpoint.
 */
const buildsOfGroups = 6
/**
 * Row groups of a table that are put together then, at most. Six builds leave twenty of plays and of pages; a file of an
 * earlier release, which has only small ones, is not held up by all of them.
 */
const groupsAtOnce = 30

/** Whether it is time for that: by the groups of a table to which every build adds rows, more than its rows need. */
const groupsAreSmall = `SELECT count(DISTINCT row_group_id) > ${buildsOfGroups} + coalesce(sum(count), 0) // ${rowsOfGroup} AS small
FROM pragma_storage_info('model_hours') WHERE column_name = 'hour' AND segment_type = 'BIGINT'`

/**
 * Memory of a run without much work, MiB: what is used again need not be asked of the system, and cleared by it, anew.
 * Five hours of 88,000 events at once cost a seventh less CPU than without a bound, and did not spill.
 */
const littleMemory = 200
/** And of one with much work. */
const muchMemory = 900
/** Part of it that is kept for blocks of tables once it was used: else each statement has its pages cleared anew. */
const keptMemory = 2 / 3

/** Opens the file with so many rows to a group. */
const attach = async (connection: DuckDBConnection, file: string, groupRows: number): Promise<void> => {
  await connection.run(
    `ATTACH ${duckDbDialect.text(file)} AS warehouse (ROW_GROUP_SIZE ${groupRows}, STORAGE_VERSION '${storageVersion}')`
  )
  await connection.run("USE warehouse")
}

const detach = async (connection: DuckDBConnection): Promise<void> => {
  await connection.run("USE memory")
  await connection.run("DETACH warehouse")
}

const temporaryTable = /^CREATE OR REPLACE TEMP (TABLE|VIEW) (\w+)/

const messageOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause))

/** Why a file would not open, in words that help. */
const unavailable = (file: string, cause: unknown): WarehouseUnavailable => {
  const text = messageOf(cause)
  const fail = (reason: WarehouseUnavailable["reason"], message: string) =>
    new WarehouseUnavailable({ reason, file, message, cause })
  if (/\block\b|being used by another process|same database file|already attached/i.test(text)) {
    const pid = /PID (\d+)/.exec(text)?.[1]
    return fail(
      "locked",
      `${file} is in use by another process${pid === undefined ? "" : ` (${pid})`}. ` +
        `Only one batcher may have it open: wait for that one to end, or stop it.`
    )
  }
  if (/No space left|disk is full|out of disk|ENOSPC/i.test(text)) {
    return fail("disk full", `The disk of ${file} is full. Free some space, then run the same command again.`)
  }
  if (/newer (?:version|DuckDB)|version number|storage version/i.test(text)) {
    return fail(
      "newer format",
      `${file} was written by another version of DuckDB and cannot be read by this one: ${text.split("\n")[0]} ` +
        `Nothing was touched. Use the release that wrote it, or delete the file: it is built again from the lake.`
    )
  }
  if (/permission|read-only|cannot open file|Is a directory/i.test(text)) {
    return fail("not writable", `${file} cannot be opened for writing: ${text.split("\n")[0]}`)
  }
  return fail(
    "damaged",
    `${file} is damaged: ${text.split("\n")[0]} ` +
      `Delete it (and ${file}.wal): the next run builds it again from the lake; what is published stays until then.`
  )
}

const damage = /corrupt|checksum|deserializ|serializ|Invalid bitmask|FATAL|database has been invalidated/i

/** Names the file when the fault is a file's, else the step. */
const failure = (file: string, step: string, statement: string, cause: unknown): WarehouseError => {
  const text = messageOf(cause)
  const parquet = /['"]?([^'"\s]+\.parquet)['"]?/.exec(text)?.[1]
  if (parquet !== undefined && !/\bCOPY\b/.test(statement.slice(0, 8))) {
    return new LakeFileDamaged({
      file: parquet,
      message:
        `The lake file ${parquet} cannot be read: ${text.split("\n")[0]} ` +
        `Restore it from a copy (its name and its plan say which rows it holds), then run again. Nothing was changed.`
    })
  }
  if (/No space left|disk is full|ENOSPC|out of disk/i.test(text)) return unavailable(file, cause)
  if (damage.test(text)) return unavailable(file, new Error(text))
  const help = /Out of Memory/i.test(text)
    ? `DuckDB may take too little memory for this (${text.split("\n")[0]}): give it more with --batch-memory, or build fewer events at once with --batch-rows. Nothing was changed.`
    : text
  return new StatementFailed({
    step,
    message: `${step}: ${help}`,
    statement: statement.length > 4000 ? `${statement.slice(0, 4000)}…` : statement,
    cause
  })
}

const plain = (value: DuckDBValue): SqlValue => {
  if (value instanceof DuckDBTimestampValue) return Number(value.micros) / 1000
  if (value instanceof DuckDBDateValue) return value.toString()
  if (value === null || typeof value !== "object") return value as SqlValue
  return String(value)
}

/** Ends the transaction whose checks have found rows. */
class Found extends Data.TaggedError("Found")<{ readonly failures: ReadonlyArray<AuditFailure> }> {}

/** A session that can also run a transaction that is not said as a value. */
export interface DuckDbSession extends WarehouseSession {
  /** Runs statements in order; `step` names them in errors. Rows that they change outside of a transaction are not counted. */
  readonly run: (step: string, statements: ReadonlyArray<string>) => Effect.Effect<void, WarehouseError>
  /** All or nothing: a failure or an interruption rolls back. Not to be nested. */
  readonly transaction: <A, E, R>(body: Effect.Effect<A, E, R>) => Effect.Effect<A, E | WarehouseError, R>
}

/** Folder of copies of lake files that lie in a remote bucket, while the warehouse is open. */
const copiesOf = (file: string): string => `${file}.lake`

/** Folder of the rows that failed audits of the last build have found. */
const failedOf = (file: string): string => `${file}.failed`

const session = ({ file, memoryMiB }: DuckDbSettings, connection: DuckDBConnection): DuckDbSession => {
  const attempt = <A>(
    step: string,
    statement: string,
    run: () => Promise<A>
  ): Effect.Effect<A, WarehouseError> =>
    // Uninterruptible up to the statement's end: interrupt() makes it fail soon, and then nothing is left running.
    Effect.async<A, WarehouseError>((resume) => {
      const running = run().then(
        (value) => resume(Effect.succeed(value)),
        (cause: unknown) => resume(Effect.fail(failure(file, step, statement, cause)))
      )
      return Effect.promise(() => {
        connection.interrupt()
        return running
      })
    })
  const changes = new RowChanges()
  const temporaries = new Map<string, string>()
  let moments = ""
  const noteMoment = (isFirst: boolean) =>
    Effect.map(Clock.currentTimeMillis, (now) => {
      moments = (isFirst ? "" : moments) + String(Math.trunc(now)).padStart(momentLength, "0")
    })
  const statement = (step: string, sql: string) =>
    Effect.suspend(() => {
      const timed = sql.replaceAll(momentsMark, duckDbDialect.text(moments))
      return Effect.tap(
        attempt(step, timed, () => connection.run(timed)),
        ({ rowsChanged }) =>
          Effect.sync(() => {
            changes.add(timed, rowsChanged)
            const [, kind, name] = temporaryTable.exec(timed) ?? []
            if (name !== undefined) temporaries.set(name, kind)
          })
      )
    })
  const run = (step: string, statements: ReadonlyArray<string>): Effect.Effect<void, WarehouseError> =>
    Effect.gen(function* () {
      for (let i = 0; i < statements.length; i++) {
        const skipped = skipMark.exec(statements[i])?.[1]
        if (statements[i] === momentMark || statements[i] === firstMomentMark)
          yield* noteMoment(statements[i] === firstMomentMark)
        else if (skipped === undefined) yield* statement(step, statements[i])
        else {
          const [needed] = yield* query(step, statements[i])
          if (Object.values(needed)[0] !== true) i += Number(skipped)
        }
      }
    })
  const query = (step: string, sql: string): Effect.Effect<ReadonlyArray<SqlRow>, WarehouseError> =>
    Effect.map(
      attempt(step, sql, () => connection.runAndReadAll(sql)),
      (reader) => {
        const names = reader.columnNames()
        return reader.getRows().map((values): SqlRow => {
          const row: Record<string, SqlValue> = {}
          for (let i = 0; i < names.length; i++) row[names[i]] = plain(values[i])
          return row
        })
      }
    )
  const keptCounts = Effect.map(
    query("row counts", readRowCounts),
    (rows) => new Map(rows.map((row) => [String(row["name"]), Number(row["n"])]))
  )
  const transaction: DuckDbSession["transaction"] = (body) =>
    Effect.acquireUseRelease(
      Effect.tap(statement("transaction", "BEGIN TRANSACTION"), () => Effect.sync(() => changes.begin())),
      () =>
        body.pipe(
          Effect.zipLeft(Effect.suspend(() => run("row counts", changes.statements()))),
          Effect.zipLeft(statement("transaction", "COMMIT"))
        ),
      (_, exit) =>
        Exit.isSuccess(exit)
          ? Effect.void
          : // After a failed COMMIT there is no transaction left to roll back.
            Effect.ignore(statement("transaction", "ROLLBACK"))
    )
  /** They are held in memory, which what follows can use again. */
  const dropTemporaries = Effect.suspend(() => {
    const drops = [...temporaries].map(([name, kind]) => `DROP ${kind} IF EXISTS temp.${name}`)
    temporaries.clear()
    return drops.length === 0 ? Effect.void : run("temporary tables", [drops.join("; ")])
  })
  let areGroupsLarge = false
  /** Between the two others may have the file for a moment. */
  const enlargeGroups = Effect.suspend(() =>
    areGroupsLarge
      ? Effect.void
      : attempt("row groups", "DETACH", () => detach(connection)).pipe(
          Effect.zipRight(
            Effect.retry(
              Effect.tryPromise({
                try: () => attach(connection, file, rowsOfLargeGroup),
                catch: (cause) => unavailable(file, cause)
              }),
              whileLocked
            )
          ),
          Effect.tap(() => Effect.sync(() => (areGroupsLarge = true)))
        )
  )
  return {
    dialect: duckDbDialect,
    tables: Effect.map(
      query(
        "tables",
        `SELECT table_name, table_type FROM information_schema.tables WHERE table_schema = 'main' AND table_catalog = current_database()`
      ),
      (rows) => rows.map((row) => ({ name: String(row["table_name"]), isView: row["table_type"] === "VIEW" }))
    ),
    run,
    query,
    transaction,
    define: (step, statements) => transaction(run(step, statements)),
    rowCounts: (tables) =>
      Effect.gen(function* () {
        yield* run("row counts", [rowCountsTable])
        const known = yield* keptCounts
        const unknown = tables.filter((name) => !known.has(name))
        if (unknown.length === 0) return known
        yield* run("row counts", [countRows(unknown)])
        return yield* keptCounts
      }),
    stage: (files) => readableFiles(files, copiesOf(file)),
    hurry: Effect.zipRight(
      enlargeGroups,
      run("hurry", [
        ...(memoryMiB === undefined ? [`SET memory_limit = '${muchMemory}MiB'`] : []),
        `SET block_allocator_memory = '${Math.trunc((memoryMiB ?? muchMemory) * keptMemory)}MiB'`,
        // Large files are read by one model after the other.
        "SET parquet_metadata_cache = true"
      ])
    ),
    transact: ({ checks, steps }, { during, onStep }) =>
      Effect.gen(function* () {
        for (const { name, phase, statements } of steps) {
          yield* onStep(name)
          yield* during(phase, run(name, statements))
        }
        const failures: Array<AuditFailure> = []
        if (checks.length > 0) yield* onStep("audit")
        const suspected = new Map<string, boolean>()
        for (const { audit, badRows, model, suspects } of checks) {
          if (suspects !== undefined) {
            const isSuspected =
              suspected.get(suspects) ??
              (yield* during("audit", query("audits", `SELECT 1 FROM (${suspects}) LIMIT 1`))).length > 0
            suspected.set(suspects, isSuspected)
            if (!isSuspected) continue
          }
          const rows = yield* during(
            "audit",
            query(`audit of ${model}: ${audit}`, `SELECT * FROM (${badRows}) LIMIT ${maxBadRows}`)
          )
          if (rows.length === 0) continue
          // What is rolled back cannot be asked any more: all rows go into a file.
          const kept = path.join(failedOf(file), `${model}-${failures.length + 1}.parquet`)
          yield* Effect.sync(() => fs.mkdirSync(failedOf(file), { recursive: true }))
          yield* run(`audit of ${model}: ${audit}`, [
            `COPY (${badRows}) TO ${duckDbDialect.text(kept)} (FORMAT parquet)`
          ])
          failures.push({
            model,
            audit,
            rows: rows.map(rowText),
            query: `SELECT * FROM ${duckDbDialect.text(kept)}`
          })
        }
        if (failures.length > 0) return yield* new Found({ failures })
        yield* onStep("commit")
        return failures
      }).pipe(
        transaction,
        (all) =>
          Effect.catchIf(
            all,
            (error) => error instanceof Found,
            (found) => Effect.succeed(found.failures)
          ),
        Effect.zipLeft(dropTemporaries)
      )
  }
}

/** A DuckDB file as warehouse. */
export const makeDuckDbWarehouse = (
  settings: DuckDbSettings
): WarehouseService & { readonly open: Effect.Effect<DuckDbSession, WarehouseUnavailable, Scope.Scope> } => {
  const { file, memoryMiB, threads } = settings
  const open = Effect.acquireRelease(
    Effect.tryPromise({
      try: async () => {
        if (fs.existsSync(file) && fs.statSync(file).size < 4096 && fs.statSync(file).size > 0) {
          throw new Error(`it has only ${fs.statSync(file).size} bytes, so its end is missing.`)
        }
        const instance = await DuckDBInstance.create(":memory:", {
          temp_directory: `${file}.tmp`,
          threads: String(threads ?? 1),
          memory_limit: `${memoryMiB ?? littleMemory}MiB`,
          autoinstall_known_extensions: "false",
          autoload_known_extensions: "false"
        })
        try {
          const connection = await instance.connect()
          await attach(connection, file, rowsOfGroup)
          // Lake files are named one by one; nothing depends on the order in which they are read.
          await connection.run("SET preserve_insertion_order = false")
          await connection.run("SET TimeZone = 'UTC'")
          // An hour's lake files are hundreds of small ones, each read once: whole, and not kept.
          await connection.run("SET prefetch_all_parquet_files = true")
          await connection.run("SET enable_external_file_cache = false")
          const tables = await connection.runAndReadAll(
            "SELECT 1 FROM duckdb_tables() WHERE table_name = 'model_hours'"
          )
          if (tables.currentRowCount > 0) {
            const reader = await connection.runAndReadAll(groupsAreSmall)
            const isSmall = reader.getRows()[0][0] === true
            if (isSmall) {
              await detach(connection)
              await attach(connection, file, rowsOfLargeGroup)
            }
            await connection.run(`SET max_vacuum_tasks = ${isSmall ? groupsAtOnce : 0}`)
          }
          return { instance, connection }
        } catch (cause) {
          instance.closeSync()
          throw cause
        }
      },
      catch: (cause) => unavailable(file, cause)
    }),
    ({ connection, instance }) =>
      Effect.sync(() => {
        connection.closeSync()
        instance.closeSync()
        fs.rmSync(copiesOf(file), { recursive: true, force: true })
      })
  )
  return { place: file, open: Effect.map(open, ({ connection }) => session(settings, connection)) }
}

/** The warehouse in a DuckDB file. */
export const layer = (settings: DuckDbSettings): Layer.Layer<Warehouse> =>
  Layer.succeed(Warehouse, makeDuckDbWarehouse(settings))
