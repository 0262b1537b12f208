import { models } from "@musify/warehouse/models/models.ts"
import fs from "node:fs"
import { expect, test } from "vitest"
import { describeModels } from "./describeModels.ts"
import { lineageDiagram, starDiagram } from "./diagrams.ts"
import { starSchemaMarkdown } from "./markdown.ts"
import { starSchemaPage } from "./page.ts"

const schema = describeModels()
const docs = new URL("../../../../docs/", import.meta.url)

test("docs/star-schema.md and its diagram are what the models say; `musify docs --markdown` writes them", () => {
  const read = (file: string) => fs.readFileSync(new URL(file, docs), "utf8")
  expect(read("star-schema.md")).toBe(starSchemaMarkdown(schema))
  expect(read("images/star-schema.svg")).toBe(starDiagram(schema))
})

test("every table, column, audit and origin is on the page, and every link leads somewhere on it", () => {
  const page = starSchemaPage(schema)
  const ids = new Set([...page.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id))
  for (const [, target] of page.matchAll(/href="#([^"]+)"/g)) expect(ids).toContain(target)
  expect(ids.size).toBeGreaterThanOrEqual(models.length)
  for (const { columns, name } of models) {
    expect(ids).toContain(name)
    for (const column of columns) expect(page).toContain(`<code>${column.name}</code>`)
  }
  expect(page.match(/<li>/g)?.length).toBe(schema.tables.reduce((sum, { audits }) => sum + audits.length, 0))
  // Self-contained: nothing is fetched, nothing runs.
  expect(page).not.toMatch(/<script|src=|@import|url\((?!#)|href="(?!#)/)
})

test("keys lead to the dimension that has them, and lineage to tables and sources that there are", () => {
  const tables = new Map(schema.tables.map((table) => [table.name, table]))
  const known = new Set([...tables.keys(), ...schema.sources.map(({ name }) => name)])
  for (const table of schema.tables) {
    for (const { name, references } of table.columns)
      if (references !== null) expect(tables.get(references)?.key).toEqual([name])
    for (const one of table.madeFrom) expect(known).toContain(one)
    for (const one of table.readBy) expect(tables.get(one)?.madeFrom).toContain(table.name)
  }
})

test("each diagram has a box for each of its tables and arrows between them", () => {
  const boxes = (svg: string) => new Set([...svg.matchAll(/<a href="#([^"]+)">/g)].map(([, name]) => name))
  const star = boxes(starDiagram(schema))
  for (const name of ["fact_streams", "fact_sessions", "dim_users", "dim_artists", "dim_datetime"])
    expect(star).toContain(name)
  expect(star).not.toContain("mart_songs")
  const lineage = lineageDiagram(schema)
  expect(boxes(lineage).size).toBe(schema.tables.length + schema.sources.length)
  expect(lineage).toContain("stage_listen_events → fact_streams")
  // It follows from dim_users → mart_listening → the view, so it is left out.
  expect(lineage).not.toContain("dim_users → listening_by_account_age")
})
