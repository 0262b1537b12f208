import type { Dialect } from "../Dialect.ts"
import { noDate } from "../Dialect.ts"
import type { AuditScope, Model } from "../Model.ts"
import { column, optional } from "../Model.ts"
import { weekComers, weekVariables } from "./weekComers.ts"

const known = (scope: AuditScope) =>
  `SELECT user_id, is_current FROM ${scope.dimUsers} WHERE ${scope.users("user_id")}`
const marted = (scope: AuditScope) => `SELECT user_id FROM mart_users WHERE ${scope.users("user_id")}`

/** Users as they are now. */
export const martUsers: Model = {
  name: "mart_users",
  kind: "mart",
  grain: "one user",
  description: "Users with their current level and the times that matter.",
  key: ["user_id"],
  columns: [
    column("user_id", "int64", "User"),
    optional("gender", "string", "Of the current version"),
    column("level", "string", "Of the current version"),
    optional("registered_at", "timestamp", "Of the current version"),
    column("first_seen", "timestamp", "First event"),
    optional("first_play", "timestamp", "First play"),
    column("last_seen", "timestamp", "Last event"),
    optional("paid_since", "timestamp", "Start of the unbroken time at level paid; NULL if not paid now")
  ],
  dependsOn: ["dim_users", "users_seen"],
  steps: () => [
    // The users of the build's hours: when users_seen stays as it is, all of its users are in new_users_seen.
    `DELETE FROM mart_users WHERE user_id IN (
  SELECT s.user_id FROM new_users_seen s JOIN hour_users v ON s.user_id = v.user_id)`,
    `INSERT INTO mart_users
SELECT v.user_id, v.gender, v.level, v.registered_at, s.first_seen, s.first_play, s.last_seen,
  CASE WHEN v.level = 'paid' THEN v.level_since END
FROM hour_users v JOIN new_users_seen s ON v.user_id = s.user_id WHERE v.is_current`
  ],
  audits: [
    {
      name: "it has every known user",
      badRows: (_sql, scope) => `
SELECT d.user_id FROM (${known(scope)}) d LEFT JOIN (${marted(scope)}) m ON d.user_id = m.user_id
WHERE m.user_id IS NULL AND d.is_current AND d.user_id IS NOT NULL
UNION ALL SELECT m.user_id FROM (${marted(scope)}) m LEFT JOIN (${known(scope)}) d ON m.user_id = d.user_id
WHERE d.user_id IS NULL`
    }
  ],
  suspects: (_sql, scope) => `
SELECT found FROM (
  SELECT count(*) AS found, count(d.user_id) AS known, count(m.user_id) AS marted, count(DISTINCT m.user_id) AS keys
  FROM (SELECT user_id FROM (${known(scope)}) WHERE is_current AND user_id IS NOT NULL) d
  FULL JOIN (${marted(scope)}) m ON d.user_id = m.user_id)
WHERE found <> known OR found <> marted OR found <> keys`,
  publish: { touched: "last_seen" }
}

/**
 * What users with new days add to the days and windows that mart_active_users has: 1 for each in which they had not been
 * before.
 */
const cameActive = (sql: Dialect): string => {
  const counted = (days: string) => {
    const isIn = (last: string) => `CASE WHEN ${last} > ${sql.addDays("date", days)} THEN 1 ELSE 0 END`
    return sql.cast(`sum(${isIn("last_date")} - ${isIn("last_before")})`, "int64")
  }
  return `
SELECT date, ${counted("-1")} AS dau, ${counted("-7")} AS wau, ${counted("-28")} AS mau
FROM (
  SELECT d.date, h.user_id, max(h.date) AS last_date, max(CASE WHEN h.was_there THEN h.date END) AS last_before
  FROM (SELECT date FROM mart_active_users WHERE date >= ${sql.variable("added_from")}) d
  JOIN added_history h ON h.date > ${sql.addDays("d.date", "-28")} AND h.date <= d.date
  GROUP BY d.date, h.user_id)
GROUP BY date`
}

