import { topics } from "@musify/domain/Topic.ts"
import { readParquetRows } from "@musify/lake/parquetFile.ts"
import { readRows } from "@musify/lake/testing/readRows.ts"
import { Effect } from "effect"
import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import { afterAll, expect, it } from "vitest"
import { simulateInto } from "../simulate.ts"
import { openOutputFolder } from "../sinks/OutputFolder.ts"
import { parquetNames, parquetSink } from "../sinks/parquetSink.ts"
import { cast, configOf, monday } from "../testing/collect.ts"
import { manyFaults } from "./testing/injected.ts"

const folder = fs.mkdtempSync(path.join(os.tmpdir(), "musify-faults-"))
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }))

const filesUnder = (name: string) =>
  (fs.existsSync(path.join(folder, name))
    ? fs.readdirSync(path.join(folder, name), { recursive: true, encoding: "utf8" })
    : []
  )
    .filter((file) => file.endsWith(".parquet"))
    .map((file) => path.join(folder, name, file))

const rowsOf = async (name: string) =>
  (await Promise.all(filesUnder(name).map((file) => readParquetRows(file, fs.readFileSync(file))))).flat()

it("has in Parquet files and their dead letters what the manifest says, also of events far ahead", async () => {
  await Effect.runPromise(
    Effect.gen(function* () {
      const output = yield* openOutputFolder({
        path: folder,
        output: "parquet",
        names: [...parquetNames, "faults.parquet"],
        overwrite: false
      })
      const sink = yield* parquetSink(output)
      yield* simulateInto(sink, {
        config: configOf(),
        songs: cast.songs,
        users: 60,
        seed: 4,
        start: monday,
        until: monday + 86_400_000,
        live: false,
        faults: { config: manyFaults(), manifest: path.join(folder, "faults.parquet") }
      })
    }).pipe(Effect.scoped)
  )
  const { rows } = await readRows(fs.readFileSync(path.join(folder, "faults.parquet")))
  const id = (topic: unknown, offset: unknown) => `${String(topic)} ${Number(offset)}`
  const lost = new Set(rows.filter(({ reason }) => reason !== null).map((row) => id(row.topic, row.offset)))
  expect(rows.some(({ detail }) => detail === "far-future")).toBe(true)
  const dead = new Set<string>()
  for (const topic of topics) {
    for (const row of await rowsOf(path.join("dead-letters", topic))) dead.add(id(topic, row._offset))
    for (const row of await rowsOf(topic)) expect(lost.has(id(topic, row._offset))).toBe(false)
  }
  expect([...dead].sort()).toEqual([...lost].sort())
})
