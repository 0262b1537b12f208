import type { Dialect } from "../Dialect.ts"
import type { Model } from "../Model.ts"
import { column } from "../Model.ts"

const withDates = (sql: Dialect, hours: string): string =>
  `SELECT n AS hour_key, began, ${sql.dateOf("began")} AS date FROM (SELECT n, ${sql.hourStart("n")} AS began FROM ${hours})`

/** Hours between the first and the last that were built or are that the calendar has not. */
const missing = (sql: Dialect): string => {
  const bound = (which: "min" | "max") =>
    `(SELECT ${which}(h) FROM (SELECT ${which}(hour) AS h FROM build_hours UNION ALL SELECT ${which}(hour) AS h FROM ledger_hours WHERE built_at IS NOT NULL))`
  return `${withDates(sql, sql.integers(bound("min"), bound("max")))}
WHERE n NOT IN (SELECT hour_key FROM dim_datetime)`
}

/** Hours before and behind the calendar, which has no gaps, as far as the build's. */
const beyond = (sql: Dialect): string => {
  const first = sql.variable("first_hour")
  const last = sql.variable("last_hour")
  const before = sql.integers(first, `(SELECT coalesce(min(hour_key), ${last} + 1) - 1 FROM dim_datetime)`)
  const behind = sql.integers(`(SELECT coalesce(max(hour_key), ${last}) + 1 FROM dim_datetime)`, last)
  return withDates(sql, `(SELECT n FROM ${before} UNION ALL SELECT n FROM ${behind})`)
}

/**
 * Every hour from the first to the last that is built: grows with the facts, at either end. Leaves what a build adds in
 * `new_calendar`.
 */
export const dimDatetime: Model = {
  name: "dim_datetime",
  kind: "dimension",
  grain: "one UTC hour",
  description: "The calendar of the facts.",
  key: ["hour_key"],
  columns: [
    column("hour_key", "int64", "Whole hours since the epoch"),
    column("hour_start", "timestamp", "Start of the hour"),
    column("date", "date", "UTC day"),
    column("year", "int32", "Year"),
    column("quarter", "int32", "1 to 4"),
    column("month", "int32", "1 to 12"),
    column("day", "int32", "Day of the month"),
    column("hour", "int32", "0 to 23"),
    column("iso_weekday", "int32", "1 = Monday to 7"),
    column("iso_week", "int32", "1 to 53"),
    column("is_weekend", "boolean", "Saturday or Sunday")
  ],
  dependsOn: [],
  steps: (sql, { isAnew }) => [
    sql.tempTable("new_calendar", isAnew ? missing(sql) : beyond(sql)),
    `INSERT INTO dim_datetime
SELECT hour_key, began AS hour_start, date, ${sql.part("year", "began")}, ${sql.part("quarter", "began")}, ${sql.part("month", "began")},
  ${sql.part("day", "began")}, ${sql.part("hour", "began")}, ${sql.part("iso_weekday", "began")}, ${sql.part("iso_week", "began")},
  ${sql.part("iso_weekday", "began")} >= 6
FROM new_calendar
${sql.insertOrder("hour_key")}`
  ],
  leaves: (sql) => [sql.tempTable("new_calendar", withDates(sql, sql.integers("1", "0")))],
  audits: [
    {
      name: "the calendar has no gap",
      badRows: () => `
SELECT hour_key, next_key FROM (SELECT hour_key, lead(hour_key) OVER (ORDER BY hour_key) AS next_key FROM dim_datetime)
WHERE next_key <> hour_key + 1`
    }
  ]
}
