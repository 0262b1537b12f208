import { execFileSync } from "node:child_process"
import { mkdirSync } from "node:fs"
import { join } from "node:path"
import process from "node:process"
import { runCommand } from "../ingest/runCommand.ts"
import type { Used } from "../ingest/runMeasured.ts"

/** The command of the reader's own dbt, which must know DuckDB: DBT_CMD, or `dbt` if it is found; with its version. */
export const findDbt = (): { readonly command: string; readonly version: string } | undefined => {
  const command = process.env.DBT_CMD || "dbt"
  try {
    const said = execFileSync(command, ["--version"], { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] })
    const version = /duckdb: ([\d.]+)/.exec(said)?.[1]
    return version === undefined ? undefined : { command, version }
  } catch {
    return undefined
  }
}

/**
 * What a dbt project of this kind does each hour (bench/batch/dbt): makes every table anew from all plays of a lake.
 * Measured from start to exit, its project parsed before as the run of an hour before leaves it.
 */
export const runDbt = async (command: string, lake: string, folder: string): Promise<Used> => {
  mkdirSync(folder, { recursive: true })
  const project = join(process.cwd(), "bench/batch/dbt")
  const dbt = (what: string) =>
    runCommand(
      "dbt",
      [
        ...[command, what, "--project-dir", project, "--profiles-dir", project],
        ...["--target-path", join(folder, "target"), "--log-path", join(folder, "logs")]
      ],
      { DBT_LAKE: lake, DBT_WAREHOUSE: join(folder, "dbt.duckdb") }
    )
  await dbt("parse")
  return dbt("run")
}
