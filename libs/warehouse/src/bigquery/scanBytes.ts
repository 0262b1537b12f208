import { Effect } from "effect"
import type { Table } from "../Model.ts"
import type { Transaction } from "../Warehouse.ts"
import type { BigQueryFault } from "./bigQueryFault.ts"

/** What BigQuery bills at least for each table that a query reads, bytes. */
const leastOfScan = 10 * 1024 ** 2

/** How often statements read each table: stored ones, temporary ones and subqueries' alike. */
const scansOf = (statements: ReadonlyArray<string>): ReadonlyMap<string, number> => {
  const scans = new Map<string, number>()
  for (const statement of statements)
    for (const [, name] of statement.matchAll(/\b(?:FROM|JOIN|UPDATE)\s+`?(\w+)/g))
      scans.set(name, (scans.get(name) ?? 0) + 1)
  return scans
}

/**
 * Most bytes that a build may be billed for: each of its reads of a stored table as if it took all columns of the days
 * that it touches, or the whole table where it is not cut by day; every read at least what BigQuery bills for one.
 * `dryRun` says what one such read takes; a table that is not there yet takes nothing.
 */
export const scanBytes = (
  { checks, steps }: Transaction,
  tables: ReadonlyArray<Table>,
  days: { readonly from: string; readonly to: string },
  dryRun: (statement: string) => Effect.Effect<number, BigQueryFault>
): Effect.Effect<number, BigQueryFault> => {
  const scans = scansOf([
    ...steps.flatMap(({ statements }) => statements),
    ...checks.map(({ badRows }) => badRows)
  ])
  const stored = new Map(tables.map((table) => [table.name, table]))
  return Effect.reduce(scans, 0, (sum, [name, count]) => {
    const table = stored.get(name)
    if (table === undefined || table.select !== undefined) return Effect.succeed(sum + count * leastOfScan)
    const { partition } = table
    const where =
      partition === undefined ? "" : ` WHERE ${partition} >= ${days.from} AND ${partition} < ${days.to}`
    return dryRun(`SELECT * FROM ${name}${where}`).pipe(
      Effect.catchIf(
        ({ kind }) => kind === "missing",
        () => Effect.succeed(0)
      ),
      Effect.map((bytes) => sum + count * Math.max(bytes, leastOfScan))
    )
  })
}
