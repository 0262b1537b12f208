import { deviceNames } from "@musify/domain/deviceNames.ts"
import { Effect } from "effect"
import type { AuditDb, ReadFailed } from "./DuckDbAudit.ts"
import { literal, parquet } from "./DuckDbAudit.ts"
import { agentOf } from "./eventTables.ts"

/** Most user agents that one statement names. */
const atOnce = 1000

/** From the lake's files of plays: the table `agents`, what each user agent means, by the number that `plays` have. */
export const makeDeviceTable = (db: AuditDb, files: ReadonlyArray<string>): Effect.Effect<void, ReadFailed> =>
  Effect.gen(function* () {
    yield* db.run(
      `CREATE OR REPLACE TEMP TABLE agents (agent UBIGINT, browser VARCHAR, os VARCHAR, form VARCHAR)`
    )
    if (files.length === 0) return
    const texts = (yield* db.query(
      `SELECT DISTINCT "userAgent" AS text FROM ${parquet(files)} WHERE "userAgent" IS NOT NULL`
    )).map(({ text }) => String(text))
    for (let from = 0; from < texts.length; from += atOnce) {
      const rows = texts.slice(from, from + atOnce).map((text) => {
        const { browser, form, os } = deviceNames(text)
        return `(${[text, browser, os, form].map(literal).join(", ")})`
      })
      yield* db.run(
        `INSERT INTO agents SELECT ${agentOf("text")}, browser, os, form FROM (VALUES ${rows.join(", ")}) v(text, browser, os, form)`
      )
    }
  })
