import type { Dialect } from "../Dialect.ts"
import type { Model } from "../Model.ts"
import { column, optional } from "../Model.ts"

/** Classes of the days at the level before: the least number of days of each, greatest first. */
export const dayClasses = [91, 31, 15, 8, 4, 2, 1, 0] as const

const dayClass = (sql: Dialect, days: string): string =>
  sql.cast(
    `CASE ${dayClasses.map((least) => `WHEN ${days} >= ${least} THEN ${least}`).join(" ")} END`,
    "int32"
  )

/** Upgrades, downgrades and cancellations by day, with the time that they took. */
export const martLevelSteps: Model = {
  name: "mart_level_steps",
  kind: "mart",
  grain: "UTC day × level_before × level_after × tag × days_before",
  description: "Changes of level that happened, and cancellations.",
  key: ["date", "level_before", "level_after", "tag", "days_before"],
  columns: [
    column("date", "date", "UTC day of the change"),
    column("level_before", "string", "free or paid"),
    column("level_after", "string", "free, paid or cancelled"),
    optional("tag", "string", "A/B group"),
    optional(
      "days_before",
      "int32",
      `Whole days at the level before, as the least of a class (${dayClasses.toReversed().join(", ")}); NULL for cancellations`
    ),
    column("changes", "int64", "Changes of level; of cancellations the users"),
    optional(
      "seconds_before",
      "int64",
      "Whole seconds at the level before, of all changes; NULL for cancellations"
    )
  ],
  dependsOn: ["level_steps", "cancellations"],
  steps: (sql) => {
    const seconds = sql.secondsBetween("since", "changed_at")
    const cancelledOn = sql.dateOf(sql.hourStart("hour_key"))
    return [
      sql.tempTable(
        "changed_step_dates",
        `SELECT date FROM step_dates UNION DISTINCT SELECT ${sql.dateOfDay("day")} AS date FROM changed_days`
      ),
      sql.setVariable("first_date", `SELECT min(date) FROM changed_step_dates`),
      `DELETE FROM mart_level_steps WHERE date IN (SELECT date FROM changed_step_dates)`,
      `INSERT INTO mart_level_steps
SELECT date, level_before, level_after, tag, days_before, count(*), ${sql.cast("sum(seconds)", "int64")} FROM (
  SELECT ${sql.dateOf("changed_at")} AS date, level_before, level_after, tag, ${seconds} AS seconds,
    ${dayClass(sql, sql.quotient(seconds, "86400"))} AS days_before
  FROM level_steps WHERE changed_at >= ${sql.startOfDate(sql.variable("first_date"))})
WHERE date IN (SELECT date FROM changed_step_dates) GROUP BY date, level_before, level_after, tag, days_before
UNION ALL
SELECT ${cancelledOn}, level, 'cancelled', tag, NULL, count(DISTINCT user_id), NULL FROM cancellations
WHERE hour_key >= ${sql.hourOf(sql.startOfDate(sql.variable("first_date")))} AND ${cancelledOn} IN (SELECT date FROM changed_step_dates)
GROUP BY 1, level, tag`
    ]
  },
  audits: [
    {
      name: "its changes are level_steps' rows, day by day",
      badRows: (sql, scope) => `
SELECT coalesce(m.date, s.date) AS date, m.changes, s.changes AS steps
FROM (SELECT date, sum(changes) AS changes FROM mart_level_steps
  WHERE level_after <> 'cancelled' AND ${scope.dayTimes(sql.startOfDate("date"))} GROUP BY date) m
FULL JOIN (SELECT ${sql.dateOf("changed_at")} AS date, count(*) AS changes FROM level_steps
  WHERE ${scope.dayTimes("changed_at")} GROUP BY 1) s ON m.date = s.date
WHERE m.changes IS DISTINCT FROM s.changes`
    }
  ],
  publish: "whole"
}
