import { DuckDBInstance } from "@duckdb/node-api"
import { lakeColumnsOf } from "@musify/domain/columns.ts"
import { topics } from "@musify/domain/Topic.ts"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import path from "node:path"
import { afterAll, expect, test } from "vitest"
import { duckDbDialect } from "./duckDbDialect.ts"
import { stageSteps } from "./staging.ts"

const folder = mkdtempSync(path.join(tmpdir(), "musify-staging-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const duckDbType = { timestamp: "TIMESTAMPTZ", int64: "BIGINT", int32: "INTEGER", float64: "DOUBLE" } as const

/** Rows of which `copies` in 200 have the natural key of another one, some of them also its other columns. */
const lakeRows = (topic: (typeof topics)[number], copies: number): string =>
  `SELECT ${lakeColumnsOf(topic)
    .map(({ name, type }) => {
      const i = `(i - CASE WHEN i % 200 BETWEEN 100 AND ${99 + copies} THEN 100 ELSE 0 END)`
      const other = `(i % CASE WHEN i % 100 = 1 THEN 50 ELSE 70 END)`
      if (name === "ts") return `make_timestamptz(${i} * 60000000) AS ts`
      if (["sessionId", "itemInSession"].includes(name)) return `CAST(${i} AS ${type}) AS "${name}"`
      if (name === "userId") return `CAST(CASE WHEN ${i} % 7 > 0 THEN ${i} END AS BIGINT) AS "userId"`
      if (type === "timestamp") return `make_timestamptz(${other}) AS "${name}"`
      if (type === "boolean") return `${other} % 2 = 0 AS "${name}"`
      return `CAST(${other} AS ${duckDbType[type as keyof typeof duckDbType] ?? "VARCHAR"}) AS "${name}"`
    })
    .join(", ")} FROM range(1000) t(i)`

test.each([0, 3])(
  "a stage over large files has the rows of a stage that is kept, with %i copies in 200 rows",
  async (copies) => {
    const instance = await DuckDBInstance.create(":memory:")
    const connection = await instance.connect()
    const sources: Record<string, string> = {}
    for (const topic of topics) {
      const file = path.join(folder, `${topic}-${copies}.parquet`)
      await connection.run(`COPY (${lakeRows(topic, copies)}) TO '${file}' (FORMAT parquet)`)
      sources[topic] = `read_parquet(['${file}'])`
    }
    const staged = async (files: Record<string, string | { large: string }>) => {
      for (const { statements } of stageSteps(duckDbDialect, files))
        for (const statement of statements) await connection.run(statement)
      const rows = async (table: string) =>
        (await connection.runAndReadAll(`SELECT to_json(s)::VARCHAR FROM ${table} s ORDER BY 1`)).getRows()
      const found: Record<string, ReadonlyArray<unknown>> = { stage_rows: await rows("stage_rows") }
      for (const topic of topics) found[topic] = await rows(`stage_${topic}`)
      return found
    }
    const kept = await staged(sources)
    for (const topic of topics) await connection.run(`DROP TABLE stage_${topic}`)
    const views = await staged(Object.fromEntries(topics.map((topic) => [topic, { large: sources[topic] }])))
    expect(views).toEqual(kept)
    for (const topic of topics) expect(kept[topic].length).toBe(1000 - 5 * copies)
    instance.closeSync()
  }
)
