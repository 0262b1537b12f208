import { Effect } from "effect"
import type { Catalog } from "./catalogTables.ts"
import { loadCatalog } from "./catalogTables.ts"
import { ledgerTables } from "./ledger.ts"
import { createStatement } from "./Model.ts"
import { models, modelVersion } from "./models/models.ts"
import type { WarehouseSession } from "./Warehouse.ts"
import type { WarehouseError } from "./WarehouseError.ts"
import { WarehouseUnavailable } from "./WarehouseError.ts"

/** Version of the warehouse file's own tables (the ledger); a newer one is refused. */
const format = 1

/** Values kept in the warehouse beside its tables. */
export type InfoName = "format" | "models" | "resetting" | "published"

export const readInfo = (
  session: WarehouseSession,
  name: InfoName
): Effect.Effect<string | undefined, WarehouseError> =>
  Effect.map(
    session.query("ledger", `SELECT value FROM warehouse_info WHERE name = '${name}'`),
    ([row]) => row?.["value"] as string | undefined
  )

export const writeInfo = (
  session: WarehouseSession,
  name: InfoName,
  value: string
): ReadonlyArray<string> => [
  `DELETE FROM warehouse_info WHERE name = '${name}'`,
  `INSERT INTO warehouse_info VALUES ('${name}', ${session.dialect.text(value)})`
]

/** Refuses a warehouse of a newer release, before anything is changed, and makes the ledger's tables if need be. */
export const prepareLedger = (
  session: WarehouseSession,
  place: string
): Effect.Effect<void, WarehouseError> =>
  Effect.gen(function* () {
    const tables = yield* session.query(
      "ledger",
      `SELECT table_name FROM information_schema.tables WHERE table_name = 'warehouse_info'`
    )
    const found = tables.length === 0 ? undefined : yield* readInfo(session, "format")
    if (found !== undefined && Number(found) > format) {
      return yield* new WarehouseUnavailable({
        reason: "newer format",
        file: place,
        message:
          `${place} was made by a newer Musify (warehouse format ${found}; this one knows ${format}). Nothing was ` +
          `touched: use that release, or delete the file: it is built again from the lake.`
      })
    }
    if (found === undefined) {
      yield* session.transaction(
        session.run("ledger", [...ledgerTables, ...writeInfo(session, "format", String(format))])
      )
    }
  })

/** What the tables depend on besides events: the models and the catalog. */
const modelsAndCatalog = (catalogVersion: string | undefined): string =>
  `${modelVersion} ${catalogVersion ?? "no catalog"}`

/** Whether the tables were made by other models or another catalog (or not at all): then all is built again. */
export const needsReset = (
  session: WarehouseSession,
  catalogVersion: string | undefined
): Effect.Effect<boolean, WarehouseError> =>
  Effect.map(readInfo(session, "models"), (found) => found !== modelsAndCatalog(catalogVersion))

/** Makes all tables anew, empty but for the catalog; every hour becomes dirty. Part of the caller's transaction. */
export const reset = (
  session: WarehouseSession,
  catalog: Catalog | undefined
): Effect.Effect<void, WarehouseError> =>
  Effect.gen(function* () {
    const sql = session.dialect
    const present = yield* session.query(
      "reset",
      `SELECT table_name, table_type FROM information_schema.tables WHERE table_schema = 'main' AND table_catalog = current_database()`
    )
    const ours = new Set(models.map(({ name }) => name))
    const drops = present
      .filter((row) => ours.has(String(row["table_name"])))
      .map((row) => `DROP ${row["table_type"] === "VIEW" ? "VIEW" : "TABLE"} ${String(row["table_name"])}`)
    yield* session.run("reset", [
      ...drops.filter((drop) => drop.startsWith("DROP VIEW")),
      ...drops.filter((drop) => !drop.startsWith("DROP VIEW")),
      ...models.map((model) => createStatement(sql, model)),
      ...models.flatMap((model) => model.seed?.(sql) ?? []),
      ...loadCatalog(sql, catalog),
      `UPDATE ledger_hours SET built_hash = NULL`,
      `DELETE FROM pending_publish`,
      ...models.flatMap(({ name, publish }) =>
        publish?.by === "whole" ? [`INSERT INTO pending_publish VALUES (${sql.text(name)}, NULL)`] : []
      ),
      ...writeInfo(session, "models", modelsAndCatalog(catalog?.version)),
      ...writeInfo(session, "resetting", "yes")
    ])
  })
