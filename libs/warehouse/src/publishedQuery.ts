import path from "node:path"
import { duckDbDialect } from "./duckDbDialect.ts"
import type { PublishedFile } from "./verifyPublished.ts"

/**
 * DuckDB query of a published table's rows, each once: of its files, at least one, in the version's `folder`, as the
 * manifest lists them. `select`: what follows SELECT.
 */
export const publishedQuery = (
  folder: string,
  files: ReadonlyArray<PublishedFile>,
  select: string = "*"
): string => {
  const parquet = (some: ReadonlyArray<PublishedFile>) =>
    `read_parquet([${some.map((file) => duckDbDialect.text(path.join(folder, file.path))).join(", ")}])`
  const changes = files.find((file) => file.changes !== undefined)
  if (changes?.changes === undefined) return `SELECT ${select} FROM ${parquet(files)}`
  const others = parquet(files.filter((file) => file !== changes))
  return (
    `SELECT ${select} FROM (FROM ${others} ANTI JOIN (SELECT ${changes.changes.key} FROM ${parquet([changes])}) ` +
    `USING (${changes.changes.key}) UNION ALL BY NAME FROM ${parquet([changes])})`
  )
}
