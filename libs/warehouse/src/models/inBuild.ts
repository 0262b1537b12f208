import type { Dialect } from "../Dialect.ts"

/** Rows of the hours in build_hours, of a table of events; the range lets scans skip the other hours. */
export const inBuild = (sql: Dialect, prefix = ""): string =>
  `${sql.inHours(sql.variable("first_hour"), sql.variable("last_hour"), prefix)} AND ${prefix}hour_key IN (SELECT hour FROM build_hours)`

/** The same of a table that has only the hour. */
export const hoursInBuild = (sql: Dialect): string =>
  `hour_key BETWEEN ${sql.variable("first_hour")} AND ${sql.variable("last_hour")} AND hour_key IN (SELECT hour FROM build_hours)`

/** The same of a mart by hour. */
export const builtRows = (sql: Dialect): string =>
  `hour >= ${sql.hourStart(sql.variable("first_hour"))} AND hour < ${sql.hourStart(`${sql.variable("last_hour")} + 1`)}
  AND ${sql.hourOf("hour")} IN (SELECT hour FROM build_hours)`
