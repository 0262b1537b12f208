import type { Model } from "../Model.ts"
import { column, optional } from "../Model.ts"

/** Sessions by the day on which they began and how they ended. */
export const martSessions: Model = {
  name: "mart_sessions",
  kind: "mart",
  grain: "UTC day × ended_how × tag",
  description: "Sessions: how many, how long, how much was listened to.",
  key: ["date", "ended_how", "tag"],
  columns: [
    column("date", "date", "UTC day on which the sessions began"),
    optional("ended_how", "string", "auth of the last event that says it"),
    optional("tag", "string", "A/B group of the sessions"),
    column("sessions", "int64", "Sessions"),
    column("bounces", "int64", "Sessions of at most one page and no play"),
    column("pages", "int64", "Pages shown"),
    column("songs", "int64", "Plays"),
    column("seconds", "int64", "From the first event to the last, whole seconds of each session"),
    column("seconds_listened", "int64", "Seconds listened")
  ],
  dependsOn: ["fact_sessions"],
  steps: (sql) => [
    sql.tempTable(
      "changed_session_dates",
      `SELECT date FROM session_dates UNION DISTINCT SELECT ${sql.dateOfDay("day")} AS date FROM changed_days`
    ),
    sql.setVariable("first_date", `SELECT min(date) FROM changed_session_dates`),
    `DELETE FROM mart_sessions WHERE date IN (SELECT date FROM changed_session_dates)`,
    `INSERT INTO mart_sessions
SELECT ${sql.dateOf("started_at")} AS date, ended_how, tag, count(*), sum(CASE WHEN pages <= 1 AND songs = 0 THEN 1 ELSE 0 END),
  ${["pages", "songs", sql.secondsBetween("started_at", "ended_at"), "seconds_listened"]
    .map((what) => sql.cast(`sum(${what})`, "int64"))
    .join(", ")}
FROM fact_sessions WHERE started_at >= ${sql.startOfDate(sql.variable("first_date"))}
  AND ${sql.dateOf("started_at")} IN (SELECT date FROM changed_session_dates)
GROUP BY 1, 2, 3`
  ],
  audits: [
    {
      name: "its sessions are fact_sessions' rows, day by day",
      badRows: (sql, scope) => `
SELECT coalesce(m.date, f.date) AS date, m.sessions, f.sessions AS fact_rows
FROM (SELECT date, sum(sessions) AS sessions FROM mart_sessions WHERE ${scope.dayTimes(sql.startOfDate("date"))} GROUP BY date) m
FULL JOIN (SELECT ${sql.dateOf("started_at")} AS date, count(*) AS sessions FROM fact_sessions
  WHERE ${scope.dayTimes("started_at")} GROUP BY 1) f ON m.date = f.date
WHERE m.sessions IS DISTINCT FROM f.sessions`
    }
  ],
  publish: "whole"
}
