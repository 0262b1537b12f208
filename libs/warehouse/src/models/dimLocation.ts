import { usStates } from "@musify/domain/usStates.ts"
import type { Model } from "../Model.ts"
import { column, columnList, optional } from "../Model.ts"

const columns = [
  column("location_key", "int64", "Key of (city, state, zip); all three NULL is the unknown place"),
  optional("city", "string", "City"),
  optional("state", "string", "Two-letter code, as the events say"),
  optional("zip", "string", "Postal code; leading zeros count"),
  optional("lat", "float64", "Degrees north, of the smallest (lat, lon) seen"),
  optional("lon", "float64", "Degrees east, of the smallest (lat, lon) seen"),
  optional("state_name", "string", "Name of the state; NULL for an unknown code"),
  optional("region_code", "string", "ISO 3166-2, as US-CA"),
  column("on_map", "boolean", "Whether the US map has a shape for the state")
]

/**
 * Places. A new hour adds places and lowers minima; only a place whose earlier word was taken back is worked out again
 * from all its hours.
 */
export const dimLocation: Model = {
  name: "dim_location",
  kind: "dimension",
  grain: "one (city, state, zip)",
  description: "Places of listeners.",
  key: ["location_key"],
  columns,
  dependsOn: ["location_hours"],
  cluster: ["location_key"],
  seed: (sql) => [
    `INSERT INTO dim_location (location_key, on_map) VALUES (${sql.key("location", "NULL", "NULL", "NULL")}, false)`
  ],
  steps: (sql) => [
    sql.tempTable(
      "us_states",
      sql.rowsOf(
        { code: "string", state_name: "string", region_code: "string", on_map: "boolean" },
        usStates.map(({ code, name, onMap, regionCode }) => [code, name, regionCode, onMap])
      )
    ),
    sql.tempTable(
      "new_locations",
      `
WITH said AS (
  SELECT location_key, city, state, zip, lat, lon FROM new_location_hours
  UNION ALL
  SELECT location_key, city, state, zip, lat, lon FROM dim_location
  WHERE location_key IN (SELECT location_key FROM changed_locations)
    AND location_key NOT IN (SELECT location_key FROM withdrawn_locations)
  UNION ALL
  SELECT location_key, city, state, zip, lat, lon FROM location_hours
  WHERE location_key IN (SELECT location_key FROM withdrawn_locations)
  UNION ALL
  SELECT ${sql.key("location", "NULL", "NULL", "NULL")} AS location_key, NULL AS city, NULL AS state, NULL AS zip, NULL AS lat, NULL AS lon
), merged AS (
  SELECT location_key, city, state, zip, ${sql.minPair("lat", "lon")} AS pair FROM said
  WHERE location_key IN (SELECT location_key FROM changed_locations)
  GROUP BY location_key, city, state, zip
)
SELECT location_key, city, state, zip, ${sql.pairLat("pair")} AS lat, ${sql.pairLon("pair")} AS lon,
  s.state_name, s.region_code, coalesce(s.on_map, false) AS on_map
FROM merged LEFT JOIN us_states s ON merged.state = s.code`
    ),
    `DELETE FROM dim_location WHERE location_key IN (SELECT location_key FROM changed_locations)`,
    `INSERT INTO dim_location SELECT ${columnList(sql, { columns })} FROM new_locations`
  ],
  audits: []
}
