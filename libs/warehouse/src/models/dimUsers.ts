import type { Dialect } from "../Dialect.ts"
import type { Model } from "../Model.ts"
import { column, columnList, optional } from "../Model.ts"
import { inBuild } from "./inBuild.ts"
import { userAttributes } from "./userRuns.ts"

const attributes = userAttributes.join(", ")

const columns = [
  column("user_key", "int64", "Key of the version"),
  optional("user_id", "int64", "User; NULL for the unknown member"),
  optional("first_name", "string", "First name"),
  optional("last_name", "string", "Last name"),
  optional("gender", "string", "M or F, as the events say"),
  optional("registered_at", "timestamp", "When the user registered; may lie after valid_from"),
  optional("level", "string", "free or paid"),
  optional("valid_from", "timestamp", "Start of the version, inclusive"),
  optional("valid_to", "timestamp", "End of the version, exclusive; NULL while it is in force"),
  column("is_current", "boolean", "Whether it is the user's last version")
]

/** The users that the build's hours show. */
const usersOfHours = (sql: Dialect): string => `SELECT user_id FROM user_runs WHERE ${inBuild(sql)}`

/** The unknown member, as a query. */
export const unknownUser = (sql: Dialect): string =>
  `SELECT ${columns
    .map(({ name, type }) =>
      name === "user_key"
        ? `${sql.key("user", "NULL")} AS user_key`
        : `${name === "is_current" ? "true" : sql.cast("NULL", type)} AS ${name}`
    )
    .join(", ")}`

/** Leaves the versions of changed users from the one on that their first changed hour begins in. */
const changedVersions = (sql: Dialect, versions: string): string =>
  sql.tempTable(
    "changed_versions",
    `SELECT v.user_key, v.user_id, v.level, v.valid_from, v.valid_to, c.from_hour, c.from_ts
FROM ${versions} v JOIN changed_users c ON v.user_id = c.user_id WHERE v.valid_to IS NULL OR v.valid_to >= c.from_ts`
  )

/**
 * Versions of users (SCD type 2), folded per changed user from its first changed hour on: the version in force before
 * that hour is the fold's state, the runs of user_runs since then are its input. Leaves `old_user_versions` (those that were
 * replaced), `changed_versions` and `hour_users` (all versions of who is in the build's hours or has changed) behind.
 */
