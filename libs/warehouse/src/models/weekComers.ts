import type { Dialect } from "../Dialect.ts"
import { noDate } from "../Dialect.ts"

/** Monday of the week of the first hour of a build, as a query. */
const firstWeek = (sql: Dialect): string =>
  `SELECT ${sql.weekStart("d")} AS week FROM (SELECT ${sql.dateOf(sql.hourStart(sql.variable("first_hour")))} AS d)`

/**
 * Statements that leave `week_now`: the week that all hours of the build lie in, if it is the calendar's last one and a
 * mart of weeks has it already (`weeks`: the mart's weeks, as a query); then who came in it is all that changes. Else
 * `noDate`. `weeks_from` is the contrary: the week to work out again from on. An early play that comes late moves a
 * listener's first week, and weeks without an event between the last one and this build's are new, too.
 */
export const weekVariables = (sql: Dialect, weeks: string, isAnew: boolean): ReadonlyArray<string> => {
  const last = `(SELECT max(week) FROM (${weeks}))`
  // The build's hours are in the calendar, so its last day is not before them.
  const calendar = `(SELECT ${sql.weekStart("max(date)")} FROM dim_datetime WHERE hour_key >= ${sql.variable("first_hour")})`
  return [
    sql.setVariable(
      "week_now",
      isAnew
        ? `SELECT ${noDate}`
        : `SELECT CASE WHEN week = ${last} AND week = ${calendar} THEN week ELSE ${noDate} END FROM (${firstWeek(sql)})`
    ),
    sql.setVariable(
      "weeks_from",
      `SELECT CASE WHEN ${sql.variable("week_now")} < ${noDate} THEN ${noDate} ELSE least(week, coalesce(${sql.addDays(last, "7")}, week)) END
FROM (${firstWeek(sql)})`
    )
  ]
}

/**
 * Users whose first play of `week_now` came with this build: the week of their first play of all, and 1 for those with a
 * play in the week before, else 0.
 */
export const weekComers = (sql: Dialect): string => {
  const week = sql.variable("week_now")
  return `
SELECT h.user_id, ${sql.weekStart(sql.dateOf("s.first_play"))} AS first_week, max(CASE WHEN h.date < ${week} THEN 1 ELSE 0 END) AS here_before
FROM added_history h JOIN new_users_seen s ON h.user_id = s.user_id
WHERE h.date >= ${sql.addDays(week, "-7")} AND h.date < ${sql.addDays(week, "7")}
GROUP BY h.user_id, s.first_play
HAVING max(CASE WHEN h.date >= ${week} THEN 1 ELSE 0 END) = 1 AND max(CASE WHEN h.date >= ${week} AND h.was_there THEN 1 ELSE 0 END) = 0`
}
