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
