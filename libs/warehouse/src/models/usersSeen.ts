import { topics } from "@musify/domain/Topic.ts"
import type { Model } from "../Model.ts"
import type { Dialect } from "../Dialect.ts"
import { noDate } from "../Dialect.ts"
import { column, columnList, optional } from "../Model.ts"

const seenColumns = [
  column("user_id", "int64", "User"),
  column("first_seen", "timestamp", "First event of any topic"),
  column("last_seen", "timestamp", "Last event of any topic"),
  optional("first_play", "timestamp", "First play"),
  optional("last_play", "timestamp", "Last play")
]

/**
 * When each user was seen and heard. Which users an hour shows never shrinks (user and ts are in the natural key). Leaves
 * `new_users_seen` behind, whose `played_before` is the last play of those known before.
 */
export const usersSeen: Model = {
  name: "users_seen",
  kind: "fold",
  grain: "one user",
  description: "First and last event and first play of each user.",
  key: ["user_id"],
  columns: seenColumns,
  dependsOn: topics.map((topic) => `stage_${topic}`),
  cluster: ["user_id"],
  steps: (sql) => {
    const none = sql.cast("NULL", "timestamp")
    const list = columnList(sql, { columns: seenColumns })
    return [
      sql.tempTable(
        "new_users_seen",
        `
WITH said AS (
  ${topics
    .map(
      (topic) =>
        `SELECT user_id, min(ts) AS first_seen, max(ts) AS last_seen, ${
          topic === "listen_events"
            ? "min(ts) AS first_play, max(ts) AS last_play"
            : `${none} AS first_play, ${none} AS last_play`
        }, ${none} AS played_before FROM stage_${topic} WHERE user_id IS NOT NULL GROUP BY user_id`
    )
    .join("\n  UNION ALL ")}
), users AS (SELECT DISTINCT user_id FROM said)
SELECT user_id, min(first_seen) AS first_seen, max(last_seen) AS last_seen, min(first_play) AS first_play,
  max(last_play) AS last_play, max(played_before) AS played_before
FROM (SELECT * FROM said UNION ALL SELECT ${list}, last_play AS played_before FROM users_seen WHERE user_id IN (SELECT user_id FROM users))
GROUP BY user_id`
      ),
      `DELETE FROM users_seen WHERE user_id IN (SELECT user_id FROM new_users_seen)`,
      `INSERT INTO users_seen SELECT ${list} FROM new_users_seen`
    ]
  },
  leaves: (sql) => [sql.tempTable("new_users_seen", `SELECT *, last_play AS played_before FROM users_seen`)],
  audits: []
}

/**
 * Leaves the days of the users of `added_user_days`, from 28 days before the first of them on. Where all that is added
 * lies behind what was known, a user's last day before it says as much as all before that: what a window ends with
 * counts. Else they are looked for.
 */
const addedHistory = (sql: Dialect): ReadonlyArray<string> => {
  const from = sql.addDays(sql.variable("added_from"), "-28")
  const before = sql.dateOf("s.played_before")
  const late = sql.variable("late_from")
  return [
    sql.setVariable("added_from", `SELECT coalesce(min(date), ${noDate}) FROM added_user_days`),
    sql.setVariable(
      "late_from",
      `SELECT coalesce(min(a.date), ${noDate}) FROM added_user_days a JOIN new_users_seen s ON a.user_id = s.user_id WHERE a.date <= ${before}`
    ),
    sql.tempTable(
      "added_history",
      `SELECT date, user_id, false AS was_there FROM added_user_days
UNION ALL SELECT ${before} AS date, s.user_id, true AS was_there FROM new_users_seen s
WHERE ${before} > ${from} AND s.user_id IN (SELECT user_id FROM added_user_days)`
    ),
    ...sql.when(`${late} < ${noDate}`, [
      sql.tempTable(
        "added_history",
        `SELECT u.date, u.user_id, a.user_id IS NULL AS was_there
FROM user_days u JOIN (SELECT DISTINCT user_id FROM added_user_days) t ON u.user_id = t.user_id
LEFT JOIN added_user_days a ON u.date = a.date AND u.user_id = a.user_id
WHERE u.date > ${from}`
      )
    ])
  ]
}

/**
 * On which days each user listened: active users and retention are counted from it. Leaves the rows that are new and
 * `added_history`, so that marts look at these users only.
 */
export const userDays: Model = {
  name: "user_days",
  kind: "fold",
  grain: "one user on one UTC day with a play",
  description: "Days on which a user listened.",
  key: ["date", "user_id"],
  columns: [column("date", "date", "UTC day"), column("user_id", "int64", "User")],
  dependsOn: ["stage_listen_events", "users_seen"],
  cluster: ["date"],
  steps: (sql) => [
    sql.tempTable(
      "new_user_days",
      `SELECT DISTINCT ${sql.dateOf("ts")} AS date, user_id FROM stage_listen_events WHERE user_id IS NOT NULL`
    ),
    sql.setVariable("first_date", `SELECT min(date) FROM new_user_days`),
    sql.tempTable(
      "added_user_days",
      `SELECT n.date, n.user_id FROM new_user_days n
LEFT JOIN (SELECT date, user_id FROM user_days WHERE date >= ${sql.variable("first_date")}) o
  ON n.date = o.date AND n.user_id = o.user_id
WHERE o.user_id IS NULL`
    ),
    `INSERT INTO user_days SELECT date, user_id FROM added_user_days ${sql.insertOrder("date")}`,
    ...addedHistory(sql)
  ],
  leaves: (sql) => [
    sql.tempTable("added_user_days", `SELECT date, user_id FROM user_days WHERE false`),
    ...addedHistory(sql)
  ],
  audits: []
}
