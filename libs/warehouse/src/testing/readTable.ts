import { Effect } from "effect"
import { models } from "../models/models.ts"
import type { Row } from "../spec/tables.ts"
import { canonical } from "../spec/tables.ts"
import type { WarehouseReader } from "../Warehouse.ts"
import type { WarehouseError } from "../WarehouseError.ts"

/** All rows of a model's table as sorted lines; a published table has its dataset before its name. */
export const readTable = (
  session: WarehouseReader,
  name: string
): Effect.Effect<ReadonlyArray<string>, WarehouseError> =>
  Effect.gen(function* () {
    const sql = session.dialect
    const model = models.find((one) => one.name === name.split(".").at(-1))
    const columns = model?.columns ?? []
    // DuckDB's driver takes a byte order mark off the start of a text: a dot before it keeps the text whole.
    const select = columns.map(({ name: column, type }) =>
      type === "string" ? `'.' || ${sql.id(column)} AS ${sql.id(column)}` : sql.id(column)
    )
    const bounded = model?.boundRequired === true || (model?.select !== undefined && hasTs(columns))
    const where = bounded ? ` WHERE ${sql.sinceHour("0")}` : ""
    const rows = yield* session.query("read", `SELECT ${select.join(", ")} FROM ${name}${where}`)
    const plain = rows.map((row) =>
      Object.fromEntries(
        columns.map(({ name: column, type }) => {
          const value = row[column]
          const isKey = /(^|_)key$/.test(column) && type === "int64"
          if (typeof value === "string" && type === "string") return [column, value.slice(1)]
          return [
            column,
            typeof value === "bigint" && !(isKey && column !== "hour_key") ? Number(value) : value
          ]
        })
      )
    )
    return canonical(
      columns.map((column) => column.name),
      plain as ReadonlyArray<Row>
    )
  })

const hasTs = (columns: ReadonlyArray<{ readonly name: string }>): boolean =>
  columns.some(({ name }) => name === "ts")
