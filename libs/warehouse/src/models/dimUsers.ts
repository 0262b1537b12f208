import type { Dialect } from "../Dialect.ts"
import type { AuditScope, Model } from "../Model.ts"
import { column, optional } from "../Model.ts"
import { userAttributes } from "./userRuns.ts"

/** What is known of a version of a user, closed or not. */
export const versionColumns = [
  column("user_key", "int64", "Key of the version"),
  optional("first_name", "string", "First name"),
  optional("last_name", "string", "Last name"),
  optional("gender", "string", "M or F, as the events say"),
  optional("registered_at", "timestamp", "When the user registered; may lie after valid_from"),
  column("level", "string", "free or paid"),
  column("level_since", "timestamp", "Start of the unbroken time at this level"),
  column("valid_from", "timestamp", "Start of the version, inclusive")
]

const columns = [
  versionColumns[0],
  optional("user_id", "int64", "User; NULL for the unknown member"),
  ...versionColumns.slice(1).map(({ description, name, type }) => optional(name, type, description)),
  optional("valid_to", "timestamp", "End of the version, exclusive; NULL while it is in force"),
  column("is_current", "boolean", "Whether it is the user's last version")
]

const rowsOf = (sql: Dialect, own: Readonly<Record<string, string>>): string =>
  columns
    .map(({ name }) => (own[name] === undefined ? sql.id(name) : `${own[name]} AS ${sql.id(name)}`))
    .join(", ")

/** Versions in force as dim_users has them, of users_now or what has its columns. */
export const currentRows = (sql: Dialect, table: string): string =>
  `SELECT ${rowsOf(sql, { valid_to: sql.cast("NULL", "timestamp"), is_current: "true" })} FROM ${table}`

/** The same of closed versions, of users_past. */
export const pastRows = (sql: Dialect, table: string): string =>
  `SELECT ${rowsOf(sql, { is_current: "false" })} FROM ${table}`

/** The unknown member, as a query. */
export const unknownUser = (sql: Dialect): string =>
  `SELECT ${columns
    .map(({ name, type }) =>
      name === "user_key"
        ? `${sql.key("user", "NULL")} AS user_key`
        : `${name === "is_current" ? "true" : sql.cast("NULL", type)} AS ${name}`
    )
    .join(", ")}`

/**
 * Where each end that a version has is another one's start, and later than its own, and no two versions of a user end
 * at a time (or both never), they are one chain: n versions have n different ends, the last of which is none, so the
 * n - 1 others are the starts of all but the first.
 */
export const versionSuspects = (sql: Dialect, { dimUsers: users }: AuditScope): string => `
SELECT found FROM (
  SELECT count(*) AS found, count(DISTINCT ${sql.fingerprint("v.user_id", "v.valid_to")}) AS ends, count(DISTINCT v.user_key) AS keys,
    sum(CASE WHEN v.is_current IS DISTINCT FROM (v.valid_to IS NULL) OR (v.user_id IS NOT NULL
        AND (v.valid_from IS NULL OR v.level IS NULL OR v.level_since IS NULL OR v.level_since > v.valid_from))
      OR (v.valid_to IS NOT NULL AND (n.user_id IS NULL OR v.valid_to <= v.valid_from
        OR n.level_since IS DISTINCT FROM CASE WHEN v.level = n.level THEN v.level_since ELSE n.valid_from END
        OR (${userAttributes.map((name) => `v.${name} IS NOT DISTINCT FROM n.${name}`).join(" AND ")}))) THEN 1 ELSE 0 END) AS wrong
  FROM ${users} v LEFT JOIN ${users} n ON v.user_id = n.user_id AND v.valid_to = n.valid_from)
WHERE found <> ends OR found <> keys OR wrong > 0`

/** All versions of users: those in force and those that others have followed lie in tables of their own. */
export const dimUsers: Model = {
  name: "dim_users",
  kind: "view",
  grain: "one version of a user, and one unknown member",
  description: "Users with their history of level and attributes; guests are not in it.",
  key: ["user_key"],
  columns,
  dependsOn: ["users_now", "users_past"],
  steps: () => [],
  select: (sql) => `
${currentRows(sql, sql.table("users_now"))}
UNION ALL ${pastRows(sql, sql.table("users_past"))}
UNION ALL ${unknownUser(sql)}`,
  keyRows: (scope) => ({ table: scope.dimUsers, where: "TRUE" }),
  audits: [
    {
      name: "a user's versions follow each other without gap or overlap, and differ",
      badRows: (sql, scope) => `
SELECT user_id, valid_from, valid_to, next_from FROM (
  SELECT *, lead(valid_from) OVER w AS next_from, lead(level) OVER w AS next_level, lead(level_since) OVER w AS next_since,
    ${sql.differsFrom("lead", userAttributes, "w")} AS differs
  FROM ${scope.dimUsers} WHERE user_id IS NOT NULL
  WINDOW w AS (PARTITION BY user_id ORDER BY valid_from))
WHERE valid_to IS DISTINCT FROM next_from OR valid_to <= valid_from OR valid_from IS NULL OR level IS NULL
  OR level_since IS NULL OR level_since > valid_from
  OR (next_from IS NOT NULL AND (NOT differs
    OR next_since IS DISTINCT FROM CASE WHEN level = next_level THEN level_since ELSE next_from END))`
    },
    {
      name: "a user has one current version",
      badRows: (_sql, scope) => `
SELECT user_id, sum(CASE WHEN is_current THEN 1 ELSE 0 END) AS current_versions FROM ${scope.dimUsers}
GROUP BY user_id
HAVING sum(CASE WHEN is_current THEN 1 ELSE 0 END) <> 1 OR sum(CASE WHEN is_current AND valid_to IS NOT NULL THEN 1 ELSE 0 END) > 0`
    }
  ],
  suspects: versionSuspects
}
