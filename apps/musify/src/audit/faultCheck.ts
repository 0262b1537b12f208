import { columnsOf } from "@musify/domain/columns.ts"
import type { Topic } from "@musify/domain/Topic.ts"
import { topics } from "@musify/domain/Topic.ts"
import { Effect } from "effect"
import path from "node:path"
import type { Check, Difference } from "./AuditReport.ts"
import { makeCheck } from "./AuditReport.ts"
import type { Chain } from "./chains.ts"
import { closedEnd } from "./chains.ts"
import type { AuditDb, ReadFailed } from "./DuckDbAudit.ts"
import { globFiles, literal, parquet, unreadable } from "./DuckDbAudit.ts"

const factOf: Readonly<Record<Topic, string>> = {
  listen_events: "fact_streams",
  page_view_events: "fact_page_views",
  auth_events: "fact_auth",
  status_change_events: "fact_level_changes"
}

/** While the warehouse is attached: how often each event of `faults` that was taken is among the facts of its hour. */
export const findFaultsInFacts = (db: AuditDb): Effect.Effect<void, ReadFailed> =>
  db.run(
    `CREATE OR REPLACE TEMP TABLE fault_facts AS ${topics
      .map(
        (topic) =>
          `SELECT f.topic, f.p, f.o, count(x.ts) AS times FROM
          (SELECT DISTINCT topic, p, o, session, item, ts FROM faults WHERE topic = '${topic}' AND reason IS NULL) f
          LEFT JOIN wh.${factOf[topic]} x ON x.session_id = f.session AND x.item_in_session = f.item
            AND epoch_us(x.ts) = epoch_us(f.ts) AND x.hour_key = epoch_us(f.ts) // 3600000000
          GROUP BY ALL`
      )
      .join(" UNION ALL ")}`
  )

/** How people read a fault. */
const what = `CASE f.kind
  WHEN 'duplicate' THEN 'a second copy of offset ' || f.original
  WHEN 'late' THEN 'late by ' || f.delay_s || ' s'
  WHEN 'out-of-order' THEN 'out of order by ' || f.delay_s || ' s'
  WHEN 'clock-skew' THEN 'of a clock that is ' || f.delay_s || ' s ahead'
  WHEN 'malformed' THEN 'malformed (' || f.detail || ')'
  ELSE 'without ' || f.detail END`

/** The rows of the lake that faults are about: the records themselves, and the first copies of duplicates. */
const makeRows = (
  db: AuditDb,
  topic: Topic,
  files: ReadonlyArray<string>
): Effect.Effect<void, ReadFailed> => {
  const columns = columnsOf(topic)
  const content = columns.map(({ name }) => `e."${name}"`).join(", ")
  const absent = columns
    .filter(({ nullable }) => nullable)
    .map(({ name }) => `CASE WHEN e."${name}" IS NULL THEN ${literal(name)} END`)
  return db.run(
    files.length === 0
      ? `CREATE OR REPLACE TEMP TABLE fault_rows AS SELECT 0 AS p, 0 AS o, NULL::TIMESTAMP AS ts, 0 AS session,
          0 AS item, '' AS file, 0 AS content, [''] AS absent WHERE false`
      : `CREATE OR REPLACE TEMP TABLE fault_rows AS
        SELECT e._partition AS p, e._offset AS o, make_timestamp(epoch_us(e.ts)) AS ts, e."sessionId" AS session,
          e."itemInSession" AS item, e.filename AS file, hash(${content}) AS content, [${absent.join(", ")}] AS absent
        FROM ${parquet(files, "filename = true")} e SEMI JOIN (
          SELECT p, o FROM faults WHERE topic = '${topic}' UNION
          SELECT p, original FROM faults WHERE topic = '${topic}' AND original IS NOT NULL
        ) w ON e._partition = w.p AND e._offset = w.o`
  )
}

const makeLetters = (db: AuditDb, files: ReadonlyArray<string>): Effect.Effect<void, ReadFailed> =>
  db.run(
    `CREATE OR REPLACE TEMP TABLE fault_letters AS ${
      files.length === 0
        ? "SELECT 0 AS p, 0 AS o, '' AS reason WHERE false"
        : `SELECT _partition AS p, _offset AS o, reason FROM ${parquet(files)}`
    }`
  )

