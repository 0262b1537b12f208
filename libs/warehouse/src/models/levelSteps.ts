import type { Dialect } from "../Dialect.ts"
import type { Model } from "../Model.ts"
import { column, columnList, optional } from "../Model.ts"
import { facts } from "./facts.ts"
import { hoursInBuild, inBuild } from "./inBuild.ts"

const cancelledColumns = [
  column("hour_key", "int64", "Hour"),
  column("user_id", "int64", "User"),
  column("level", "string", "Level on the event"),
  optional("tag", "string", "A/B group on the event")
]

/** Who cancelled in each hour: marts of days and months count them without a look at all pages. */
export const cancellations: Model = {
  name: "cancellations",
  kind: "stage",
  grain: "one user, level and A/B group with a page of auth Cancelled in an hour",
  description: "Users who reached auth Cancelled.",
  key: cancelledColumns.map(({ name }) => name),
  columns: cancelledColumns,
  dependsOn: ["fact_page_views"],
  cluster: ["hour_key"],
  steps: (sql, { isNew }) => {
    const list = columnList(sql, { columns: cancelledColumns })
    return [
      ...(isNew ? [] : [`DELETE FROM cancellations WHERE ${hoursInBuild(sql)}`]),
      `INSERT INTO cancellations SELECT DISTINCT ${list} FROM fact_page_views
WHERE ${inBuild(sql)} AND auth = 'Cancelled' AND user_id IS NOT NULL`
    ]
  },
  audits: []
}

const columns = [
  column("user_id", "int64", "User"),
  column("changed_at", "timestamp", "First event that shows the new level"),
  column("level_before", "string", "Level before"),
  column("level_after", "string", "Level after"),
  column("since", "timestamp", "Start of the unbroken time at the level before"),
  optional("tag", "string", "A/B group: the smallest on the user's events of that moment")
]

const stepsFrom = (sql: Dialect): string => sql.hourStart(sql.variable("steps_from"))

/**
 * Users whose steps may be others: those that have changed and have, or had, a step since; and those with a step in the
 * hours of the build, whose events may name another A/B group now. In order that is nobody else than who has stepped.
 */
const stepUsers = (sql: Dialect): string => `
SELECT user_id FROM level_steps WHERE changed_at >= ${stepsFrom(sql)}
  AND (user_id IN (SELECT user_id FROM changed_users) OR changed_at < ${sql.hourStart(`${sql.variable("last_hour")} + 1`)})
UNION DISTINCT
SELECT user_id FROM changed_versions GROUP BY user_id HAVING min(level) <> max(level)`

const newSteps = (sql: Dialect): string => `
WITH steps AS (
  SELECT user_id, valid_from AS changed_at, lag(level) OVER (PARTITION BY user_id ORDER BY valid_from) AS level_before,
    level AS level_after, lag(level_since) OVER (PARTITION BY user_id ORDER BY valid_from) AS since
  FROM build_users WHERE user_id IN (SELECT user_id FROM step_users)
), tagged AS (
  SELECT user_id, ts, min(tag) AS tag FROM (
    ${facts
      .map(
        ({ name }) =>
          `SELECT user_id, ts, tag FROM ${name} WHERE ${sql.sinceHour(sql.variable("steps_from"))} AND user_id IN (SELECT user_id FROM step_users)`
      )
      .join("\n    UNION ALL ")})
  GROUP BY user_id, ts
)
SELECT s.user_id, s.changed_at, s.level_before, s.level_after, s.since, t.tag
FROM steps s LEFT JOIN tagged t ON s.user_id = t.user_id AND s.changed_at = t.ts
WHERE s.level_before <> s.level_after AND s.changed_at >= ${stepsFrom(sql)}`

/**
 * Changes of level that happened: what the next event shows counts, not what was asked for. Folded from the user's
 * versions; a step before the build's hours, and before what they have changed, stays as it is.
 */
export const levelSteps: Model = {
  name: "level_steps",
  kind: "fold",
  grain: "one change of a user's level",
  description: "From free to paid and back, with the time at the level before.",
  key: ["user_id", "changed_at"],
  columns,
  dependsOn: ["dim_users", ...facts.map(({ name }) => name)],
  partition: "changed_at",
  cluster: ["user_id"],
  steps: (sql) => [
    sql.tempTable("step_users", stepUsers(sql)),
    sql.tempTable("new_level_steps", newSteps(sql)),
    sql.tempTable(
      "step_dates",
      `SELECT ${sql.dateOf("changed_at")} AS date FROM level_steps
WHERE changed_at >= ${stepsFrom(sql)} AND user_id IN (SELECT user_id FROM step_users)
UNION DISTINCT SELECT ${sql.dateOf("changed_at")} FROM new_level_steps`
    ),
    `DELETE FROM level_steps WHERE changed_at >= ${stepsFrom(sql)} AND user_id IN (SELECT user_id FROM step_users)`,
    `INSERT INTO level_steps SELECT ${columnList(sql, { columns })} FROM new_level_steps ${sql.insertOrder("changed_at")}`
  ],
  leaves: (sql) => [
    sql.tempTable(
      "step_dates",
      `SELECT DISTINCT ${sql.dateOf("changed_at")} AS date FROM level_steps
WHERE changed_at >= ${sql.hourStart(sql.variable("first_hour"))} AND changed_at < ${sql.hourStart(`${sql.variable("last_hour")} + 1`)}`
    )
  ],
  audits: [
    {
      name: "a step leads from the level of the version before to that of the version after",
      badRows: (_sql, scope) => `
SELECT s.user_id, s.changed_at, s.level_before, s.level_after, b.level AS version_before, a.level AS version_after FROM level_steps s
LEFT JOIN ${scope.dimUsers} b ON s.user_id = b.user_id AND s.changed_at = b.valid_to
LEFT JOIN ${scope.dimUsers} a ON s.user_id = a.user_id AND s.changed_at = a.valid_from
WHERE ${scope.users("s.user_id")} AND ${scope.since("s.changed_at")} AND (s.level_before = s.level_after
  OR s.level_before IS DISTINCT FROM b.level OR s.level_after IS DISTINCT FROM a.level)`
    }
  ]
}
