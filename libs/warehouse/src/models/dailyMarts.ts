import type { Dialect } from "../Dialect.ts"
import type { Model } from "../Model.ts"
import { column, optional } from "../Model.ts"
import { builtRows, inBuild } from "./inBuild.ts"
import { isSkipped, nextPlay, playColumns, secondsOfPlay } from "./factSessions.ts"
import { martSuspects } from "./suspects.ts"

/** The same of a mart's rows. */
export const changedRows = (sql: Dialect): string =>
  `hour >= ${sql.hourStart(sql.variable("hours_from"))} AND hour < ${sql.hourStart(`${sql.variable("hours_to")} + 1`)}
  AND ${sql.hourOf("hour")} IN (SELECT hour FROM changed_hours)`

/** What the build's plays cut off from those of earlier hours that are not worked out again, by the mart's rows. */
const cutShort = (sql: Dialect): string => {
  const key = "p.user_key, l.state, p.level, p.tag, p.device_key"
  return `
  SELECT ${sql.hourStart("p.hour_key")} AS hour, ${key},
    ${sql.cast(`sum(${sql.wholeSeconds("p.duration")} - (${secondsOfPlay(sql)}))`, "int64")} AS seconds,
    ${sql.cast(`sum(CASE WHEN ${isSkipped(sql)} THEN 1 ELSE 0 END)`, "int64")} AS skips
  FROM session_plays p JOIN dim_location l ON p.location_key = l.location_key
  WHERE p.hour_key < ${sql.variable("counted_from")} AND ${sql.hourOf("p.next_ts")} >= ${sql.variable("counted_from")} AND ${isSkipped(sql)}
  GROUP BY p.hour_key, ${key}`
}

/**
 * Plays by hour and kind of listener. Hours are worked out again when they were built, a fact of theirs was re-keyed, or
 * the play that follows one of theirs came or went (a skip): `changed_hours`. In order, the rows of earlier hours lose what
 * the build's plays cut off.
 */
export const martListening: Model = {
  name: "mart_listening",
  kind: "mart",
  grain: "hour × user_key × state × level × gender × tag × device_key",
  description: "Plays, seconds listened and plays that were skipped.",
  key: ["hour", "user_key", "state", "level", "gender", "tag", "device_key"],
  columns: [
    column("hour", "timestamp", "Start of the hour of the play"),
    column("user_key", "int64", "Version of the user"),
    optional("user_id", "int64", "User; NULL without one"),
    optional("state", "string", "State code of the listener's place"),
    column("level", "string", "Level on the event"),
    optional("gender", "string", "Of the user's version"),
    optional("tag", "string", "A/B group on the event"),
    column("device_key", "int64", "Device of the listener"),
    column("plays", "int64", "Plays"),
    column("seconds", "int64", "Seconds listened"),
    column("skips", "int64", "Plays that the session's next play cut short")
  ],
  dependsOn: ["fact_streams", "dim_users", "dim_location", "fact_sessions"],
  partition: "hour",
  cluster: ["state", "user_key"],
  steps: (sql) => [
    // Plays of touched sessions, to which all of the build's hours belong, are in session_plays: all of them that are
    // counted again, but for those of earlier hours while fact_sessions was emptied and these hours are still to come.
    // How many hours after its own a play can still be cut short.
    sql.setVariable(
      "reach",
      `SELECT ${sql.quotient(`coalesce(max(${sql.wholeSeconds("duration")}), 0)`, "3600")} + 1 FROM fact_streams
WHERE ${sql.inHours(sql.variable("others_from"), sql.variable("others_to"))} AND hour_key IN (SELECT hour FROM other_hours)`
    ),
    sql.tempTable(
      "listening_hours",
      `SELECT DISTINCT t.hour_key AS hour FROM dim_datetime t JOIN other_hours c
  ON t.hour_key >= c.hour AND t.hour_key <= c.hour + ${sql.variable("reach")}
WHERE t.hour_key NOT IN (SELECT hour FROM build_hours)`
    ),
    `UPDATE mart_listening AS m SET seconds = m.seconds - c.seconds, skips = m.skips + c.skips FROM (${cutShort(sql)}) c
WHERE m.hour >= ${sql.hourStart(sql.variable("plays_from"))} AND m.hour < ${sql.hourStart(sql.variable("counted_from"))}
  AND m.hour = c.hour AND m.user_key = c.user_key AND m.state IS NOT DISTINCT FROM c.state AND m.level = c.level
  AND m.tag IS NOT DISTINCT FROM c.tag AND m.device_key = c.device_key`,
    `DELETE FROM mart_listening WHERE ${changedRows(sql)} AND hour >= ${sql.hourStart(sql.variable("counted_from"))}`,
    `INSERT INTO mart_listening
WITH plays AS (
  SELECT ${playColumns}, next_ts FROM session_plays WHERE hour_key >= ${sql.variable("counted_from")} AND hour_key IN (SELECT hour FROM changed_hours)
  UNION ALL
  SELECT * FROM (SELECT ${playColumns}, ${nextPlay("ts")} AS next_ts
  FROM fact_streams WHERE ${sql.inHours(sql.variable("others_from"), `${sql.variable("others_to")} + ${sql.variable("reach")}`)}
    AND hour_key IN (SELECT hour FROM listening_hours)
    AND (hour_key < ${sql.variable("counted_from")} OR session_id NOT IN (SELECT session_id FROM touched_sessions)))
  WHERE hour_key IN (SELECT hour FROM other_hours)
), counted AS (
  SELECT hour_key, user_key, location_key, level, tag, device_key, count(*) AS plays, ${sql.cast(`sum(${secondsOfPlay(sql)})`, "int64")} AS seconds,
    sum(CASE WHEN ${isSkipped(sql)} THEN 1 ELSE 0 END) AS skips
  FROM plays p
  GROUP BY hour_key, user_key, location_key, level, tag, device_key
)
SELECT ${sql.hourStart("c.hour_key")} AS hour, c.user_key, u.user_id, l.state, c.level, u.gender, c.tag, c.device_key,
  ${["plays", "seconds", "skips"].map((what) => `${sql.cast(`sum(c.${what})`, "int64")} AS ${what}`).join(", ")}
FROM counted c JOIN build_users u ON c.user_key = u.user_key JOIN dim_location l ON c.location_key = l.location_key
GROUP BY c.hour_key, c.user_key, u.user_id, l.state, c.level, u.gender, c.tag, c.device_key
${sql.insertOrder("1", "2", "4", "5")}`
  ],
  // A build changes other hours than its own, too.
  keyRows: (scope) => ({ table: "mart_listening", where: scope.changedHourTimes("hour") }),
  audits: [
    {
      name: "its plays are fact_streams' rows, hour by hour",
      badRows: (sql, scope) => `
SELECT coalesce(m.hour_key, f.hour_key) AS hour_key, m.plays, f.plays AS fact_rows
FROM (SELECT ${sql.hourOf("hour")} AS hour_key, sum(plays) AS plays FROM mart_listening
  WHERE ${scope.changedHourTimes("hour")} GROUP BY 1) m
FULL JOIN (SELECT hour_key, count(*) AS plays FROM fact_streams WHERE ${scope.changedHours()} GROUP BY 1) f
  ON m.hour_key = f.hour_key
WHERE m.plays IS DISTINCT FROM f.plays`
    }
  ],
  suspects: (sql, scope) =>
    martSuspects(
      sql,
      martListening,
      "plays",
      scope.changedHourTimes("hour"),
      "fact_streams",
      scope.changedHours()
    ),
  publish: "day"
}