export const dimUsers: Model = {
  name: "dim_users",
  kind: "scd2",
  grain: "one version of a user, and one unknown member",
  description: "Users with their history of level and attributes; guests are not in it.",
  key: ["user_key"],
  columns,
  dependsOn: ["user_runs"],
  cluster: ["user_id"],
  seed: (sql) => [`INSERT INTO dim_users ${unknownUser(sql)}`],
  steps: (sql) => [
    // All versions are looked through once for both.
    sql.tempTable(
      "known_versions",
      `SELECT ${columnList(sql, { columns })} FROM dim_users
WHERE user_id IN (${usersOfHours(sql)} UNION DISTINCT SELECT user_id FROM changed_users)`
    ),
    sql.tempTable(
      "old_user_versions",
      `SELECT d.user_key, d.user_id, d.valid_from, d.valid_to, ${userAttributes.map((name) => `d.${name}`).join(", ")}, c.from_ts
FROM known_versions d JOIN changed_users c ON d.user_id = c.user_id WHERE d.valid_to IS NULL OR d.valid_to >= c.from_ts`
    ),
    sql.tempTable(
      "user_seeds",
      `SELECT user_key, user_id, valid_from AS ts, ${attributes} FROM old_user_versions WHERE valid_from < from_ts`
    ),
    sql.tempTable(
      "new_user_versions",
      `
WITH seen AS (
  SELECT user_id, ts, ${attributes} FROM user_seeds
  UNION ALL
  SELECT r.user_id, r.ts, ${userAttributes.map((name) => `r.${name}`).join(", ")}
  FROM user_runs r JOIN changed_users c ON r.user_id = c.user_id
  WHERE ${sql.sinceHour(sql.variable("changed_from"), "r.")} AND r.hour_key >= c.from_hour
), versions AS (
  SELECT * FROM seen WHERE TRUE
  QUALIFY ${sql.differsFrom("lag", userAttributes, "(PARTITION BY user_id ORDER BY ts)")}
), chained AS (
  SELECT *, lead(ts) OVER (PARTITION BY user_id ORDER BY ts) AS valid_to,
    row_number() OVER (PARTITION BY user_id ORDER BY ts) AS place
  FROM versions
)
SELECT CASE WHEN v.place > 1 THEN ${sql.key("user", "v.user_id", sql.epochMicros("v.ts"))}
            WHEN s.user_id IS NOT NULL THEN s.user_key
            ELSE ${sql.key("user", "v.user_id")} END AS user_key,
  v.user_id, ${userAttributes.map((name) => `v.${name}`).join(", ")},
  v.ts AS valid_from, v.valid_to, v.valid_to IS NULL AS is_current
FROM chained v LEFT JOIN user_seeds s ON v.user_id = s.user_id`
    ),
    `DELETE FROM dim_users WHERE user_id IN (SELECT user_id FROM old_user_versions)
  AND user_key IN (SELECT user_key FROM old_user_versions)`,
    `INSERT INTO dim_users SELECT ${columnList(sql, { columns })} FROM new_user_versions`,
    changedVersions(sql, "new_user_versions"),
    sql.tempTable(
      "hour_users",
      `SELECT ${columnList(sql, { columns })} FROM known_versions
WHERE user_key NOT IN (SELECT user_key FROM old_user_versions)
UNION ALL SELECT ${columnList(sql, { columns })} FROM new_user_versions`
    )
  ],
  leaves: (sql) => [
    sql.tempTable(
      "old_user_versions",
      `SELECT user_key, user_id, level, valid_from, valid_to, valid_from AS from_ts FROM dim_users WHERE false`
    ),
    changedVersions(sql, "dim_users"),
    sql.tempTable(
      "hour_users",
      `SELECT ${columnList(sql, { columns })} FROM dim_users
WHERE user_id IN (${usersOfHours(sql)} UNION DISTINCT SELECT user_id FROM changed_users)`
    )
  ],
  audits: [
    {
      name: "a user's versions follow each other without gap or overlap, and differ",
      badRows: (sql, scope) => `
SELECT user_id, valid_from, valid_to, next_from FROM (
  SELECT *, lead(valid_from) OVER w AS next_from, ${sql.differsFrom("lead", userAttributes, "w")} AS differs
  FROM ${scope.dimUsers} WHERE user_id IS NOT NULL
  WINDOW w AS (PARTITION BY user_id ORDER BY valid_from))
WHERE valid_to IS DISTINCT FROM next_from OR valid_to <= valid_from OR valid_from IS NULL OR level IS NULL
  OR (next_from IS NOT NULL AND NOT differs)`
    },
    {
      name: "a user has one current version",
      badRows: (_sql, scope) => `
SELECT user_id, sum(CASE WHEN is_current THEN 1 ELSE 0 END) AS current_versions FROM ${scope.dimUsers}
GROUP BY user_id
HAVING sum(CASE WHEN is_current THEN 1 ELSE 0 END) <> 1 OR sum(CASE WHEN is_current AND valid_to IS NOT NULL THEN 1 ELSE 0 END) > 0`
    }
  ],
  // Where each end that a version has is another one's start, and later than its own, and no two versions of a user end
  // at a time (or both never), they are one chain: n versions have n different ends, the last of which is none, so the
  // n - 1 others are the starts of all but the first.
  suspects: (sql, { dimUsers: users }) => `
SELECT found FROM (
  SELECT count(*) AS found, count(DISTINCT ${sql.fingerprint("v.user_id", "v.valid_to")}) AS ends, count(DISTINCT v.user_key) AS keys,
    sum(CASE WHEN v.is_current IS DISTINCT FROM (v.valid_to IS NULL) OR (v.user_id IS NOT NULL AND (v.valid_from IS NULL OR v.level IS NULL))
      OR (v.valid_to IS NOT NULL AND (n.user_id IS NULL OR v.valid_to <= v.valid_from
        OR (${userAttributes.map((name) => `v.${name} IS NOT DISTINCT FROM n.${name}`).join(" AND ")}))) THEN 1 ELSE 0 END) AS wrong
  FROM ${users} v LEFT JOIN ${users} n ON v.user_id = n.user_id AND v.valid_to = n.valid_from)
WHERE found <> ends OR found <> keys OR wrong > 0`
}
