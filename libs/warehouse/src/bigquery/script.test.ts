import { expect, it } from "vitest"
import { rowText } from "../audits.ts"
import type { Check } from "../Warehouse.ts"
import { definitionScripts, longestScript, readFailures, transactionScript } from "./script.ts"

const checks: ReadonlyArray<Check> = [
  { model: "a", audit: "first", badRows: "SELECT n FROM a" },
  { model: "b", audit: "second", badRows: "SELECT n FROM b" }
]

it("a transaction is guarded, advanced and committed in one script", () => {
  const script = transactionScript(
    {
      id: "x",
      steps: [
        { name: "one", phase: "stage", statements: ["DELETE FROM a WHERE TRUE", "INSERT INTO a VALUES (1)"] },
        { name: "two", phase: "build", statements: ["INSERT INTO b VALUES (2)"] }
      ],
      checks
    },
    41,
    20
  )
  const statements = script
    .split(";\n")
    .filter((line) => line !== "" && !line.startsWith("DECLARE") && !line.startsWith("SET audit_failures"))
  expect(statements).toEqual([
    "BEGIN TRANSACTION",
    "SELECT IF((SELECT generation FROM batch_generation) = 41, 0, ERROR('another batcher has changed the warehouse'))",
    "UPDATE batch_generation SET generation = 42 WHERE TRUE",
    "DELETE FROM a WHERE TRUE",
    "INSERT INTO a VALUES (1)",
    "INSERT INTO b VALUES (2)",
    "IF audit_failures = '' THEN COMMIT TRANSACTION; ELSE ROLLBACK TRANSACTION; END IF",
    "SELECT audit_failures AS found"
  ])
  // BigQuery wants all declarations first.
  expect(script.lastIndexOf("DECLARE")).toBeLessThan(script.indexOf("BEGIN TRANSACTION"))
  expect(script.match(/SET audit_failures/g)?.length).toBe(2)
})

it("what checks have found is read by check", () => {
  const text = '1 {"n":1,"t":"a b\\nc"}\n0 {"n":null}\n1 {"n":2,"t":null}\n'
  expect(readFailures(text, checks, rowText)).toEqual([
    { model: "b", audit: "second", rows: ["n=1 t=a b\nc", "n=2 t=NULL"], query: checks[1].badRows },
    { model: "a", audit: "first", rows: ["n=NULL"], query: checks[0].badRows }
  ])
  expect(readFailures("", checks, rowText)).toEqual([])
})

it("definitions stand by themselves, what fills them is all or nothing, and each piece is short", () => {
  const long = `INSERT INTO a VALUES ('${"x".repeat(longestScript / 2)}')`
  const scripts = definitionScripts(
    [
      "CREATE TABLE a (n INT64)",
      "DROP VIEW v",
      "INSERT INTO a VALUES (1)",
      long,
      long,
      "ALTER TABLE a ADD x"
    ],
    7
  )
  const kinds = scripts.map((script) => (script.includes("BEGIN TRANSACTION") ? "rows" : "definitions"))
  expect(kinds).toEqual(["definitions", "rows", "rows", "definitions", "rows"])
  for (const script of scripts) {
    expect(script).toContain("= 7, 0, ERROR(")
    expect(script.length).toBeLessThan(longestScript * 1.1)
  }
  expect(scripts[4]).toContain("generation = 8")
})
