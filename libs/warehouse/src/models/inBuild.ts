import type { Dialect } from "../Dialect.ts"

/** Rows of the hours in build_hours, of a table of events; the range lets scans skip the other hours. */
export const inBuild = (sql: Dialect): string =>
  `${sql.inHours(sql.variable("first_hour"), sql.variable("last_hour"))} AND hour_key IN (SELECT hour FROM build_hours)`
