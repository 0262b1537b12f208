import { topics } from "@musify/domain/Topic.ts"
import type { Model } from "../Model.ts"
import { column, columnList, optional } from "../Model.ts"
import { hoursInBuild } from "./inBuild.ts"

const columns = [
  column("hour_key", "int64", "Hour"),
  column("device_key", "int64", "Device"),
  optional("user_agent", "string", "As the events say it")
]

/** What each hour says about devices: the input of the fold dim_devices. */
export const deviceHours: Model = {
  name: "device_hours",
  kind: "stage",
  grain: "one device seen in an hour",
  description: "The user agents of each hour's events.",
  key: ["hour_key", "device_key"],
  columns,
  dependsOn: topics.map((topic) => `stage_${topic}`),
  cluster: ["hour_key"],
  steps: (sql, { isNew }) => [
    sql.tempTable(
      "new_device_hours",
      `SELECT hour_key, ${sql.key("device", "user_agent")} AS device_key, user_agent FROM (
  ${topics.map((topic) => `SELECT hour_key, user_agent FROM stage_${topic}`).join("\n  UNION DISTINCT ")})`
    ),
    sql.tempTable(
      "withdrawn_devices",
      isNew
        ? `SELECT device_key FROM new_device_hours WHERE false`
        : `SELECT DISTINCT device_key FROM (SELECT hour_key, device_key FROM device_hours WHERE ${hoursInBuild(sql)}
EXCEPT DISTINCT SELECT hour_key, device_key FROM new_device_hours)`
    ),
    ...(isNew ? [] : [`DELETE FROM device_hours WHERE ${hoursInBuild(sql)}`]),
    `INSERT INTO device_hours SELECT ${columnList(sql, { columns })} FROM new_device_hours ${sql.insertOrder("hour_key")}`
  ],
  leaves: (sql) => [
    sql.tempTable("new_device_hours", `SELECT * FROM device_hours WHERE ${hoursInBuild(sql)}`),
    sql.tempTable("withdrawn_devices", `SELECT device_key FROM new_device_hours WHERE false`)
  ],
  audits: []
}