/** Distinct users with a play on a day and in the 7 and 28 days that end with it. */
export const martActiveUsers: Model = {
  name: "mart_active_users",
  kind: "mart",
  grain: "one UTC day",
  description: "Active users.",
  key: ["date"],
  columns: [
    column("date", "date", "UTC day"),
    column("dau", "int64", "Users with a play on the day"),
    column("wau", "int64", "Users with a play in the 7 days that end with it"),
    column("mau", "int64", "Users with a play in the 28 days that end with it")
  ],
  dependsOn: ["user_days", "dim_datetime"],
  steps: (sql, { isAnew }) => [
    // Days that are there count who came; the others, and all while tables are made anew, are counted whole.
    `UPDATE mart_active_users AS m SET dau = m.dau + a.dau, wau = m.wau + a.wau, mau = m.mau + a.mau FROM (${cameActive(sql)}) a
WHERE m.date = a.date`,
    sql.tempTable(
      "changed_dates",
      `SELECT DISTINCT t.date FROM ${isAnew ? "dim_datetime" : "new_calendar"} t WHERE t.date NOT IN (SELECT date FROM mart_active_users)${
        isAnew
          ? `
UNION DISTINCT
SELECT t.date FROM dim_datetime t JOIN changed_days d
  ON t.date >= ${sql.dateOfDay("d.day")} AND t.date <= ${sql.addDays(sql.dateOfDay("d.day"), "27")}`
          : ""
      }`
    ),
    sql.setVariable("first_date", `SELECT coalesce(min(date), ${noDate}) FROM changed_dates`),
    ...sql.when(`${sql.variable("first_date")} < ${noDate}`, [
      `DELETE FROM mart_active_users WHERE date IN (SELECT date FROM changed_dates)`,
      `INSERT INTO mart_active_users
SELECT c.date, ${["dau", "wau", "mau"].map((name) => sql.cast(`coalesce(a.${name}, 0)`, "int64")).join(", ")} FROM changed_dates c LEFT JOIN (
  SELECT date, sum(CASE WHEN last_date = date THEN 1 ELSE 0 END) AS dau,
    sum(CASE WHEN last_date > ${sql.addDays("date", "-7")} THEN 1 ELSE 0 END) AS wau, count(*) AS mau
  FROM (
    SELECT d.date, u.user_id, max(u.date) AS last_date
    FROM changed_dates d JOIN user_days u ON u.date > ${sql.addDays("d.date", "-28")} AND u.date <= d.date
    WHERE u.date > ${sql.addDays(sql.variable("first_date"), "-28")} GROUP BY d.date, u.user_id)
  GROUP BY date) a ON c.date = a.date`
    ])
  ],
  audits: [],
  publish: "whole"
}

/** The months in which users were at level free at some time: of some versions, as a query. */
const freeMonths = (sql: Dialect, months: string, versions: string): string => `
SELECT m.month, u.user_id FROM ${months} m JOIN (${versions}) u
  ON u.valid_from < m.month_end AND m.month_start < coalesce(u.valid_to, ${sql.endOfTime})
WHERE u.level = 'free' GROUP BY m.month, u.user_id`

/**
 * From free to paid and back, by month. Months are worked out again from that of the first changed hour on; of those that
 * are there, free users are counted again among the users who have changed only.
 */
export const martConversion: Model = {
  name: "mart_conversion",
  kind: "mart",
  grain: "one month",
  description: "Conversion between levels.",
  key: ["month"],
  columns: [
    column("month", "date", "First day of the month"),
    column("free_users", "int64", "Users who were at level free at some time of the month"),
    column("upgrades", "int64", "Changes of users from free to paid"),
    column("downgrades", "int64", "Changes of users from paid to free"),
    column("cancellations", "int64", "Users who reached auth Cancelled")
  ],
  dependsOn: ["level_steps", "cancellations", "dim_users", "dim_datetime"],
  steps: (sql, { isAnew }) => [
    // The mart has the months of the calendar as it was before.
    sql.tempTable(
      "changed_months",
      `SELECT month, ${sql.startOfDate("month")} AS month_start, ${sql.startOfDate(sql.nextMonth("month"))} AS month_end
FROM (${isAnew ? "" : "SELECT month FROM mart_conversion UNION DISTINCT "}SELECT DISTINCT ${sql.monthStart("date")} AS month FROM ${isAnew ? "dim_datetime" : "new_calendar"})
WHERE month >= (SELECT ${sql.monthStart(sql.dateOf(sql.hourStart("min(hour)")))} FROM build_hours)
  OR month NOT IN (SELECT month FROM mart_conversion)`
    ),
    sql.setVariable("months_from", `SELECT min(month_start) FROM changed_months`),
    // The months to count whole: the others know their free users but for those who have changed.
    sql.tempTable(
      "known_months",
      `SELECT m.month, m.month_start, m.month_end, c.free_users FROM changed_months m JOIN mart_conversion c ON m.month = c.month
WHERE ${isAnew ? "FALSE" : "TRUE"}`
    ),
    sql.tempTable(
      "new_months",
      `SELECT month, month_start, month_end FROM changed_months WHERE month NOT IN (SELECT month FROM known_months)`
    ),
    `DELETE FROM mart_conversion WHERE month IN (SELECT month FROM changed_months)`,
    `INSERT INTO mart_conversion
WITH versions_now AS (
  SELECT d.user_id, d.level, d.valid_from, d.valid_to, c.from_ts FROM build_users d JOIN folded_users c ON d.user_id = c.user_id
), versions_before AS (
  SELECT user_id, level, valid_from, valid_to, from_ts FROM old_user_versions
  UNION ALL SELECT user_id, level, valid_from, valid_to, from_ts FROM versions_now WHERE valid_to < from_ts
), free AS (
  SELECT month, ${sql.cast("sum(users)", "int64")} AS users FROM (
    SELECT month, count(*) AS users FROM (${freeMonths(sql, "new_months", `SELECT user_id, level, valid_from, valid_to FROM dim_users`)}) GROUP BY month
    UNION ALL SELECT month, free_users FROM known_months
    UNION ALL SELECT month, count(*) FROM (${freeMonths(sql, "known_months", "SELECT * FROM versions_now")}) GROUP BY month
    UNION ALL SELECT month, -count(*) FROM (${freeMonths(sql, "known_months", "SELECT * FROM versions_before")}) GROUP BY month)
  GROUP BY month
), changed AS (
  SELECT ${sql.monthStart(sql.dateOf("changed_at"))} AS month,
    sum(CASE WHEN level_after = 'paid' THEN 1 ELSE 0 END) AS upgrades,
    sum(CASE WHEN level_after = 'free' THEN 1 ELSE 0 END) AS downgrades
  FROM level_steps WHERE changed_at >= ${sql.variable("months_from")} GROUP BY 1
), cancelled AS (
  SELECT ${sql.monthStart(sql.dateOf(sql.hourStart("hour_key")))} AS month, count(DISTINCT user_id) AS users FROM cancellations
  WHERE hour_key >= ${sql.hourOf(sql.variable("months_from"))} GROUP BY 1
)
SELECT m.month, coalesce(f.users, 0), coalesce(c.upgrades, 0), coalesce(c.downgrades, 0), coalesce(x.users, 0)
FROM changed_months m LEFT JOIN free f ON m.month = f.month LEFT JOIN changed c ON m.month = c.month
LEFT JOIN cancelled x ON m.month = x.month`
  ],
  audits: [],
  publish: "whole"
}

