import type { Audit } from "../Model.ts"

/** Of a view by day, made from a mart by hour: day by day, both have the same plays. `where` chooses the view's rows. */
export const dailyPlays = (view: string, day: string, mart: string, where = "TRUE"): Audit => ({
  name: `its plays are ${mart}'${mart.endsWith("s") ? "" : "s"} plays, day by day`,
  isWhole: true,
  badRows: (sql, scope) => `
SELECT v.day, v.plays, m.plays AS mart_plays
FROM (SELECT ${day} AS day, sum(plays) AS plays FROM ${view} WHERE ${where} AND ${scope.dayTimes(sql.startOfDate(day))} GROUP BY 1) v
FULL JOIN (SELECT ${sql.dateOf("hour")} AS day, sum(plays) AS plays FROM ${mart}
  WHERE ${scope.dayTimes("hour")} GROUP BY 1) m ON v.day = m.day
WHERE v.plays IS DISTINCT FROM m.plays`
})
