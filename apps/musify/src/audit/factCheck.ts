import { hourText } from "@musify/domain/Hour.ts"
import type { Topic } from "@musify/domain/Topic.ts"
import { topics } from "@musify/domain/Topic.ts"
import { Effect } from "effect"
import type { Check, Difference } from "./AuditReport.ts"
import { makeCheck } from "./AuditReport.ts"
import type { AuditDb, ReadFailed } from "./DuckDbAudit.ts"

interface Fact {
  readonly table: string
  /** Columns of lake and fact whose sum of hashes must be equal, beside the key of the event. */
  readonly columns: ReadonlyArray<string>
}

const facts: Readonly<Record<Topic, Fact>> = {
  listen_events: { table: "fact_streams", columns: ["level", "auth", "duration::DOUBLE"] },
  page_view_events: {
    table: "fact_page_views",
    columns: ["level", "auth", "page", "method", "status::BIGINT"]
  },
  auth_events: { table: "fact_auth", columns: ["level", "success"] },
  status_change_events: { table: "fact_level_changes", columns: ["level", "auth"] }
}

interface Names {
  readonly hour: string
  readonly user: string
  readonly session: string
  readonly item: string
}

const lakeNames: Names = { hour: "hour", user: '"userId"', session: '"sessionId"', item: '"itemInSession"' }
const factNames: Names = { hour: "hour_key", user: "user_id", session: "session_id", item: "item_in_session" }

const measures = ["rows", "items", "sessions", "users", "micros", "checksum"] as const

/** Count and sums by hour. `micros`: of the durations, as integers; `checksum`: over all columns of the event. */
const sumsSql = (source: string, names: Names, { columns, table }: Fact): string => {
  const micros = table === "fact_streams" ? "round(duration * 1e6)::HUGEINT" : "0::HUGEINT"
  const values = [
    "epoch_us(ts)",
    `${names.user}::BIGINT`,
    `${names.session}::BIGINT`,
    `${names.item}::BIGINT`,
    ...columns
  ]
  return `SELECT ${names.hour}::BIGINT AS hour, count(*) AS rows, sum(${names.item}::HUGEINT) AS items,
    count(DISTINCT ${names.session}) AS sessions, count(DISTINCT ${names.user}) AS users,
    sum(${micros}) AS micros, sum(hash(${values.join(", ")})::HUGEINT) AS checksum
    FROM ${source} GROUP BY 1`
}

/** While the warehouse is attached: sums each fact by hour into temporary tables, `s_<fact>`. */
export const sumFacts = (db: AuditDb): Effect.Effect<void, ReadFailed> =>
  Effect.forEach(
    topics,
    (topic) => {
      const fact = facts[topic]
      return db.run(
        `CREATE OR REPLACE TEMP TABLE s_${fact.table} AS ${sumsSql(`wh.${fact.table}`, factNames, fact)}`
      )
    },
    { discard: true }
  )

/** Compares the sums of the facts with those of the lake's events, hour by hour, but for the hours left out. */
export const checkFacts = (
  db: AuditDb,
  leaveOut: ReadonlySet<number>,
  notes: ReadonlyArray<string>
): Effect.Effect<Check, ReadFailed> =>
  Effect.gen(function* () {
    const wrong: Array<Difference> = []
    let checked = 0
    for (const topic of topics) {
      const fact = facts[topic]
      const pairs = measures.flatMap((measure) => [
        `l.${measure} AS l_${measure}`,
        `f.${measure} AS f_${measure}`
      ])
      const [{ rows }] = yield* db.query(`SELECT count(*) AS rows FROM e_${topic}`)
      checked += Number(rows)
      const found = yield* db.query(`
        SELECT coalesce(l.hour, f.hour) AS hour, ${pairs.join(", ")}
        FROM (${sumsSql(`e_${topic}`, lakeNames, fact)}) l FULL JOIN s_${fact.table} f ON l.hour = f.hour
        WHERE ${measures.map((measure) => `l.${measure} IS DISTINCT FROM f.${measure}`).join(" OR ")}
        ORDER BY 1`)
      for (const row of found) {
        const hour = Number(row.hour)
        if (leaveOut.has(hour)) continue
        for (const measure of measures) {
          const expected = String(row[`l_${measure}`] ?? 0)
          const actual = String(row[`f_${measure}`] ?? 0)
          if (expected !== actual)
            wrong.push({ table: fact.table, hour: hourText(hour), what: measure, expected, found: actual })
        }
      }
    }
    return makeCheck("facts = lake, by hour: rows and sums", checked, "events", wrong, notes)
  })
