import { DuckDBInstance } from "@duckdb/node-api"
import type { DuckDBConnection } from "@duckdb/node-api"
import { currentVersion as versionInForce, readManifest } from "@musify/warehouse/Published.ts"
import type { PublishedDamaged } from "@musify/warehouse/Published.ts"
import { publishedQuery } from "@musify/warehouse/publishedQuery.ts"
import { verifyPublished } from "@musify/warehouse/verifyPublished.ts"
import type { Scope } from "effect"
import { Effect, Option } from "effect"
import path from "node:path"
import { NothingPublished, PublishedUnreadable } from "./DashboardError.ts"
import type { Cell, Marts, Row } from "./Marts.ts"

/** Columns of the published tables, for tables that have no file yet. */
const emptyTables: Readonly<Record<string, string>> = {
  mart_listening:
    "NULL::TIMESTAMP AS hour, NULL::BIGINT AS user_key, NULL::BIGINT AS user_id, NULL::VARCHAR AS state, NULL::VARCHAR AS level, NULL::VARCHAR AS gender, NULL::VARCHAR AS tag, NULL::BIGINT AS device_key, NULL::BIGINT AS plays, NULL::BIGINT AS seconds, NULL::BIGINT AS skips",
  mart_songs:
    "NULL::TIMESTAMP AS hour, NULL::VARCHAR AS state, NULL::BIGINT AS song_key, NULL::BIGINT AS artist_key, NULL::BIGINT AS plays",
  mart_users:
    "NULL::BIGINT AS user_id, NULL::VARCHAR AS gender, NULL::VARCHAR AS level, NULL::TIMESTAMP AS registered_at, NULL::TIMESTAMP AS first_seen, NULL::TIMESTAMP AS first_play, NULL::TIMESTAMP AS last_seen, NULL::TIMESTAMP AS paid_since",
  mart_active_users: "NULL::DATE AS date, NULL::BIGINT AS dau, NULL::BIGINT AS wau, NULL::BIGINT AS mau",
  mart_level_steps:
    "NULL::DATE AS date, NULL::VARCHAR AS level_before, NULL::VARCHAR AS level_after, NULL::VARCHAR AS tag, NULL::INTEGER AS days_before, NULL::BIGINT AS changes, NULL::BIGINT AS seconds_before",
  mart_retention:
    "NULL::DATE AS cohort_week, NULL::INTEGER AS week_number, NULL::BIGINT AS users, NULL::BIGINT AS returned",
  dim_devices:
    "NULL::BIGINT AS device_key, NULL::VARCHAR AS user_agent, NULL::VARCHAR AS browser, NULL::VARCHAR AS os, NULL::VARCHAR AS form",
  dim_songs: "NULL::BIGINT AS song_key, NULL::VARCHAR AS title, NULL::VARCHAR AS artist_name",
  dim_artists: "NULL::BIGINT AS artist_key, NULL::VARCHAR AS name"
}

const unreadable = (what: string) => (cause: unknown) =>
  new PublishedUnreadable({
    message: `${what}: ${cause instanceof Error ? cause.message : String(cause)}`,
    cause
  })

const cell = (value: unknown): Cell => {
  if (typeof value === "bigint") return Number(value)
  if (value instanceof Date) return value.toISOString()
  return value as Cell
}

const read = async (connection: DuckDBConnection, sql: string): Promise<ReadonlyArray<Row>> => {
  const rows = (await connection.runAndReadAll(sql)).getRowObjectsJS()
  return rows.map((row) =>
    Object.fromEntries(Object.entries(row).map(([name, value]) => [name, cell(value)]))
  )
}

const quoted = (text: string): string => `'${text.replaceAll("'", "''")}'`

/** One in-memory database of this process; each version that is open is a connection of its own with its own views. */
export const makeDuckDb: Effect.Effect<DuckDBInstance, PublishedUnreadable, Scope.Scope> =
  Effect.acquireRelease(
    Effect.tryPromise({
      try: () =>
        DuckDBInstance.create(":memory:", {
          autoinstall_known_extensions: "false",
          memory_limit: "1GB"
        }),
      catch: unreadable("DuckDB does not start")
    }),
    (instance) => Effect.sync(() => instance.closeSync())
  )

const asUnreadable = ({ file, message }: PublishedDamaged) => new PublishedUnreadable({ file, message })

/** The name of the version in force; undefined before the first publish. */
export const currentVersion = (published: string): Effect.Effect<string | undefined, PublishedUnreadable> =>
  versionInForce(published).pipe(Effect.map(Option.getOrUndefined), Effect.mapError(asUnreadable))

const emptyQuery = (name: string): string => `SELECT ${emptyTables[name] ?? "NULL AS nothing"} WHERE false`

/** Times with a zone become plain UTC ones, so that no answer depends on the time zone of the machine. */
const plainTimes = async (connection: DuckDBConnection, file: string): Promise<string> => {
  const columns = await read(connection, `DESCRIBE SELECT * FROM read_parquet(${quoted(file)})`)
  const zoned = columns.filter((column) => column.column_type === "TIMESTAMP WITH TIME ZONE")
  if (zoned.length === 0) return "*"
  return `* REPLACE (${zoned.map(({ column_name: c }) => `make_timestamp(epoch_us(${c})) AS ${c}`).join(", ")})`
}

/** Opens one version for reading, its files checked; it is closed with the scope. */
export const openVersion = (
  duckDb: DuckDBInstance,
  published: string,
  version: string
): Effect.Effect<Marts, PublishedUnreadable, Scope.Scope> =>
  Effect.gen(function* () {
    const root = path.resolve(published, version)
    const manifest = yield* Effect.mapError(readManifest(published, version), asUnreadable)
    const verify = Effect.mapError(verifyPublished(root, manifest), asUnreadable)
    yield* verify
    const connection = yield* Effect.acquireRelease(
      Effect.tryPromise({ try: () => duckDb.connect(), catch: unreadable("DuckDB does not connect") }),
      (open) => Effect.sync(() => open.closeSync())
    )
    yield* Effect.tryPromise({
      try: async () => {
        for (const name of new Set([...Object.keys(emptyTables), ...Object.keys(manifest.tables)])) {
          const files = manifest.tables[name] ?? []
          const query =
            files.length === 0
              ? emptyQuery(name)
              : publishedQuery(root, files, await plainTimes(connection, path.join(root, files[0].path)))
          await connection.run(`CREATE TEMP VIEW ${name} AS ${query}`)
        }
      },
      catch: unreadable(`Published version ${version} cannot be read (musify batch run publishes again)`)
    })
    // One query at a time per connection: DuckDB itself spreads a query over the cores.
    const turn = yield* Effect.makeSemaphore(1)
    return {
      manifest,
      verify,
      query: (sql) =>
        turn.withPermits(1)(
          Effect.tryPromise({
            try: () => read(connection, sql),
            catch: unreadable(`Published version ${version} cannot be read`)
          })
        )
    }
  })

/** Opens the version in force of a `published` folder, for a reader that needs it once (the audit, tests). */
export const openPublished = (
  published: string
): Effect.Effect<Marts, PublishedUnreadable | NothingPublished, Scope.Scope> =>
  Effect.gen(function* () {
    const version = yield* currentVersion(published)
    if (version === undefined) {
      return yield* new NothingPublished({ message: `Nothing is published in ${published} yet.` })
    }
    return yield* openVersion(yield* makeDuckDb, published, version)
  })
