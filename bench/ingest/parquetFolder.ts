import { DuckDBInstance } from "@duckdb/node-api"
import { readdirSync, statSync } from "node:fs"
import { join } from "node:path"
import { setTimeout as wait } from "node:timers/promises"
import { secondsSince } from "./runMeasured.ts"

/** The Parquet files under a folder that may not be there yet. */
const parquetFiles = (folder: string): ReadonlyArray<string> => {
  try {
    return (readdirSync(folder, { recursive: true }) as ReadonlyArray<string>)
      .filter((name) => name.endsWith(".parquet"))
      .map((name) => join(folder, name))
  } catch {
    return []
  }
}

export const sizeOfFolder = (folder: string): { readonly files: number; readonly bytes: number } => {
  const files = parquetFiles(folder)
  return { files: files.length, bytes: files.reduce((sum, file) => sum + statSync(file).size, 0) }
}

/** Rows under lake/ and dead-letters/ of a bucket's folder, by the files' footers. */
export const countRows = async (bucket: string): Promise<number> => {
  const globs = ["lake", "dead-letters"].filter((root) => parquetFiles(join(bucket, root)).length > 0)
  const list = globs.map((root) => `'${join(bucket, root, "**/*.parquet")}'`).join(", ")
  const instance = await DuckDBInstance.create(":memory:", { threads: "1" })
  const connection = await instance.connect()
  const found = await connection.runAndReadAll(
    `SELECT sum(num_rows)::DOUBLE FROM parquet_file_metadata([${list}])`
  )
  connection.closeSync()
  instance.closeSync()
  return Number(found.getRows()[0][0])
}

/** Seconds from now until the first Parquet file is whole in a folder; undefined when `over` comes first. */
export const firstFile = async (folder: string, over: Promise<unknown>): Promise<number | undefined> => {
  const began = process.hrtime.bigint()
  let isOver = false
  const finished = over.then(
    () => (isOver = true),
    () => (isOver = true)
  )
  while (true) {
    if (parquetFiles(folder).some((file) => statSync(file).size > 0)) return secondsSince(began)
    if (isOver) return undefined
    await Promise.race([wait(20), finished])
  }
}
