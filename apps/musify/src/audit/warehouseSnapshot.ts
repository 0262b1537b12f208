import { duckDbDialect } from "@musify/warehouse/duckDbDialect.ts"
import { auditAll } from "@musify/warehouse/audits.ts"
import type { SqlRow as WarehouseRow, WarehouseReader } from "@musify/warehouse/Warehouse.ts"
import { StatementFailed } from "@musify/warehouse/WarehouseError.ts"
import type { WarehouseError } from "@musify/warehouse/WarehouseError.ts"
import type { Scope } from "effect"
import { Effect, Schedule } from "effect"
import type { DurationInput } from "effect/Duration"
import fs from "node:fs"
import type { AuditDb, ReadFailed } from "./DuckDbAudit.ts"
import { literal } from "./DuckDbAudit.ts"
import { UserError } from "@musify/runtime/UserError.ts"

const locked = (message: string): boolean =>
  /\block\b|being used by another|already attached|unique file handle/i.test(message)

/**
 * Attaches `warehouse.duckdb` read-only as `wh` until the scope closes. While it is attached no batcher can begin a
 * run, so what is read from it, and what is published, belong together: keep it short. A batcher that is in a run is
 * waited for, up to `patience`.
 */
export const attachWarehouse = (
  db: AuditDb,
  file: string,
  patience: DurationInput
): Effect.Effect<void, UserError, Scope.Scope> => {
  // Its end is looked at first: DuckDB maps a file that is too short without a word of where.
  const attach = Effect.suspend(() => {
    const { size } = fs.statSync(file)
    return size >= 4096
      ? db.run(`ATTACH ${literal(file)} AS wh (READ_ONLY)`)
      : Effect.fail({ message: `it has only ${size} bytes` })
  })
  return Effect.acquireRelease(
    attach.pipe(
      Effect.retry({
        while: ({ message }) => locked(message),
        schedule: Schedule.exponential("50 millis", 1.5).pipe(
          Schedule.union(Schedule.spaced("2 seconds")),
          Schedule.upTo(patience)
        )
      }),
      Effect.mapError(({ message }) =>
        locked(message)
          ? new UserError({
              message: `${file} is in use: a batcher is in a run. Try again when it has ended, or wait longer (--wait).`,
              exitCode: 3
            })
          : new UserError({
              message:
                `${file} cannot be read: ${message}. Nothing was compared. If it is damaged, delete it (and ${file}.wal): ` +
                `musify batch run builds it again from the lake.`,
              exitCode: 1
            })
      )
    ),
    () => Effect.ignore(db.run("DETACH wh"))
  ).pipe(Effect.asVoid)
}

const plain = (value: unknown) =>
  value instanceof Date ? value.getTime() : (value as string | number | bigint | boolean | null)

/** The attached warehouse as its own audits see it; nothing can be written through it. */
const readOnlySession = (db: AuditDb): WarehouseReader => {
  const failed = (step: string, statement: string) => (cause: ReadFailed) =>
    new StatementFailed({ step, message: `${step}: ${cause.message}`, statement, cause })
  return {
    dialect: duckDbDialect,
    query: (step, sql) =>
      Effect.mapBoth(db.query(sql), {
        onFailure: failed(step, sql),
        onSuccess: (rows) =>
          rows.map((row): WarehouseRow =>
            Object.fromEntries(Object.entries(row).map(([name, value]) => [name, plain(value)]))
          )
      })
  }
}

/** Runs the warehouse's own audits, read-only. */
export const starSchemaAudits = (db: AuditDb) =>
  Effect.acquireUseRelease(
    db.run("USE wh"),
    (): Effect.Effect<Effect.Effect.Success<ReturnType<typeof auditAll>>, WarehouseError> =>
      auditAll(readOnlySession(db)),
    () => Effect.orDie(db.run("USE memory"))
  )

/** What the ledger says of the hours. */
export interface Ledger {
  /** Hours that hold what their known files say. */
  readonly built: ReadonlySet<number>
  /** Hours with facts of fewer files than are known: late files came, and no run has built them. */
  readonly stale: ReadonlySet<number>
  /** Files by name in the bucket, with topic and hour. */
  readonly files: ReadonlyArray<{ readonly path: string; readonly topic: string; readonly hour: number }>
  /** Whether something is built, but not published. */
  readonly unpublished: boolean
}

/** Reads the ledger of the attached warehouse; undefined when nothing was ever built in it. */
export const readLedger = (db: AuditDb): Effect.Effect<Ledger | undefined, ReadFailed> =>
  Effect.gen(function* () {
    const tables = yield* db.query(
      `SELECT table_name FROM duckdb_tables() WHERE database_name = 'wh' AND table_name = 'fact_streams'`
    )
    if (tables.length === 0) return undefined
    const hours = yield* db.query(
      `SELECT l.hour, l.built_at IS NOT NULL AS before,
  count(b.model) = (SELECT count(*) FROM wh.model_versions WHERE kind <> 'view') AS built
FROM wh.ledger_hours l LEFT JOIN (SELECT h.* FROM wh.model_hours h JOIN wh.model_versions v USING (model, version)) b
  ON b.hour = l.hour AND b.state = 'built' AND b.input_hash = l.files_hash
GROUP BY ALL`
    )
    const files = yield* db.query(`SELECT path, topic, hour FROM wh.lake_files`)
    const [pending] = yield* db.query(`SELECT count(*) AS n FROM wh.pending_publish`)
    const hoursThat = (chosen: (row: (typeof hours)[number]) => boolean) =>
      new Set(hours.filter(chosen).map(({ hour }) => Number(hour)))
    return {
      built: hoursThat(({ built }) => built === true),
      stale: hoursThat(({ built, before }) => built !== true && before === true),
      files: files.map(({ hour, path, topic }) => ({
        path: String(path),
        topic: String(topic),
        hour: Number(hour)
      })),
      // Before the first hour there is nothing to publish, whatever is pending.
      unpublished: Number(pending.n) > 0 && hours.some(({ before }) => before === true)
    }
  })
