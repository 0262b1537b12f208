import type { Dialect } from "../Dialect.ts"
import type { Model } from "../Model.ts"
import { column, optional } from "../Model.ts"
import { factLevelChanges, factStreams } from "./facts.ts"

/** The view's query, with the versions of users from this table. */
const widePlays = (sql: Dialect, users: string): string => `
SELECT f.*, t.hour_start, t.date, t.hour, t.iso_weekday, t.is_weekend,
  u.first_name, u.last_name, u.gender, u.registered_at,
  s.song_id, s.title, a.name AS artist_name, s.year,
  l.city, l.state, l.zip, l.lat, l.lon, l.state_name, l.region_code,
  v.browser, v.os, v.form
FROM ${sql.table("fact_streams")} f
JOIN ${sql.table("dim_datetime")} t ON f.hour_key = t.hour_key
JOIN ${users} u ON f.user_key = u.user_key
JOIN ${sql.table("dim_songs")} s ON f.song_key = s.song_key
JOIN ${sql.table("dim_artists")} a ON f.artist_key = a.artist_key
JOIN ${sql.table("dim_location")} l ON f.location_key = l.location_key
JOIN ${sql.table("dim_devices")} v ON f.device_key = v.device_key`

/** Every play with what the dimensions say about it. */
export const wideStreams: Model = {
  name: "wide_streams",
  kind: "view",
  grain: "one row of fact_streams",
  description: "Plays joined to all dimensions, each once: what reports read.",
  key: [],
  columns: [
    ...factStreams.columns,
    column("hour_start", "timestamp", "Start of the hour"),
    column("date", "date", "UTC day"),
    column("hour", "int32", "0 to 23"),
    column("iso_weekday", "int32", "1 = Monday to 7"),
    column("is_weekend", "boolean", "Saturday or Sunday"),
    optional("first_name", "string", "Of the user's version"),
    optional("last_name", "string", "Of the user's version"),
    optional("gender", "string", "Of the user's version"),
    optional("registered_at", "timestamp", "Of the user's version"),
    optional("song_id", "string", "Catalog's id"),
    column("title", "string", "Title"),
    column("artist_name", "string", "Name of the artist"),
    optional("year", "int32", "Year of release"),
    optional("city", "string", "City"),
    optional("state", "string", "State code"),
    optional("zip", "string", "Postal code"),
    optional("lat", "float64", "Degrees north"),
    optional("lon", "float64", "Degrees east"),
    optional("state_name", "string", "Name of the state"),
    optional("region_code", "string", "As US-CA"),
    optional("browser", "string", "Of the device"),
    optional("os", "string", "Operating system of the device"),
    optional("form", "string", "desktop, mobile, tablet, tv, bot, or other")
  ],
  dependsOn: [
    "fact_streams",
    "dim_users",
    "dim_songs",
    "dim_artists",
    "dim_location",
    "dim_devices",
    "dim_datetime"
  ],
  steps: () => [],
  select: (sql) => widePlays(sql, sql.table("dim_users")),
  audits: [
    {
      name: "every play is in it exactly once",
      badRows: (sql, scope) => `
SELECT f.hour_key, f.found AS fact_rows, w.found AS view_rows
FROM (SELECT hour_key, count(*) AS found FROM fact_streams WHERE ${scope.hours()} GROUP BY hour_key) f
LEFT JOIN (SELECT hour_key, count(*) AS found FROM (${widePlays(sql, scope.dimUsers)}) WHERE ${scope.hours()} GROUP BY hour_key) w
  ON f.hour_key = w.hour_key
WHERE f.found IS DISTINCT FROM w.found`
    }
  ],
  suspects: factStreams.suspects
}

/** The version in force at a change `f`, and the one after it. */
const versionsAround = (sql: Dialect, users: string): string =>
  `LEFT JOIN ${users} v ON f.user_id = v.user_id AND v.valid_from <= f.ts AND f.ts < coalesce(v.valid_to, ${sql.endOfTime})
LEFT JOIN ${users} n ON v.user_id = n.user_id AND v.valid_to = n.valid_from`

/**
 * What came of each change that was asked for: the level of the version that follows before the user's next change;
 * when none follows, nothing changed (a downgrade can end in an Error page).
 */
export const levelChanges: Model = {
  name: "level_changes",
  kind: "view",
  grain: "one row of fact_level_changes",
  description: "Level changes with the level after.",
  key: [],
  columns: [
    ...factLevelChanges.columns,
    optional("level_after", "string", "Level after the change; NULL without user_id")
  ],
  dependsOn: ["fact_level_changes", "dim_users"],
  steps: () => [],
  select: (sql) => `
SELECT f.*, CASE WHEN n.valid_from IS NOT NULL AND (m.next_ts IS NULL OR n.valid_from <= m.next_ts) THEN n.level ELSE v.level END AS level_after
FROM ${sql.table("fact_level_changes")} f
LEFT JOIN (
  SELECT user_id, ts, lead(ts) OVER (PARTITION BY user_id ORDER BY ts) AS next_ts
  FROM (SELECT DISTINCT user_id, ts FROM ${sql.table("fact_level_changes")} WHERE ${sql.sinceHour("0")} AND user_id IS NOT NULL)) m
  ON f.user_id = m.user_id AND f.ts = m.ts
${versionsAround(sql, sql.table("dim_users"))}`,
  audits: [
    {
      name: "every change is in it exactly once",
      // Not asked of the view, which looks at the changes of all time; their DISTINCT cannot multiply one.
      badRows: (sql, scope) => `
SELECT f.user_id, f.session_id, f.item_in_session, f.ts, count(*) AS view_rows FROM fact_level_changes f
${versionsAround(sql, scope.dimUsers)}
WHERE ${scope.hours("f.")} GROUP BY f.user_id, f.session_id, f.item_in_session, f.ts HAVING count(*) > 1`
    }
  ]
}
