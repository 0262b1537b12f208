import type { SqlRow, SqlValue } from "../Warehouse.ts"
import type { ResultPage } from "./BigQueryJobs.ts"

const valueOf = (type: string, text: string | null): SqlValue => {
  if (text === null) return null
  switch (type) {
    case "INTEGER":
    case "INT64":
      return BigInt(text)
    case "FLOAT":
    case "FLOAT64":
      return Number(text)
    case "BOOLEAN":
    case "BOOL":
      return text === "true"
    case "TIMESTAMP":
      // Microseconds since the epoch, as they were asked for.
      return Number(text) / 1000
    default:
      return text
  }
}

/** Rows of BigQuery's answers, as `WarehouseSession.query` gives them. */
export const resultRows = (pages: ReadonlyArray<ResultPage>): ReadonlyArray<SqlRow> => {
  const rows: Array<SqlRow> = []
  const fields = pages[0]?.schema?.fields ?? []
  for (const page of pages) {
    for (const { f } of page.rows ?? []) {
      const row: Record<string, SqlValue> = {}
      for (let i = 0; i < fields.length; i++) row[fields[i].name] = valueOf(fields[i].type, f[i].v)
      rows.push(row)
    }
  }
  return rows
}
