import { Effect } from "effect"
import type { Catalog } from "./catalogTables.ts"
import { loadCatalog } from "./catalogTables.ts"
import { ledgerTables } from "./ledger.ts"
import type { Model } from "./Model.ts"
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
    const tables = yield* session.tables
    const isThere = tables.some(({ name }) => name === "warehouse_info")
    const found = isThere ? yield* readInfo(session, "format") : undefined
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
      yield* session.define("ledger", [
        ...ledgerTables.map(session.dialect.create),
        ...writeInfo(session, "format", String(format))
      ])
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

/** Views before the tables that they read, tables before those that their keys name. */
const dropOrder = (tables: ReadonlyArray<Model>): ReadonlyArray<Model> => {
  const left = new Set(
    tables.toSorted((a, b) => Number(b.select !== undefined) - Number(a.select !== undefined))
  )
  const order: Array<Model> = []
  while (left.size > 0) {
    const named = new Set([...left].flatMap(({ references = {} }) => Object.values(references)))
    for (const table of left) {
      if (named.has(table.name)) continue
      order.push(table)
      left.delete(table)
    }
  }
  return order
}

/**
 * Makes all tables anew, empty but for the catalog; every hour becomes dirty. Killed within, the next pass does it again:
 * what it was done for is noted last.
 */
export const reset = (
  session: WarehouseSession,
  catalog: Catalog | undefined
): Effect.Effect<void, WarehouseError> =>
  Effect.gen(function* () {
    const sql = session.dialect
    const isView = new Map((yield* session.tables).map((table) => [table.name, table.isView]))
    yield* session.define("reset", [
      ...writeInfo(session, "resetting", "yes"),
      ...writeInfo(session, "models", "none"),
      ...dropOrder(models)
        .filter(({ name }) => isView.has(name))
        .map(({ name }) => `DROP ${isView.get(name) === true ? "VIEW" : "TABLE"} ${name}`),
      ...models.map(sql.create),
      ...sql.keys(models),
      ...models.flatMap((model) => model.seed?.(sql) ?? []),
      ...loadCatalog(sql, catalog),
      `UPDATE ledger_hours SET built_hash = NULL WHERE TRUE`,
      `DELETE FROM pending_publish WHERE TRUE`,
      ...models.flatMap(({ name, publish }) =>
        publish?.by === "whole" ? [`INSERT INTO pending_publish VALUES (${sql.text(name)}, NULL)`] : []
      ),
      ...writeInfo(session, "models", modelsAndCatalog(catalog?.version))
    ])
  })
