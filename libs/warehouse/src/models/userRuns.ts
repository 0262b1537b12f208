import { topics } from "@musify/domain/Topic.ts"
import type { Dialect } from "../Dialect.ts"
import { noHour } from "../Dialect.ts"
import type { Model } from "../Model.ts"
import { column, columnList, optional } from "../Model.ts"
import { inBuild } from "./inBuild.ts"

/** What a version of a user says; NULL is a value like any other. */
export const userAttributes = ["first_name", "last_name", "gender", "registered_at", "level"] as const

const attributes = userAttributes.join(", ")

const columns = [
  column("hour_key", "int64", "Hour of the run's first event"),
  column("user_id", "int64", "User"),
  column("ts", "timestamp", "First event of the run"),
  optional("first_name", "string", "As on the events"),
  optional("last_name", "string", "As on the events"),
  optional("gender", "string", "As on the events"),
  optional("registered_at", "timestamp", "As on the events"),
  column("level", "string", "As on the events")
]

/** All events of known users. */
const events = (sql: Dialect): string =>
  topics
    .map(
      (
        topic
      ) => `SELECT hour_key, user_id, ts, session_id, item_in_session, ${sql.text(topic)} AS topic, ${attributes}
  FROM stage_${topic} WHERE user_id IS NOT NULL`
    )
    .join("\n  UNION ALL ")

/**
 * Runs of equal attributes within each hour. Nearly every user shows one set of attributes in an hour: those need no
 * sorting; the window functions see the others only. The events are said twice: DuckDB would copy what has a name.
 */
const newRuns = (sql: Dialect): string => `
WITH shown AS (
  SELECT hour_key, user_id, min(ts) AS ts, ${attributes} FROM (
  ${events(sql)})
  GROUP BY hour_key, user_id, ${attributes}
), mixed AS (
  SELECT hour_key, user_id FROM shown GROUP BY hour_key, user_id HAVING count(*) > 1
), last_at_ts AS (
  SELECT e.* FROM (
  ${events(sql)}) e JOIN mixed m ON e.hour_key = m.hour_key AND e.user_id = m.user_id WHERE TRUE
  QUALIFY row_number() OVER (
    PARTITION BY e.user_id, e.ts ORDER BY e.session_id DESC, e.item_in_session DESC, e.topic DESC) = 1
)
SELECT s.hour_key, s.user_id, s.ts, ${userAttributes.map((name) => `s.${name}`).join(", ")} FROM shown s
LEFT JOIN mixed m ON s.hour_key = m.hour_key AND s.user_id = m.user_id WHERE m.user_id IS NULL
UNION ALL
SELECT hour_key, user_id, ts, ${attributes} FROM last_at_ts WHERE TRUE
QUALIFY ${sql.differsFrom("lag", userAttributes, "(PARTITION BY hour_key, user_id ORDER BY ts)")}`

/**
 * Facts outside of the build can need another key only where there are such hours: in order there are none. Asked while
 * user_runs is without the build's hours, or with all of them.
 */
const rekeyFrom = (sql: Dialect): string =>
  sql.setVariable(
    "rekey_from",
    `SELECT CASE WHEN count(*) > 0 THEN ${sql.variable("changed_from")} ELSE ${noHour} END
FROM user_runs WHERE ${sql.sinceHour(sql.variable("changed_from"))}`
  )

/** Whether facts outside of the build may need another key by `changed_versions`: in order none do. */
export const needsKeys = (sql: Dialect): string => `${sql.variable("rekey_from")} < ${noHour}`

const changedFrom = (sql: Dialect): string =>
  sql.setVariable("changed_from", `SELECT coalesce(min(from_hour), ${noHour}) FROM changed_users`)

/** What each hour says about each user: the input of the fold dim_users. Leaves `changed_users` behind. */
export const userRuns: Model = {
  name: "user_runs",
  kind: "stage",
  grain: "one run of equal attributes of a user within an hour",
  description: "What each hour says about its users, after the rule that the last event of a moment counts.",
  key: ["user_id", "ts"],
  columns,
  dependsOn: topics.map((topic) => `stage_${topic}`),
  partition: "ts",
  cluster: ["user_id"],
  steps: (sql, { isAnew, isNew }) => {
    const list = columnList(sql, { columns })
    const old = `SELECT ${list} FROM user_runs WHERE ${inBuild(sql)}`
    return [
      sql.tempTable("new_user_runs", newRuns(sql)),
      sql.tempTable(
        "changed_users",
        `SELECT user_id, min(hour_key) AS from_hour, ${sql.hourStart("min(hour_key)")} AS from_ts FROM ${
          isNew
            ? "new_user_runs"
            : `(
  (SELECT ${list} FROM new_user_runs EXCEPT DISTINCT ${old}) UNION ALL (${old} EXCEPT DISTINCT SELECT ${list} FROM new_user_runs)${
    isAnew ? ` UNION ALL SELECT ${list} FROM new_user_runs` : ""
  })`
        }
GROUP BY user_id`
      ),
      changedFrom(sql),
      ...(isNew ? [] : [`DELETE FROM user_runs WHERE ${inBuild(sql)}`]),
      rekeyFrom(sql),
      `INSERT INTO user_runs SELECT ${list} FROM new_user_runs ${sql.insertOrder("hour_key", "user_id", "ts")}`
    ]
  },
  leaves: (sql) => [
    sql.tempTable(
      "changed_users",
      `SELECT user_id, min(hour_key) AS from_hour, ${sql.hourStart("min(hour_key)")} AS from_ts
FROM user_runs WHERE ${inBuild(sql)} GROUP BY user_id`
    ),
    changedFrom(sql),
    rekeyFrom(sql)
  ],
  audits: []
}
