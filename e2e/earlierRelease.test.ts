import { DuckDBInstance } from "@duckdb/node-api"
import * as fs from "node:fs"
import { dirname, join } from "node:path"
import { createGunzip } from "node:zlib"
import { afterAll, expect, test } from "vitest"
import { eachTarFile } from "../apps/simulator/src/catalog/tarFiles.ts"
import { models } from "../libs/warehouse/src/models/models.ts"
import { root, runJson, temporaryFolder } from "./musify.ts"

/* A data folder that an earlier release has made (fixtures/README.md): this one goes on with it. */

const scratch = temporaryFolder()
afterAll(() => scratch.remove())

const unpack = async (name: string): Promise<string> => {
  const folder = join(scratch.path, name)
  const archive = fs.createReadStream(join(root, "e2e/fixtures/data-folder-1.tar.gz"))
  await eachTarFile(
    [archive, createGunzip()],
    () => true,
    async (file, bytes) => {
      fs.mkdirSync(dirname(join(folder, file)), { recursive: true })
      fs.writeFileSync(join(folder, file), bytes)
    }
  )
  return join(folder, "data-folder-1")
}

/** Rows of a table that only one of two warehouses has, of every table. */
const differences = async (one: string, other: string): Promise<ReadonlyArray<string>> => {
  const duckDb = await DuckDBInstance.create(":memory:")
  const connection = await duckDb.connect()
  await connection.run(`ATTACH '${one}' AS a (READ_ONLY); ATTACH '${other}' AS b (READ_ONLY)`)
  const found: Array<string> = []
  for (const { name, select } of models) {
    if (select !== undefined) continue
    for (const [from, to] of ["ab", "ba"]) {
      const rows = await connection.runAndReadAll(
        `SELECT count(*) FROM (SELECT * FROM ${from}.${name} EXCEPT ALL SELECT * FROM ${to}.${name})`
      )
      if (rows.getRows()[0][0] !== 0n) found.push(`${name}: rows that only ${from} has`)
    }
  }
  connection.closeSync()
  duckDb.closeSync()
  return found
}

interface Built {
  readonly hours: number
  readonly rows: Readonly<Record<string, number>>
  readonly published: string
}

test("a data folder of an earlier release is built again, to what a new one would hold, and its audit is clean", async () => {
  const data = await unpack("old")
  const published = join(data, "bucket", "published")
  const current = () => fs.readFileSync(join(published, "CURRENT"), "utf8").trim()
  const before = current()
  const manifest = fs.readFileSync(join(published, before, "manifest.json"))

  const built = await runJson<Built>(["batch", "run", "--data", data])
  expect(built.hours).toBe(4)
  expect(built.rows).toMatchObject({
    fact_streams: 117,
    fact_page_views: 137,
    fact_auth: 3,
    fact_level_changes: 1
  })
  expect(current()).toBe(built.published)
  expect(built.published > before).toBe(true)
  // Who had opened the old version finishes in it.
  expect(fs.readFileSync(join(published, before, "manifest.json")).equals(manifest)).toBe(true)
  expect(await runJson<Built>(["batch", "run", "--data", data])).toMatchObject({ hours: 0 })

  const { ok } = await runJson<{ readonly ok: boolean }>(["audit", "--data", data, "--deep", "--drained"])
  expect(ok).toBe(true)

  const anew = await unpack("anew")
  fs.rmSync(join(anew, "warehouse.duckdb"))
  fs.rmSync(join(anew, "bucket", "published"), { recursive: true })
  await runJson<Built>(["batch", "run", "--data", anew])
  expect(await differences(join(data, "warehouse.duckdb"), join(anew, "warehouse.duckdb"))).toEqual([])
})
