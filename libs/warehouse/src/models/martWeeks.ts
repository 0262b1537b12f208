import type { Model } from "../Model.ts"
import { column } from "../Model.ts"

/**
 * Listeners who came, stayed, came back and left, by ISO week. An early play that comes late moves a listener's first
 * week, so weeks are worked out again from that of the first hour built on: in order that is the last one.
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
  steps: (sql) => {
    const before = sql.addDays("p.week", "-7")
    const after = sql.addDays("p.week", "7")
    return [
      sql.setVariable(
        "weeks_from",
        `SELECT ${sql.weekStart("d")} FROM (SELECT ${sql.dateOf(sql.hourStart(sql.variable("first_hour")))} AS d)`
      ),
      sql.tempTable(
        "changed_weeks",
        `SELECT week FROM (SELECT DISTINCT ${sql.weekStart("date")} AS week FROM dim_datetime)
WHERE week >= ${sql.variable("weeks_from")} OR week NOT IN (SELECT week FROM mart_weeks)`
      ),
      sql.setVariable("weeks_from", `SELECT min(week) FROM changed_weeks`),
      `DELETE FROM mart_weeks WHERE week IN (SELECT week FROM changed_weeks)`,
      `INSERT INTO mart_weeks
WITH played AS (
  SELECT DISTINCT user_id, ${sql.weekStart("date")} AS week FROM user_days
  WHERE date >= ${sql.addDays(sql.variable("weeks_from"), "-7")}
), here AS (
  SELECT p.week, count(*) AS listeners,
    sum(CASE WHEN ${sql.weekStart(sql.dateOf("s.first_play"))} = p.week THEN 1 ELSE 0 END) AS new_listeners,
    sum(CASE WHEN b.user_id IS NOT NULL THEN 1 ELSE 0 END) AS retained
  FROM played p LEFT JOIN users_seen s ON p.user_id = s.user_id
  LEFT JOIN played b ON b.user_id = p.user_id AND b.week = ${before}
  GROUP BY p.week
), gone AS (
  SELECT ${after} AS week, count(*) AS lost FROM played p
  LEFT JOIN played n ON n.user_id = p.user_id AND n.week = ${after}
  WHERE n.user_id IS NULL GROUP BY 1
)
SELECT c.week, coalesce(h.listeners, 0), ${["new_listeners", "retained"]
        .map((name) => sql.cast(`coalesce(h.${name}, 0)`, "int64"))
        .join(", ")},
  ${sql.cast("coalesce(h.listeners - h.new_listeners - h.retained, 0)", "int64")}, coalesce(g.lost, 0)
FROM changed_weeks c LEFT JOIN here h ON c.week = h.week LEFT JOIN gone g ON c.week = g.week`
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
  publish: { by: "whole", orderBy: "week" }
}
