import { Effect } from "effect"
import type { Catalog } from "./catalogTables.ts"
import { catalogMark, catalogStatements } from "./catalogTables.ts"
import { forget, ledgerTables } from "./ledger.ts"
import type { Model } from "./Model.ts"
import { models } from "./models/models.ts"
import { madeOf, withDependents } from "./modelVersions.ts"
import type { WarehouseSession } from "./Warehouse.ts"
import type { WarehouseError } from "./WarehouseError.ts"
import { WarehouseUnavailable } from "./WarehouseError.ts"

/** Version of the warehouse file's own tables (the ledger); a newer one is refused, an older one brought to it. */
const format = 5

/** Values kept in the warehouse beside its tables. */
export type InfoName = "format" | "catalog" | "resetting" | "published"

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
    if (found === String(format)) return
    // Format 4 keeps count of rows, 5 of the hours to publish: of what is pending whole days and tables are known.
    if (found === "3" || found === "4")
      return yield* session.define("ledger", [
        `ALTER TABLE pending_publish ADD COLUMN IF NOT EXISTS hour ${session.dialect.type("int64")}`,
        ...writeInfo(session, "format", String(format))
      ])
    // Until format 3 the ledger knew other things of an hour: all is read and built again, and readers keep the old state.
    const old = ledgerTables.filter(
      ({ name }) => name !== "warehouse_info" && tables.some((one) => one.name === name)
    )
    yield* session.define("ledger", [
      ...old.map(({ name }) => `DROP TABLE ${name}`),
      ...ledgerTables.map(session.dialect.create),
      ...writeInfo(session, "format", String(format))
    ])
  })

/** What the tables were made for, by model. */
const readMade = (session: WarehouseSession) =>
  Effect.map(
    session.query("ledger", `SELECT model, version, made FROM model_versions`),
    (rows) =>
      new Map(
        rows.map((row) => [
          String(row["model"]),
          { version: String(row["version"]), made: String(row["made"]) }
        ])
      )
  )

/**
 * The models whose tables were made for another version, or not at all. With a table that is made anew as another one
 * come those whose keys name it.
 */
export const staleModels = (
  session: WarehouseSession,
  versions: ReadonlyMap<string, string>
): Effect.Effect<ReadonlySet<string>, WarehouseError> =>
  Effect.map(readMade(session), (made) => {
    const sql = session.dialect
    const others = models
      .filter((model) => made.get(model.name)?.made !== madeOf(sql, model))
      .map(({ name }) => name)
    return new Set(
      withDependents(
        new Set(
          models
            .filter(
              ({ name, references = {} }) =>
                made.get(name)?.version !== versions.get(name) ||
                Object.values(references).some((one) => others.includes(one))
            )
            .map(({ name }) => name)
        )
      ).map(({ name }) => name)
    )
  })

/** Views before the tables that they read, tables before those that their keys name. */
const dropOrder = (tables: ReadonlyArray<Model>): ReadonlyArray<Model> => {
  const left = new Set(
    tables.toSorted((a, b) => Number(b.select !== undefined) - Number(a.select !== undefined))
  )
  const order: Array<Model> = []
  while (left.size > 0) {
    const named = new Set(
      [...left].flatMap(({ joins = {}, references = {} }) => Object.values({ ...references, ...joins }))
    )
    for (const table of left) {
      if (named.has(table.name)) continue
      order.push(table)
      left.delete(table)
    }
  }
  return order
}

/**
 * Makes the tables of some models anew, empty but for what they begin with; every hour of them becomes dirty. Nothing is
 * published before they are built. Killed within, the next pass does it again: what it was done for is noted last.
 */
export const remake = (
  session: WarehouseSession,
  names: ReadonlySet<string>,
  versions: ReadonlyMap<string, string>,
  /** To be loaded before; its songs undefined: none. */
  catalog: { readonly songs: Catalog | undefined } | undefined
): Effect.Effect<void, WarehouseError> =>
  Effect.gen(function* () {
    const sql = session.dialect
    const list = [...names].map(sql.text).join(", ")
    const made = yield* readMade(session)
    const isView = new Map((yield* session.tables).map((table) => [table.name, table.isView]))
    const chosen = models.filter(({ name }) => names.has(name))
    /**
     * Tables that are as they would be made: others may name them in their keys, so they stay and are emptied. Where no
     * engine is told of keys they are made anew: DuckDB holds 8 bytes in memory for each row that is taken out.
     */
    const hasKeys = sql.keys(models).length > 0
    const kept = new Set(
      chosen.filter(
        (model) =>
          hasKeys &&
          model.select === undefined &&
          isView.has(model.name) &&
          made.get(model.name)?.made === madeOf(sql, model)
      )
    )
    const fresh = chosen.filter((model) => !kept.has(model))
    yield* session.define("remake", [
      ...writeInfo(session, "resetting", "yes"),
      `DELETE FROM model_versions WHERE model IN (${list})`,
      ...dropOrder(fresh)
        .filter(({ name }) => isView.has(name))
        .map(({ name }) => `DROP ${isView.get(name) === true ? "VIEW" : "TABLE"} ${name}`),
      ...(catalog === undefined
        ? []
        : [
            ...catalogStatements(sql, catalog.songs),
            ...writeInfo(session, "catalog", catalogMark(sql, catalog.songs?.version))
          ]),
      ...fresh.map(sql.create),
      ...sql.keys(fresh),
      ...[...kept].map(
        ({ boundRequired, name }) =>
          `DELETE FROM ${name} WHERE ${boundRequired === true ? sql.sinceHour("0") : "TRUE"}`
      ),
      ...chosen.flatMap((model) => model.seed?.(sql) ?? []),
      ...forget(sql, [...names]),
      `DELETE FROM pending_publish WHERE table_name IN (${list})`,
      ...chosen.flatMap(({ name, publish }) =>
        publish === undefined || publish === "day"
          ? []
          : [`INSERT INTO pending_publish VALUES (${sql.text(name)}, NULL, NULL)`]
      ),
      ...chosen.map(
        (model) =>
          `INSERT INTO model_versions VALUES (${[model.name, model.kind, versions.get(model.name) ?? "", madeOf(sql, model)].map(sql.text).join(", ")})`
      )
    ])
  })