/** Plays by hour, state and song: of nothing but the hour's own plays, whosever they are. */
export const martSongs: Model = {
  name: "mart_songs",
  kind: "mart",
  grain: "hour × state × song_key",
  description: "Plays of songs.",
  key: ["hour", "state", "song_key"],
  columns: [
    column("hour", "timestamp", "Start of the hour of the play"),
    optional("state", "string", "State code of the listener's place"),
    column("song_key", "int64", "Song"),
    column("artist_key", "int64", "Artist"),
    column("plays", "int64", "Plays")
  ],
  dependsOn: ["fact_streams", "dim_location"],
  partition: "hour",
  cluster: ["state", "song_key"],
  steps: (sql, { isNew }) => [
    ...(isNew ? [] : [`DELETE FROM mart_songs WHERE ${builtRows(sql)}`]),
    `INSERT INTO mart_songs
SELECT ${sql.hourStart("f.hour_key")} AS hour, l.state, f.song_key, min(f.artist_key) AS artist_key, count(*) AS plays
FROM fact_streams f JOIN dim_location l ON f.location_key = l.location_key
WHERE ${inBuild(sql, "f.")}
GROUP BY f.hour_key, l.state, f.song_key
${sql.insertOrder("1", "2", "3")}`
  ],
  audits: [
    {
      name: "its plays are fact_streams' rows, hour by hour",
      badRows: (sql, scope) => `
SELECT coalesce(m.hour_key, f.hour_key) AS hour_key, m.plays, f.plays AS fact_rows
FROM (SELECT ${sql.hourOf("hour")} AS hour_key, sum(plays) AS plays FROM mart_songs
  WHERE ${scope.hourTimes("hour")} GROUP BY 1) m
FULL JOIN (SELECT hour_key, count(*) AS plays FROM fact_streams WHERE ${scope.hours()} GROUP BY 1) f
  ON m.hour_key = f.hour_key
WHERE m.plays IS DISTINCT FROM f.plays`
    }
  ],
  suspects: (sql, scope) =>
    martSuspects(sql, martSongs, "plays", scope.hourTimes("hour"), "fact_streams", scope.hours()),
  publish: "day"
}
