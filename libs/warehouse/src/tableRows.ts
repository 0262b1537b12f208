import { Effect } from "effect"
import type { Dialect } from "./Dialect.ts"
import { builtModels, isCutByHours } from "./ledger.ts"
import type { WarehouseSession } from "./Warehouse.ts"
import type { WarehouseError } from "./WarehouseError.ts"

/** The query of how many rows each table has, for engines that count without looking at them: of those that are cut by hours the ledger knows. */
export const rowCounts = (sql: Dialect): string =>
  [
    `SELECT model AS name, ${sql.cast("coalesce(sum(rows_of_hour), 0)", "int64")} AS n
FROM (SELECT model, ${sql.id("rows")} AS rows_of_hour FROM model_hours WHERE state = 'built')
WHERE model IN (${builtModels
      .filter(isCutByHours)
      .map(({ name }) => sql.text(name))
      .join(", ")}) GROUP BY model`,
    ...builtModels
      .filter((model) => !isCutByHours(model))
      .map(({ name }) => `SELECT ${sql.text(name)} AS name, count(*) AS n FROM ${name}`)
  ].join("\nUNION ALL ")

const countedRows = (session: WarehouseSession): Effect.Effect<ReadonlyMap<string, number>, WarehouseError> =>
  Effect.map(
    session.query("rows", rowCounts(session.dialect)),
    (rows) => new Map(rows.map((row) => [String(row["name"]), Number(row["n"])]))
  )

/** Rows of each table. */
export const tableRows = (
  session: WarehouseSession
): Effect.Effect<Record<string, number>, WarehouseError> => {
  const names = builtModels.map(({ name }) => name)
  return Effect.map(session.rowCounts?.(names) ?? countedRows(session), (counts) =>
    Object.fromEntries(names.map((name) => [name, counts.get(name) ?? 0]))
  )
}
