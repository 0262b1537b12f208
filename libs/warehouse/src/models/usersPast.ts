import type { Model } from "../Model.ts"
import { column, columnList } from "../Model.ts"
import { versionColumns, versionSuspects } from "./dimUsers.ts"
import { needsKeys } from "./userRuns.ts"

const columns = [
  column("user_id", "int64", "User"),
  ...versionColumns,
  column("valid_to", "timestamp", "End of the version, exclusive")
]

/**
 * Versions of users that others have followed, folded by users_now. An hour in order adds those that it ends and looks at
 * none; a late one replaces those of its own users that ended since.
 */
export const usersPast: Model = {
  name: "users_past",
  kind: "scd2",
  grain: "one version of a user that has ended",
  description: "The versions of users that others have followed: the other rows of dim_users.",
  key: ["user_key"],
  columns,
  dependsOn: ["user_runs", "users_now"],
  cluster: ["valid_to"],
  steps: (sql, { isNew }) => {
    const removed = `DELETE FROM users_past WHERE valid_to >= ${sql.hourStart(sql.variable("first_hour"))}
  AND user_key IN (SELECT user_key FROM removed_versions WHERE NOT is_current)`
    return [
      // Of hours that are new a version can have ended since only if there are later ones.
      ...(isNew ? sql.when(needsKeys(sql), [removed]) : [removed]),
      `INSERT INTO users_past SELECT ${columnList(sql, { columns })} FROM added_versions WHERE NOT is_current
${sql.insertOrder("valid_to")}`
    ]
  },
  keyRows: (scope) => ({ table: scope.dimUsers, where: "NOT is_current" }),
  audits: [],
  suspects: versionSuspects
}
