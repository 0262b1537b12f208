import { userAgentParser } from "@musify/domain/deviceNames.ts"
import type { Model } from "../Model.ts"
import { column, optional } from "../Model.ts"

/**
 * Devices: one row for each text that events give as their user agent. What it means is worked out once, outside of
 * SQL, before the table is published (see nameDevices.ts); another release of the parser makes it anew.
 */
export const dimDevices: Model = {
  name: "dim_devices",
  kind: "dimension",
  grain: "one user agent, and one unknown member",
  description: `Devices by user agent, as ${userAgentParser} reads it.`,
  key: ["device_key"],
  columns: [
    column("device_key", "int64", "Key of the user agent"),
    optional("user_agent", "string", "As the events say it; NULL for the unknown member"),
    optional("browser", "string", "Name of the browser, or other"),
    optional("os", "string", "Name of the operating system, or other"),
    optional("form", "string", "desktop, mobile, tablet, tv, bot, or other")
  ],
  dependsOn: ["device_hours"],
  cluster: ["device_key"],
  seed: (sql) => [`INSERT INTO dim_devices (device_key) VALUES (${sql.key("device", "NULL")})`],
  steps: (_sql, { isNew }) => [
    // The hours of all time are looked at only for a device whose word was taken back, which is rare.
    ...(isNew
      ? []
      : [
          `DELETE FROM dim_devices WHERE user_agent IS NOT NULL AND device_key IN (SELECT device_key FROM withdrawn_devices)
  AND device_key NOT IN (SELECT h.device_key FROM device_hours h JOIN withdrawn_devices w ON h.device_key = w.device_key)`
        ]),
    `INSERT INTO dim_devices (device_key, user_agent) SELECT DISTINCT device_key, user_agent FROM new_device_hours
WHERE device_key NOT IN (SELECT device_key FROM dim_devices)`
  ],
  audits: [],
  publish: "whole"
}
