import type { Model } from "../Model.ts"
import { column } from "../Model.ts"
import { noDate } from "../Dialect.ts"
import { weekComers, weekVariables } from "./weekComers.ts"

/**
 * Listeners who came, stayed, came back and left, by ISO week. In order, an hour adds those who came in the last week;
 * else weeks are worked out again from that of the first hour built on.
 */
export const martWeeks: Model = {
  name: "mart_weeks",
  kind: "mart",
  grain: "one ISO week",
  description: "New, retained, returned and lost listeners.",
  key: ["week"],
  columns: [
    column("week", "date", "Monday of the week"),
    column("listeners", "int64", "Users with a play in the week"),
    column("new_listeners", "int64", "Those whose first play it has"),
    column("retained", "int64", "Those with a play in the week before, too"),
    column("returned", "int64", "The others: they had played before, but not in the week before"),
    column("lost", "int64", "Users with a play in the week before and none in this one")
  ],
  dependsOn: ["users_seen", "user_days", "dim_datetime"],
  steps: (sql, { isAnew }) => {
    return [
      ...weekVariables(sql, "SELECT week FROM mart_weeks", isAnew),
      ...sql.when(`${sql.variable("week_now")} < ${noDate}`, [
        `UPDATE mart_weeks AS m SET listeners = m.listeners + c.listeners, new_listeners = m.new_listeners + c.new_listeners,
  retained = m.retained + c.retained, returned = m.returned + (c.listeners - c.new_listeners - c.retained), lost = m.lost - c.retained
FROM (SELECT count(*) AS listeners, ${sql.cast("sum(here_before)", "int64")} AS retained,
  ${sql.cast(`sum(CASE WHEN first_week = ${sql.variable("week_now")} THEN 1 ELSE 0 END)`, "int64")} AS new_listeners
  FROM (${weekComers(sql)})) c
WHERE m.week = ${sql.variable("week_now")} AND c.listeners > 0`
      ]),
      ...sql.when(`${sql.variable("weeks_from")} < ${noDate}`, [
        sql.tempTable(
          "changed_weeks",
          `SELECT week FROM (SELECT DISTINCT ${sql.weekStart("date")} AS week FROM dim_datetime)
WHERE week >= ${sql.variable("weeks_from")} OR week NOT IN (SELECT week FROM mart_weeks)`
        ),
        sql.setVariable("weeks_from", `SELECT coalesce(min(week), ${noDate}) FROM changed_weeks`),
        `DELETE FROM mart_weeks WHERE week IN (SELECT week FROM changed_weeks)`,
        `INSERT INTO mart_weeks
WITH listeners AS (
  SELECT c.week, u.user_id, max(CASE WHEN u.date >= c.week THEN 1 ELSE 0 END) AS here,
    max(CASE WHEN u.date < c.week THEN 1 ELSE 0 END) AS here_before
  FROM changed_weeks c JOIN user_days u ON u.date >= ${sql.addDays("c.week", "-7")} AND u.date < ${sql.addDays("c.week", "7")}
  WHERE u.date >= ${sql.addDays(sql.variable("weeks_from"), "-7")} GROUP BY c.week, u.user_id
), counted AS (
  SELECT l.week, sum(l.here) AS listeners, sum(l.here * l.here_before) AS retained, sum(1 - l.here) AS lost,
    sum(CASE WHEN l.here = 1 AND ${sql.weekStart(sql.dateOf("s.first_play"))} = l.week THEN 1 ELSE 0 END) AS new_listeners
  FROM listeners l LEFT JOIN (SELECT user_id, first_play FROM users_seen WHERE ${sql.variable("weeks_from")} < ${noDate}) s ON l.user_id = s.user_id
  GROUP BY l.week
)
SELECT c.week, ${[
          "n.listeners",
          "n.new_listeners",
          "n.retained",
          "n.listeners - n.new_listeners - n.retained",
          "n.lost"
        ]
          .map((count) => sql.cast(`coalesce(${count}, 0)`, "int64"))
          .join(", ")}
FROM changed_weeks c LEFT JOIN counted n ON c.week = n.week`
      ])
    ]
  },
  audits: [
    {
      name: "who is retained or lost are the listeners of the week before",
      badRows: (sql) => `
SELECT n.week, n.retained, n.lost, w.listeners FROM mart_weeks n JOIN mart_weeks w ON w.week = ${sql.addDays("n.week", "-7")}
WHERE n.retained + n.lost <> w.listeners`
    }
  ],
  publish: "whole"
}
