import type { Dialect } from "../Dialect.ts"
import type { Model, ModelColumn } from "../Model.ts"
import { column, optional } from "../Model.ts"
import { dailyPlays } from "./dailyPlays.ts"

/** What is counted of mart_listening's rows `l`, by day and something more: nothing is stored. */
const listeningBy = (options: {
  readonly name: string
  readonly description: string
  /** Dimension and its key, on `l`, too. */
  readonly join?: readonly [dimension: string, key: string]
  readonly columns: ReadonlyArray<ModelColumn>
  /** What the columns are, of `l` and the dimension `d`. */
  readonly values: (sql: Dialect) => ReadonlyArray<string>
}): Model => {
  const { columns, description, join, name, values } = options
  const names = columns.map((one) => one.name)
  return {
    name,
    kind: "view",
    grain: `UTC day × ${names.join(" × ")}`,
    description,
    key: ["date", ...names],
    columns: [
      column("date", "date", "UTC day"),
      ...columns,
      column("listeners", "int64", "Distinct users with a play"),
      ...["plays", "seconds", "skips"].map((one) => column(one, "int64", `Sum of mart_listening.${one}`))
    ],
    dependsOn: ["mart_listening", ...(join === undefined ? [] : [join[0]])],
    steps: () => [],
    select: (sql) => `
SELECT ${sql.dateOf("l.hour")} AS date, ${values(sql)
      .map((value, i) => `${value} AS ${names[i]}`)
      .join(", ")}, count(DISTINCT l.user_id) AS listeners,
  ${["plays", "seconds", "skips"].map((one) => `${sql.cast(`sum(l.${one})`, "int64")} AS ${one}`).join(", ")}
FROM ${sql.table("mart_listening")} l${
      join === undefined ? "" : ` JOIN ${sql.table(join[0])} d ON l.${join[1]} = d.${join[1]}`
    }
GROUP BY ${["1", ...names.map((_, i) => String(i + 2))].join(", ")}`,
    audits: [dailyPlays(name, "date", "mart_listening")]
  }
}

/** What A/B groups did. Sessions are in mart_sessions by group, changes of level in mart_level_steps. */
export const listeningByTag = listeningBy({
  name: "listening_by_tag",
  description: "Listening by A/B group and level.",
  columns: [
    optional("tag", "string", "A/B group on the event"),
    column("level", "string", "Level on the event")
  ],
  values: () => ["l.tag", "l.level"]
})

export const listeningByDevice = listeningBy({
  name: "listening_by_device",
  description: "Listening by device.",
  join: ["dim_devices", "device_key"],
  columns: [
    optional("browser", "string", "Name of the browser, or other; NULL without a user agent"),
    optional("os", "string", "Name of the operating system, or other"),
    optional("form", "string", "desktop, mobile, tablet, tv, bot, or other")
  ],
  values: () => ["d.browser", "d.os", "d.form"]
})

/** Classes of the age of an account: the least whole days of each, greatest first. */
const ageClasses = [365, 91, 28, 7, 1]

export const listeningByAccountAge = listeningBy({
  name: "listening_by_account_age",
  description: "Listening by the age of the listener's account.",
  join: ["dim_users", "user_key"],
  columns: [
    optional(
      "account_days",
      "int32",
      `Whole days from registration to the play's hour, as the least of a class (0, ${ageClasses.toReversed().join(", ")}); NULL without registration`
    )
  ],
  values: (sql) => [
    sql.cast(
      `CASE WHEN d.registered_at IS NULL THEN NULL ${ageClasses
        .map(
          (days) => `WHEN ${sql.secondsBetween("d.registered_at", "l.hour")} >= ${days * 86_400} THEN ${days}`
        )
        .join(" ")} ELSE 0 END`,
      "int32"
    )
  ]
})
