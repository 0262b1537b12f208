import type { EventColumn } from "@musify/domain/columns.ts"
import { columnsOf } from "@musify/domain/columns.ts"
import type { Topic } from "@musify/domain/Topic.ts"
import { topics } from "@musify/domain/Topic.ts"
import { Effect } from "effect"
import type { AuditDb, ReadFailed } from "./DuckDbAudit.ts"
import { parquet } from "./DuckDbAudit.ts"

const quoted = (name: string): string => `"${name}"`
const key = ["userId", "sessionId", "itemInSession", "ts"]
const keyList = key.map(quoted).join(", ")

const sqlTypes = {
  timestamp: "TIMESTAMP WITH TIME ZONE",
  int64: "BIGINT",
  int32: "INTEGER",
  float64: "DOUBLE",
  string: "VARCHAR",
  boolean: "BOOLEAN"
} as const

/** Columns that nothing is recounted from, but for a topic's own: they would only take memory. */
const notCounted = new Set(["city", "zip", "lat", "lon", "userAgent", "tag"])
const countedOf: Partial<Record<Topic, string>> = { listen_events: "userAgent", page_view_events: "tag" }

const counted = (topic: Topic) =>
  columnsOf(topic).filter(({ name }) => !notCounted.has(name) || name === countedOf[topic])

/** A user agent by number: texts would take more memory than all else. */
export const agentOf = (userAgent: string): string =>
  `CASE WHEN ${userAgent} IS NOT NULL THEN hash(${userAgent}) END`

/** A column without the times' zone (UTC), user agents as `agent`. */
const columnSql = ({ name, type }: EventColumn): string =>
  name === "userAgent"
    ? `${agentOf(quoted(name))} AS agent`
    : type === "timestamp"
      ? `make_timestamp(epoch_us(${quoted(name)})) AS ${quoted(name)}`
      : quoted(name)

/** The columns of a file that count, and `hour`. */
const rowSql = (topic: Topic): string =>
  [...counted(topic).map(columnSql), "floor(epoch_us(ts) / 3600000000)::BIGINT AS hour"].join(", ")

/**
 * Makes the temporary table `e_<topic>`: the events of these lake files without second copies (of the rows of one
 * natural key the least by its other columns in file order stays).
 */
export const makeEventTable = (
  db: AuditDb,
  topic: Topic,
  files: ReadonlyArray<string>
): Effect.Effect<void, ReadFailed> => {
  const columns = columnsOf(topic)
  if (files.length === 0) {
    const none = columns.map(({ name, type }) => `NULL::${sqlTypes[type]} AS ${quoted(name)}`)
    return db.run(
      `CREATE OR REPLACE TEMP TABLE e_${topic} AS SELECT ${rowSql(topic)} FROM (SELECT ${none.join(", ")}) WHERE false`
    )
  }
  const names = counted(topic).map(({ name }) => quoted(name))
  const others = columns.map(({ name }) => name).filter((name) => !key.includes(name))
  const order = [...others.map((name) => `${quoted(name)} NULLS LAST`), "_partition", "_offset"].join(", ")
  const same = key.map((name) => `e.${quoted(name)} IS NOT DISTINCT FROM c.${quoted(name)}`).join(" AND ")
  return Effect.zipRight(
    db.run(
      `CREATE OR REPLACE TEMP TABLE copied AS
      SELECT ${keyList} FROM ${parquet(files)} GROUP BY ${keyList} HAVING count(*) > 1`
    ),
    db.run(
      `CREATE OR REPLACE TEMP TABLE e_${topic} AS
      SELECT ${rowSql(topic)} FROM (
        SELECT ${names.join(", ")} FROM ${parquet(files)} e
        WHERE NOT EXISTS (SELECT 1 FROM copied c WHERE ${same})
        UNION ALL
        SELECT ${names.join(", ")} FROM (
          SELECT e.* FROM ${parquet(files)} e WHERE EXISTS (SELECT 1 FROM copied c WHERE ${same})
          QUALIFY row_number() OVER (PARTITION BY ${keyList} ORDER BY ${order}) = 1
        )
      )`
    )
  )
}

/** The temporary view `events`: what all topics share, with `auth` where the topic has it. */
export const makeEventsView = (db: AuditDb): Effect.Effect<void, ReadFailed> =>
  db.run(
    `CREATE OR REPLACE TEMP VIEW events AS ${topics
      .map(
        (topic) =>
          `SELECT '${topic}' AS topic, "userId", "sessionId", "itemInSession", ts, level, "firstName", "lastName",
          gender, registration, ${topic === "auth_events" ? "NULL::VARCHAR" : "auth"} AS auth FROM e_${topic}`
      )
      .join("\nUNION ALL ")}`
  )

/** Forgets the events: what is compared later was made of them. */
export const dropEvents = (db: AuditDb): Effect.Effect<void, ReadFailed> =>
  Effect.zipRight(
    db.run("DROP VIEW events"),
    Effect.forEach(topics, (topic) => db.run(`DROP TABLE e_${topic}`), { discard: true })
  )
