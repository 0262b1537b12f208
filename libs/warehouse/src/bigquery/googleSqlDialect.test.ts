import { DuckDBInstance } from "@duckdb/node-api"
import * as fc from "fast-check"
import { expect, it } from "vitest"
import { googleSqlDialect } from "./googleSqlDialect.ts"

const sql = googleSqlDialect("project.musify")

const bits = new DataView(new ArrayBuffer(4))
/** The double half way between a 32-bit float and the next: a tie. */
const halfWay = (pattern: number): number => {
  bits.setUint32(0, pattern)
  const float = bits.getFloat32(0)
  bits.setUint32(0, pattern + 1)
  return (float + bits.getFloat32(0)) / 2
}

it("float32 rounds doubles as a cast to a 32-bit float does, ties too", async () => {
  const doubles = fc.oneof(
    fc.double({ min: 1e-30, max: 1e9, noNaN: true }),
    // Patterns of floats from 1e-9 to 1e9.
    fc.integer({ min: 0x30_00_00_00, max: 0x4e_00_00_00 }).map(halfWay)
  )
  const values = fc.sample(doubles, { numRuns: 2000, seed: 11 })
  const connection = await (await DuckDBInstance.create(":memory:")).connect()
  const reader = await connection.runAndReadAll(
    `SELECT ${sql.float32("x")} FROM (SELECT unnest([${values.map((value) => value.toExponential(17)).join(", ")}]::DOUBLE[]) AS x)`
  )
  expect(reader.getRows().map(([rounded]) => rounded)).toEqual(values.map((value) => Math.fround(value)))
})

it("a text of any characters is one literal on one line", () => {
  expect(sql.text("it's a \\ \n\r \u2028")).toBe("'it\\'s a \\\\ \\n\\r \u2028'")
  expect(sql.text("a\u0000b")).toBe("CONCAT('a', CODE_POINTS_TO_STRING([0]), 'b')")
})
