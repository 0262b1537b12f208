import type { Dialect } from "../Dialect.ts"
import type { Model } from "../Model.ts"
import { column, columnList } from "../Model.ts"
import { currentRows, dimUsers, pastRows, versionColumns, versionSuspects } from "./dimUsers.ts"
import { inBuild } from "./inBuild.ts"
import { userAttributes } from "./userRuns.ts"

const said = userAttributes.join(", ")

const columns = [column("user_id", "int64", "User"), ...versionColumns]

/** Users whom the build's hours show, or about whom they show something else now. */
const usersOfBuild = (sql: Dialect): string =>
  `SELECT user_id FROM user_runs WHERE ${inBuild(sql)} UNION DISTINCT SELECT user_id FROM changed_users`

/**
 * Versions of these users from the one on in which the build begins: all that an hour in order looks for are in force.
 * Closed ones lie as they were closed, so that the scan skips those of before.
 */
const versionsOfBuild = (sql: Dialect): string => `
${currentRows(sql, "users_now")} WHERE user_id IN (${usersOfBuild(sql)})
UNION ALL ${pastRows(sql, "users_past")}
WHERE valid_to >= ${sql.hourStart(sql.variable("first_hour"))} AND user_id IN (${usersOfBuild(sql)})`

/** Runs `r` of users `c` since each one's first changed hour. */
const runsSince = (users: string): string =>
  `user_runs r JOIN ${users} c ON r.user_id = c.user_id AND r.hour_key >= c.from_hour`

/**
 * Changed users to be folded: those of whom a run says something else than the version in force before it, and those with
 * versions since. All others, most users of an hour, have that one version before and after.
 */
const foldedUsers = (sql: Dialect): string => `
SELECT user_id, from_hour, from_ts FROM changed_users WHERE user_id IN (
  SELECT v.user_id FROM known_versions v JOIN changed_users c ON v.user_id = c.user_id WHERE v.valid_from >= c.from_ts
  UNION DISTINCT
  SELECT r.user_id FROM ${runsSince("changed_users")}
  LEFT JOIN known_versions v ON r.user_id = v.user_id AND v.valid_from < c.from_ts AND coalesce(v.valid_to, ${sql.endOfTime}) >= c.from_ts
  WHERE ${sql.sinceHour(sql.variable("changed_from"), "r.")}
    AND (v.user_id IS NULL OR ${userAttributes.map((name) => `r.${name} IS DISTINCT FROM v.${name}`).join(" OR ")}))`

/** Leaves the versions of these of the changed users from the one on that their first changed hour begins in. */
const changedVersions = (sql: Dialect, versions: string, users: string): string =>
  sql.tempTable(
    "changed_versions",
    `SELECT v.user_key, v.user_id, v.level, v.valid_from, v.valid_to, c.from_hour, c.from_ts
FROM ${versions} v JOIN ${users} c ON v.user_id = c.user_id WHERE v.valid_to IS NULL OR v.valid_to >= c.from_ts`
  )

/**
 * The version of each user that is in force. It is folded together with those of before (`users_past`), per changed user
 * who says something new, from its first changed hour on: the version in force before that hour is the fold's state, the
 * runs of user_runs since then are its input. In order that state is a row of this table, which is as large as there are
 * users however long the history is. Leaves `folded_users`, `old_user_versions` (theirs that were folded again),
 * `removed_versions` and `added_versions` (the rows that differ), `changed_versions` and `hour_users` (versions since the
 * build's first hour of who is in its hours or has changed) behind.
 */
export const usersNow: Model = {
  name: "users_now",
  kind: "fold",
  grain: "one user",
  description: "The version of each user that is in force: the current rows of dim_users.",
  key: ["user_id"],
  columns,
  dependsOn: ["user_runs"],
  foldedWith: "users_past",
  cluster: ["user_id"],
  steps: (sql) => {
    const list = columnList(sql, dimUsers)
    const byTime = "(PARTITION BY user_id ORDER BY ts)"
    return [
      sql.tempTable("known_versions", versionsOfBuild(sql)),
      sql.tempTable("folded_users", foldedUsers(sql)),
      sql.tempTable(
        "old_user_versions",
        `SELECT ${columnList(sql, dimUsers, "d.")}, c.from_ts
FROM known_versions d JOIN folded_users c ON d.user_id = c.user_id WHERE d.valid_to IS NULL OR d.valid_to >= c.from_ts`
      ),
      sql.tempTable(
        "user_seeds",
        `SELECT user_key, user_id, valid_from AS ts, level_since, ${said} FROM old_user_versions WHERE valid_from < from_ts`
      ),
      sql.tempTable(
        "new_user_versions",
        `
WITH seen AS (
  SELECT user_id, ts, ${said} FROM user_seeds
  UNION ALL
  SELECT r.user_id, r.ts, ${userAttributes.map((name) => `r.${name}`).join(", ")}
  FROM ${runsSince("folded_users")} WHERE ${sql.sinceHour(sql.variable("changed_from"), "r.")}
), versions AS (
  SELECT * FROM seen WHERE TRUE
  QUALIFY ${sql.differsFrom("lag", userAttributes, byTime)}
), chained AS (
  SELECT *, lead(ts) OVER ${byTime} AS valid_to, row_number() OVER ${byTime} AS place,
    level IS DISTINCT FROM lag(level) OVER ${byTime} AS is_level_new
  FROM versions
), told AS (
  SELECT v.*, s.user_key AS seed_key, CASE WHEN v.is_level_new THEN coalesce(s.level_since, v.ts) END AS level_start
  FROM chained v LEFT JOIN user_seeds s ON v.user_id = s.user_id AND v.ts = s.ts
)
SELECT CASE WHEN place > 1 THEN ${sql.key("user", "user_id", sql.epochMicros("ts"))}
            ELSE coalesce(seed_key, ${sql.key("user", "user_id")}) END AS user_key,
  user_id, ${said}, max(level_start) OVER ${byTime} AS level_since,
  ts AS valid_from, valid_to, valid_to IS NULL AS is_current
FROM told`
      ),
      sql.tempTable(
        "removed_versions",
        `SELECT ${list} FROM old_user_versions EXCEPT DISTINCT SELECT ${list} FROM new_user_versions`
      ),
      sql.tempTable(
        "added_versions",
        `SELECT ${list} FROM new_user_versions EXCEPT DISTINCT SELECT ${list} FROM old_user_versions`
      ),
      `DELETE FROM users_now WHERE user_id IN (SELECT user_id FROM removed_versions WHERE is_current)`,
      `INSERT INTO users_now SELECT ${columnList(sql, { columns })} FROM added_versions WHERE is_current`,
      changedVersions(sql, "new_user_versions", "folded_users"),
      sql.tempTable(
        "hour_users",
        `SELECT ${list} FROM known_versions
WHERE user_key NOT IN (SELECT user_key FROM old_user_versions)
UNION ALL SELECT ${list} FROM new_user_versions`
      )
    ]
  },
  leaves: (sql) => [
    sql.tempTable("folded_users", "SELECT user_id, from_hour, from_ts FROM changed_users WHERE false"),
    sql.tempTable("hour_users", versionsOfBuild(sql)),
    sql.tempTable(
      "old_user_versions",
      `SELECT ${columnList(sql, dimUsers)}, valid_from AS from_ts FROM hour_users WHERE false`
    ),
    changedVersions(sql, "hour_users", "changed_users")
  ],
  keyRows: (scope) => ({ table: scope.dimUsers, where: "is_current AND user_id IS NOT NULL" }),
  audits: [],
  suspects: versionSuspects
}