/**
 * Who came back: users by the week of their first play, and in which later weeks they played. In order, an hour adds those
 * who came in the last week. Else weeks are worked out again from that of the first hour built on: what a cohort did
 * before does not change, and no user joins a cohort of before it.
 */
export const martRetention: Model = {
  name: "mart_retention",
  kind: "mart",
  grain: "one cohort in one week",
  description: "Retention by weekly cohort.",
  key: ["cohort_week", "week_number"],
  columns: [
    column("cohort_week", "date", "Monday of the week of the first play"),
    column("week_number", "int32", "Weeks since then, from 0"),
    column("users", "int64", "Users of the cohort"),
    column("returned", "int64", "Those of them with a play in that week")
  ],
  dependsOn: ["users_seen", "user_days", "dim_datetime"],
  steps: (sql, { isAnew }) => {
    const week = sql.addDays("cohort_week", "(week_number * 7)")
    const from = sql.variable("weeks_from")
    const now = sql.variable("week_now")
    return [
      ...weekVariables(sql, `SELECT ${week} AS week FROM mart_retention`, isAnew),
      ...sql.when(`${now} < ${noDate}`, [
        sql.tempTable(
          "new_retention",
          `SELECT cohort_week, week_number, sum(users) AS users, sum(returned) AS returned FROM (
  SELECT cohort_week, week_number, users, returned FROM mart_retention WHERE ${week} = ${now}
  UNION ALL
  SELECT first_week, ${sql.cast(sql.quotient(sql.dayCount("first_week", now), "7"), "int32")}, CASE WHEN first_week = ${now} THEN 1 ELSE 0 END, 1
  FROM (${weekComers(sql)}))
GROUP BY cohort_week, week_number`
        ),
        `DELETE FROM mart_retention WHERE ${week} = ${now}`,
        `INSERT INTO mart_retention SELECT cohort_week, week_number, ${sql.cast("users", "int64")}, ${sql.cast("returned", "int64")} FROM new_retention`
      ]),
      ...sql.when(`${from} < ${noDate}`, [
        `DELETE FROM mart_retention WHERE ${week} >= ${from}`,
        `INSERT INTO mart_retention
WITH starters AS (
  SELECT user_id, ${sql.weekStart(sql.dateOf("first_play"))} AS cohort_week FROM users_seen
  WHERE first_play IS NOT NULL
), cohorts AS (
  SELECT cohort_week, count(*) AS users FROM starters GROUP BY cohort_week
), weeks AS (
  SELECT DISTINCT ${sql.weekStart("date")} AS week FROM dim_datetime WHERE date >= ${from}
), returns AS (
  SELECT s.cohort_week, w.week, count(*) AS returned
  FROM (SELECT DISTINCT user_id, ${sql.weekStart("date")} AS week FROM user_days WHERE date >= ${from}) w
  JOIN starters s ON w.user_id = s.user_id
  GROUP BY s.cohort_week, w.week
)
SELECT c.cohort_week, ${sql.cast(sql.quotient(sql.dayCount("c.cohort_week", "w.week"), "7"), "int32")}, c.users, coalesce(r.returned, 0)
FROM cohorts c JOIN weeks w ON w.week >= c.cohort_week
LEFT JOIN returns r ON r.cohort_week = c.cohort_week AND r.week = w.week`
      ])
    ]
  },
  audits: [],
  publish: "whole"
}
