import { topics } from "@musify/domain/Topic.ts"
import type { Model } from "../Model.ts"
import { column, columnList, optional } from "../Model.ts"
import { hoursInBuild } from "./inBuild.ts"

const columns = [
  column("hour_key", "int64", "Hour"),
  column("location_key", "int64", "Location"),
  optional("city", "string", "City"),
  optional("state", "string", "State code"),
  optional("zip", "string", "Postal code"),
  optional("lat", "float64", "Degrees north, of the smallest pair of the hour"),
  optional("lon", "float64", "Degrees east, of the smallest pair of the hour")
]

/** Places that dim_location does not have, whatever their hours: marts look up the places of whole days. */
const missing: ReadonlyArray<string> = [
  `INSERT INTO withdrawn_locations SELECT DISTINCT location_key FROM location_hours
WHERE location_key NOT IN (SELECT location_key FROM dim_location)`,
  `INSERT INTO changed_locations SELECT location_key FROM withdrawn_locations
EXCEPT DISTINCT SELECT location_key FROM changed_locations`
]

/** What each hour says about each place: the input of the fold dim_location. Leaves `changed_locations` behind. */
export const locationHours: Model = {
  name: "location_hours",
  kind: "stage",
  grain: "one place seen in an hour",
  description: "The places of each hour's events with the smallest coordinates given for them.",
  key: ["hour_key", "location_key"],
  columns,
  dependsOn: topics.map((topic) => `stage_${topic}`),
  cluster: ["hour_key", "location_key"],
  steps: (sql, { isAnew, isNew }) => {
    const list = columnList(sql, { columns })
    const span = hoursInBuild(sql)
    const old = `SELECT ${list} FROM location_hours WHERE ${span}`
    return [
      sql.tempTable(
        "new_location_hours",
        `SELECT hour_key, ${sql.key("location", "city", "state", "zip")} AS location_key, city, state, zip,
  ${sql.pairLat("pair")} AS lat, ${sql.pairLon("pair")} AS lon
FROM (SELECT hour_key, city, state, zip, ${sql.minPair("lat", "lon")} AS pair FROM (
  ${topics.map((topic) => `SELECT DISTINCT hour_key, city, state, zip, lat, lon FROM stage_${topic}`).join("\n  UNION ALL ")})
GROUP BY hour_key, city, state, zip)`
      ),
      sql.tempTable(
        "changed_locations",
        `SELECT DISTINCT location_key FROM ${
          isNew
            ? "new_location_hours"
            : `(
  (SELECT ${list} FROM new_location_hours EXCEPT DISTINCT ${old}) UNION ALL (${old} EXCEPT DISTINCT SELECT ${list} FROM new_location_hours))`
        }`
      ),
      // Places whose earlier word is taken back (a copy of an event that won over the one kept before).
      sql.tempTable(
        "withdrawn_locations",
        isNew
          ? `SELECT location_key FROM new_location_hours WHERE false`
          : `SELECT DISTINCT location_key FROM (${old} EXCEPT DISTINCT SELECT ${list} FROM new_location_hours)`
      ),
      ...(isNew ? [] : [`DELETE FROM location_hours WHERE ${span}`]),
      `INSERT INTO location_hours SELECT ${list} FROM new_location_hours ${sql.insertOrder("hour_key")}`,
      ...(isAnew ? missing : [])
    ]
  },
  leaves: (sql) => [
    sql.tempTable("new_location_hours", `SELECT * FROM location_hours WHERE ${hoursInBuild(sql)}`),
    sql.tempTable("changed_locations", `SELECT DISTINCT location_key FROM new_location_hours`),
    sql.tempTable("withdrawn_locations", `SELECT location_key FROM changed_locations WHERE false`),
    ...missing
  ],
  audits: []
}
