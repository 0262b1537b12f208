import type { Model } from "../Model.ts"
import { column } from "../Model.ts"

/** Every hour from the first to the last that is built: grows with the facts, at either end. */
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
  steps: (sql) => [
    `INSERT INTO dim_datetime
SELECT n AS hour_key, began AS hour_start, ${sql.dateOf("began")}, ${sql.part("year", "began")}, ${sql.part("quarter", "began")}, ${sql.part("month", "began")},
  ${sql.part("day", "began")}, ${sql.part("hour", "began")}, ${sql.part("iso_weekday", "began")}, ${sql.part("iso_week", "began")},
  ${sql.part("iso_weekday", "began")} >= 6
FROM (SELECT n, ${sql.hourStart("n")} AS began FROM ${sql.integers(
      `(SELECT min(h) FROM (SELECT min(hour) AS h FROM build_hours UNION ALL SELECT min(hour) AS h FROM ledger_hours WHERE built_at IS NOT NULL))`,
      `(SELECT max(h) FROM (SELECT max(hour) AS h FROM build_hours UNION ALL SELECT max(hour) AS h FROM ledger_hours WHERE built_at IS NOT NULL))`
    )})
WHERE n NOT IN (SELECT hour_key FROM dim_datetime)
${sql.insertOrder("n")}`
  ],
  audits: [
    {
      name: "the calendar has no gap",
      badRows: () => `
SELECT hour_key, next_key FROM (SELECT hour_key, lead(hour_key) OVER (ORDER BY hour_key) AS next_key FROM dim_datetime)
WHERE next_key <> hour_key + 1`
    }
  ]
}