/** Each query answers what is wrong: partition, offset, problem. `i` is the end of what is ingested. */
const problems = (topic: Topic): ReadonlyArray<string> => {
  const faults = `(SELECT f.* FROM faults f JOIN ingested i ON f.p = i.p AND f.o < i.o WHERE f.topic = '${topic}') f`
  const onRow = "LEFT JOIN fault_rows r ON r.p = f.p AND r.o = f.o"
  return [
    `SELECT f.p, f.o, ${what} || ', but ' ||
      CASE WHEN l.o IS NULL THEN 'not in dead letters' ELSE 'a dead letter for "' || l.reason || '"' END ||
      '; expected "' || f.reason || '"' AS problem
    FROM ${faults} LEFT JOIN fault_letters l ON l.p = f.p AND l.o = f.o
    WHERE f.reason IS NOT NULL AND (l.o IS NULL OR NOT starts_with(l.reason, f.reason))`,
    `SELECT f.p, f.o, ${what} || ', but not in the lake' AS problem FROM ${faults} ${onRow}
    WHERE f.reason IS NULL AND r.o IS NULL`,
    `SELECT f.p, f.o, ${what} || ': written as item ' || f.item || ' of session ' || f.session || ' at ' || f.ts ||
      ', in the lake as item ' || r.item || ' of session ' || r.session || ' at ' || r.ts AS problem
    FROM ${faults} JOIN fault_rows r ON r.p = f.p AND r.o = f.o
    WHERE f.reason IS NULL AND (r.ts, r.session, r.item) IS DISTINCT FROM (f.ts, f.session, f.item)`,
    `SELECT f.p, f.o, ${what} || ', but not in the file of its hour' AS problem
    FROM ${faults} JOIN fault_rows r ON r.p = f.p AND r.o = f.o
    WHERE f.reason IS NULL AND NOT contains(r.file, strftime(r.ts, 'year=%Y/month=%m/day=%d/hour=%H'))`,
    `SELECT f.p, f.o, ${what} || ', but the copies differ in the lake' AS problem FROM ${faults}
    JOIN fault_rows r ON r.p = f.p AND r.o = f.o LEFT JOIN fault_rows a ON a.p = f.p AND a.o = f.original
    WHERE f.kind = 'duplicate' AND a.content IS DISTINCT FROM r.content`,
    `SELECT f.p, f.o, ${what} || ', but the lake has the field' AS problem
    FROM ${faults} JOIN fault_rows r ON r.p = f.p AND r.o = f.o
    WHERE f.kind = 'missing-field' AND f.reason IS NULL AND NOT list_contains(r.absent, f.detail)`,
    `SELECT l.p, l.o, 'a dead letter for "' || l.reason || '", but nothing was done to it' AS problem
    FROM fault_letters l JOIN covered c ON c.topic = '${topic}' AND c.p = l.p AND l.o >= c.a AND l.o < c.b
    ANTI JOIN (SELECT p, o FROM faults WHERE topic = '${topic}' AND reason IS NOT NULL) f ON f.p = l.p AND f.o = l.o`
  ]
}

/** Facts are looked for where the hour's file was built and no other file of the hour waits. */
const factProblem = (topic: Topic): string =>
  `SELECT DISTINCT f.p, f.o, ${what} || ', but ' || t.times || ' times among the facts of its hour; expected once' AS problem
  FROM faults f JOIN fault_rows r ON r.p = f.p AND r.o = f.o JOIN built b ON b.file = r.file
  JOIN fault_facts t ON t.topic = f.topic AND t.p = f.p AND t.o = f.o
  WHERE f.topic = '${topic}' AND f.reason IS NULL AND t.times <> 1`

/** What the warehouse was built from: paths of files whose hours are up to date. Undefined: there is no warehouse. */
export type BuiltFiles = ReadonlyArray<string> | undefined

const table = (db: AuditDb, name: string, columns: string, rows: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    yield* db.run(`CREATE OR REPLACE TEMP TABLE ${name} (${columns})`)
    if (rows.length > 0) yield* db.run(`INSERT INTO ${name} VALUES ${rows.join(", ")}`)
  })

/**
 * Holds the pipeline's answer against the simulator's manifest, event by event: what is malformed is in dead letters
 * with its reason and nothing else is; what is late, out of order, of a wrong clock or incomplete is in the lake, in
 * the file of its hour, as it was written; both copies of a duplicate are there and equal; each is among the facts of
 * its hour once. Records that are not ingested or built yet are left out.
 */
export const checkFaults = (
  db: AuditDb,
  bucket: string,
  chains: ReadonlyArray<Chain>,
  built: BuiltFiles,
  manifest: { readonly faults: number; readonly heldBack: number }
): Effect.Effect<Check, ReadFailed> =>
  Effect.gen(function* () {
    const wrong: Array<Difference> = []
    const notes =
      manifest.heldBack > 0 ? [`${manifest.heldBack} faults are of records that are held back`] : []
    if (built !== undefined)
      yield* table(
        db,
        "built",
        "file VARCHAR",
        built.map((file) => `(${literal(file)})`)
      )
    for (const topic of topics) {
      const lake = yield* globFiles(db, path.join(bucket, "lake", topic, "**", "*.parquet"))
      const dead = yield* globFiles(db, path.join(bucket, "dead-letters", topic, "**", "*.parquet"))
      const made = yield* Effect.either(Effect.zipRight(makeRows(db, topic, lake), makeLetters(db, dead)))
      if (made._tag === "Left") {
        const bad = yield* unreadable(db, [...lake, ...dead])
        if (bad.length === 0) return yield* made.left
        wrong.push(...bad)
        continue
      }
      yield* table(
        db,
        "ingested",
        "p INTEGER, o BIGINT",
        chains
          .filter((chain) => chain.topic === topic)
          .map((chain) => `(${chain.partition}, ${closedEnd(chain) ?? 0})`)
      )
      for (const sql of built === undefined ? problems(topic) : [...problems(topic), factProblem(topic)])
        for (const { o, p, problem } of yield* db.query(`${sql} ORDER BY 1, 2`))
          wrong.push({
            topic,
            partition: Number(p),
            from: Number(o),
            to: Number(o) + 1,
            problem: String(problem)
          })
    }
    return makeCheck(checkName, manifest.faults, "faults", wrong, notes)
  })

/** Name of the check in the report. */
export const checkName = "faults on purpose, event by event"
