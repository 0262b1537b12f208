import { topics } from "@musify/domain/Topic.ts"
import type { Model } from "../Model.ts"
import { column, optional } from "../Model.ts"

/** When each user was seen and heard. Which users an hour shows never shrinks (user and ts are in the natural key). */
export const usersSeen: Model = {
  name: "users_seen",
  kind: "fold",
  grain: "one user",
  description: "First and last event and first play of each user.",
  key: ["user_id"],
  columns: [
    column("user_id", "int64", "User"),
    column("first_seen", "timestamp", "First event of any topic"),
    column("last_seen", "timestamp", "Last event of any topic"),
    optional("first_play", "timestamp", "First play")
  ],
  dependsOn: topics.map((topic) => `stage_${topic}`),
  cluster: ["user_id"],
  steps: (sql) => [
    sql.tempTable(
      "new_users_seen",
      `
WITH said AS (
  ${topics
    .map(
      (topic) =>
        `SELECT user_id, min(ts) AS first_seen, max(ts) AS last_seen, ${
          topic === "listen_events" ? "min(ts)" : sql.cast("NULL", "timestamp")
        } AS first_play FROM stage_${topic} WHERE user_id IS NOT NULL GROUP BY user_id`
    )
    .join("\n  UNION ALL ")}
), users AS (SELECT DISTINCT user_id FROM said)
SELECT user_id, min(first_seen) AS first_seen, max(last_seen) AS last_seen, min(first_play) AS first_play
FROM (SELECT * FROM said UNION ALL SELECT * FROM users_seen WHERE user_id IN (SELECT user_id FROM users))
GROUP BY user_id`
    ),
    `DELETE FROM users_seen WHERE user_id IN (SELECT user_id FROM new_users_seen)`,
    `INSERT INTO users_seen SELECT user_id, first_seen, last_seen, first_play FROM new_users_seen`
  ],
  leaves: (sql) => [
    sql.tempTable("new_users_seen", `SELECT user_id, first_seen, last_seen, first_play FROM users_seen`)
  ],
  audits: []
}

/** On which days each user listened: active users and retention are counted from it. */
export const userDays: Model = {
  name: "user_days",
  kind: "fold",
  grain: "one user on one UTC day with a play",
  description: "Days on which a user listened.",
  key: ["date", "user_id"],
  columns: [column("date", "date", "UTC day"), column("user_id", "int64", "User")],
  dependsOn: ["stage_listen_events"],
  cluster: ["date"],
  steps: (sql) => [
    sql.tempTable(
      "new_user_days",
      `SELECT DISTINCT ${sql.dateOf("ts")} AS date, user_id FROM stage_listen_events WHERE user_id IS NOT NULL`
    ),
    sql.setVariable("first_date", `SELECT min(date) FROM new_user_days`),
    `INSERT INTO user_days SELECT n.date, n.user_id FROM new_user_days n
LEFT JOIN (SELECT date, user_id FROM user_days WHERE date >= ${sql.variable("first_date")}) o
  ON n.date = o.date AND n.user_id = o.user_id
WHERE o.user_id IS NULL
${sql.insertOrder("n.date")}`
  ],
  audits: []
}
