import { deviceNames } from "@musify/domain/deviceNames.ts"
import { Effect } from "effect"
import type { SqlRow, WarehouseReader } from "./Warehouse.ts"
import type { WarehouseError } from "./WarehouseError.ts"

/** Most devices that one statement names. */
const atOnce = 1000

/** Statements that name the devices which have come since the last time; none when all are named. */
export const nameDevices = ({
  dialect,
  query
}: WarehouseReader): Effect.Effect<ReadonlyArray<string>, WarehouseError> =>
  Effect.map(
    query(
      "devices",
      `SELECT device_key, user_agent FROM dim_devices WHERE user_agent IS NOT NULL AND browser IS NULL ORDER BY device_key`
    ),
    (rows) =>
      Array.from({ length: Math.ceil(rows.length / atOnce) }, (_, i) => {
        const names = dialect.rowsOf(
          { device_key: "string", browser: "string", os: "string", form: "string" },
          rows.slice(i * atOnce, (i + 1) * atOnce).map(namesOfRow)
        )
        return `UPDATE dim_devices AS d SET browser = n.browser, os = n.os, form = n.form
FROM (${names}) n WHERE d.device_key = ${dialect.cast("n.device_key", "int64")}`
      })
  )

const namesOfRow = (row: SqlRow): ReadonlyArray<string> => {
  const { browser, form, os } = deviceNames(String(row["user_agent"]))
  return [String(row["device_key"]), browser, os, form]
}
