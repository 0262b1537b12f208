import { Effect } from "effect"
import { expect, it } from "vitest"
import { column } from "../Model.ts"
import { scanBytes } from "./scanBytes.ts"

const MiB = 1024 ** 2
const columns = [column("n", "int64", "A number")]

it("a build is billed for its tables' days, and at least the least of a scan for each of them", async () => {
  const asked: Array<string> = []
  const bytes = await Effect.runPromise(
    scanBytes(
      {
        id: "x",
        steps: [
          {
            name: "one",
            phase: "build",
            statements: [
              "CREATE OR REPLACE TEMP TABLE t AS SELECT * FROM facts f JOIN dims d ON f.n = d.n",
              "UPDATE facts AS f SET n = t.n FROM t WHERE f.n = t.n"
            ]
          }
        ],
        checks: [
          { model: "facts", audit: "none", badRows: "SELECT n FROM facts LEFT JOIN missing m ON TRUE" }
        ]
      },
      [
        { name: "facts", description: "", columns, partition: "ts" },
        { name: "dims", description: "", columns },
        { name: "missing", description: "", columns }
      ],
      { from: "A", to: "B" },
      (statement) => {
        asked.push(statement)
        return statement.includes("missing")
          ? Effect.fail({ kind: "missing" as const, text: "not there" })
          : Effect.succeed(statement.includes("facts") ? 50 * MiB : 1)
      }
    )
  )
  // Three scans of the facts' days, one of the dimension, one of the temporary table, one of what is not there.
  expect(bytes).toBe(3 * 50 * MiB + 3 * 10 * MiB)
  expect(asked).toEqual([
    "SELECT * FROM facts WHERE ts >= A AND ts < B",
    "SELECT * FROM dims",
    "SELECT * FROM missing"
  ])
})
