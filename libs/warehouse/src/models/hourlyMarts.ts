import type { Dialect } from "../Dialect.ts"
import type { Audit, Model, ModelColumn } from "../Model.ts"
import { column } from "../Model.ts"
import { builtRows, inBuild } from "./inBuild.ts"
import { martSuspects } from "./suspects.ts"

const hour = column("hour", "timestamp", "Start of the hour")

/** Counts that depend on nothing but the hour's own facts: the hours of a build are replaced. */
const hourly = (options: {
  readonly name: string
  readonly fact: string
  readonly grain: string
  readonly description: string
  readonly key: ReadonlyArray<ModelColumn>
  /** Column → condition on the fact's rows; the first one holds for all of them. */
  readonly counts: ReadonlyArray<readonly [ModelColumn, string]>
}): Model => {
  const { counts, description, fact, grain, key, name } = options
  const names = key.map((one) => one.name)
  const [[all]] = counts
  const rows = (sql: Dialect) =>
    counts
      .map(([, condition]) => sql.cast(`sum(CASE WHEN ${condition} THEN 1 ELSE 0 END)`, "int64"))
      .join(", ")
  const isWhole: Audit = {
    name: `its ${all.name} are ${fact}'s rows, hour by hour`,
    badRows: (sql, scope) => `
SELECT coalesce(m.hour_key, f.hour_key) AS hour_key, m.n AS ${all.name}, f.n AS fact_rows
FROM (SELECT ${sql.hourOf("hour")} AS hour_key, sum(${all.name}) AS n FROM ${name}
  WHERE ${scope.hourTimes("hour")} GROUP BY 1) m
FULL JOIN (SELECT hour_key, count(*) AS n FROM ${fact} WHERE ${scope.hours()} GROUP BY hour_key) f
  ON m.hour_key = f.hour_key
WHERE m.n IS DISTINCT FROM f.n`
  }
  return {
    name,
    kind: "mart",
    grain,
    description,
    key: ["hour", ...names],
    columns: [hour, ...key, ...counts.map(([one]) => one)],
    dependsOn: [fact],
    partition: "hour",
    steps: (sql, { isNew }) => [
      ...(isNew ? [] : [`DELETE FROM ${name} WHERE ${builtRows(sql)}`]),
      `INSERT INTO ${name}
SELECT ${[`${sql.hourStart("f.hour_key")} AS hour`, ...names.map((one) => `f.${one}`)].join(", ")}, ${rows(sql)}
FROM (SELECT * FROM ${fact} WHERE ${inBuild(sql)}) f GROUP BY ${["f.hour_key", ...names.map((one) => `f.${one}`)].join(", ")}
${sql.insertOrder("1", ...names.map((_, i) => String(i + 2)))}`
    ],
    audits: [isWhole],
    suspects: (sql, scope) =>
      martSuspects(
        sql,
        { name, key: ["hour", ...names] },
        all.name,
        scope.hourTimes("hour"),
        fact,
        scope.hours()
      ),
    publish: "day"
  }
}

export const martPages = hourly({
  name: "mart_pages",
  fact: "fact_page_views",
  grain: "hour × page",
  description: "Pages shown, and which of them were errors.",
  key: [column("page", "string", "Name of the page")],
  counts: [
    [column("views", "int64", "Pages shown"), "TRUE"],
    [column("redirects", "int64", "Of status 3xx"), "f.status BETWEEN 300 AND 399"],
    [column("errors", "int64", "Of status 4xx"), "f.status BETWEEN 400 AND 499"]
  ]
})

export const martLogins = hourly({
  name: "mart_logins",
  fact: "fact_auth",
  grain: "hour × level",
  description: "Log-ins that were tried and that failed; rates leave echoes out.",
  key: [column("level", "string", "Level on the event")],
  counts: [
    [column("events", "int64", "Auth events, echoes included"), "TRUE"],
    [column("attempts", "int64", "Log-ins tried"), "NOT f.is_redirect_echo"],
    [column("failures", "int64", "Log-ins refused"), "NOT f.is_redirect_echo AND NOT f.success"],
    [column("echoes", "int64", "Events of a redirect or error, not of a log-in"), "f.is_redirect_echo"]
  ]
})
