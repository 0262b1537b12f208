import { columnsOf } from "@musify/domain/columns.ts"
import type { Topic } from "@musify/domain/Topic.ts"
import { topics } from "@musify/domain/Topic.ts"
import type { Dialect } from "./Dialect.ts"
import type { LargeFiles, StagedFiles, Step } from "./Warehouse.ts"

/** Lake names of fields that the warehouse names otherwise. */
const renamed: Readonly<Record<string, string>> = {
  sessionId: "session_id",
  itemInSession: "item_in_session",
  userId: "user_id",
  firstName: "first_name",
  lastName: "last_name",
  registration: "registered_at",
  userAgent: "user_agent"
}

const naturalKey = ["userId", "sessionId", "itemInSession", "ts"]

/** The columns of a stage table from a lake file's. Times become TIMESTAMP (UTC). */
const stageColumns = (sql: Dialect, topic: Topic): string => {
  const unused = topic === "page_view_events" ? ["artist", "song", "duration"] : []
  const columns = columnsOf(topic)
    .filter(({ name }) => !unused.includes(name))
    .map(({ name, type }) => {
      const value = type === "timestamp" ? sql.lakeTime(sql.id(name)) : sql.id(name)
      return `${value} AS ${renamed[name] ?? name}`
    })
  return [`${sql.hourOf(sql.id("ts"))} AS hour_key`, ...columns].join(", ")
}

/** Types of stage columns, for a topic without files in the build. */
const emptyStage = (sql: Dialect, topic: Topic): string =>
  `SELECT ${stageColumns(sql, topic)} FROM (SELECT ${columnsOf(topic)
    .map(({ name, type }) => `${sql.cast("NULL", type)} AS ${sql.id(name)}`)
    .join(", ")}) WHERE false`

/**
 * Of the events of one natural key the first: the smallest by its other columns, in file order (NULLs last, strings by
 * bytes). So it does not depend on the order of arrival. Copies have the same ts, hence the same hour; copies that are
 * equal in all columns are one to the warehouse.
 */
const firstCopy = (sql: Dialect, topic: Topic): string => {
  const others = columnsOf(topic)
    .map(({ name }) => sql.id(name))
    .filter((name) => !naturalKey.map(sql.id).includes(name))
  return `QUALIFY row_number() OVER (PARTITION BY ${naturalKey.map(sql.id).join(", ")}
  ORDER BY ${others.map((name) => `${name} IS NULL, ${name}`).join(", ")}) = 1`
}

/** An event's natural key, as a lake file and as a stage holds it. */
const lakeKey = (sql: Dialect, prefix = ""): ReadonlyArray<string> =>
  naturalKey.map((name) => {
    const value = `${prefix}${sql.id(name)}`
    return name === "ts" ? sql.lakeTime(value) : value
  })
const copiedKey = naturalKey.map((name) => renamed[name] ?? name)
const stageKey = (event: string): ReadonlyArray<string> => copiedKey.map((name) => `${event}.${name}`)

/** Condition: the event of this natural key is the copied event `c`. */
const isCopied = ([user, session, item, ts]: ReadonlyArray<string>): string =>
  `${user} IS NOT DISTINCT FROM c.user_id AND ${session} = c.session_id AND ${item} = c.item_in_session AND ${ts} = c.ts`

/** Leaves the natural keys that rows of a source have more than once. */
const copiedEvents = (sql: Dialect, source: string): string => {
  const key = copiedKey.join(", ")
  return sql.tempTable("copied_events", `SELECT ${key} FROM ${source} GROUP BY ${key} HAVING count(*) > 1`)
}

/** The copies that stay, of the events that have any. */
const keptCopies = (sql: Dialect, topic: Topic, source: string): string =>
  `SELECT ${stageColumns(sql, topic)} FROM (
  SELECT e.* FROM ${source} e JOIN copied_events c ON ${isCopied(lakeKey(sql, "e."))})
${firstCopy(sql, topic)}`

const stageRows = (topic: Topic, column: string, sql: Dialect) =>
  `SELECT ${sql.text(topic)} AS topic, hour_key AS hour, count(*) AS ${column} FROM stage_${topic} GROUP BY hour_key`

/**
 * A stage table in which each event is once. Where copies are rare and reading twice is cheap, they are looked for
 * first: a window over all rows costs more than everything else.
 */
const stageTopic = (sql: Dialect, topic: Topic, source: string): ReadonlyArray<string> => {
  const stage = `stage_${topic}`
  const read = `read_${topic}`
  if (sql.copies === "dropped at once")
    return [
      sql.tempTable(
        stage,
        `SELECT ${stageColumns(sql, topic)} FROM ${source} WHERE TRUE\n${firstCopy(sql, topic)}`
      ),
      sql.tempTable(
        read,
        `SELECT ${sql.text(topic)} AS topic, ${sql.hourOf("ts")} AS hour, count(*) AS found FROM ${source} GROUP BY 2`
      )
    ]
  return [
    sql.tempTable(stage, sql.collected(`SELECT ${stageColumns(sql, topic)} FROM ${source}`)),
    sql.tempTable(read, stageRows(topic, "found", sql)),
    copiedEvents(sql, stage),
    sql.setVariable("copies", "SELECT count(*) FROM copied_events"),
    ...sql.when(`${sql.variable("copies")} > 0`, [
      sql.tempTable("kept_events", keptCopies(sql, topic, source)),
      `DELETE FROM ${stage} AS s WHERE EXISTS (SELECT 1 FROM copied_events c WHERE ${isCopied(stageKey("s"))})`,
      `INSERT INTO ${stage} SELECT * FROM kept_events`
    ])
  ]
}

/**
 * The same as a view: each model reads the columns that it needs from the files, whose bytes are at hand. What they say
 * is kept only when there are copies.
 */
const viewTopic = (sql: Dialect, topic: Topic, { large: source }: LargeFiles): ReadonlyArray<string> => {
  const copies = `copied_${topic}` as const
  const key = lakeKey(sql).map((value, i) => `${value} AS ${copiedKey[i]}`)
  const whenCopied = `(SELECT * FROM ${source} WHERE ${sql.variable(copies)} > 0)`
  return [
    sql.tempTable(
      `read_${topic}`,
      `SELECT ${sql.text(topic)} AS topic, ${sql.hourOf(sql.id("ts"))} AS hour, count(*) AS found FROM ${source} GROUP BY 2`
    ),
    copiedEvents(sql, `(SELECT ${key.join(", ")} FROM ${source})`),
    sql.setVariable(copies, "SELECT count(*) FROM copied_events"),
    sql.tempTable(
      `single_${topic}`,
      `SELECT e.* FROM (SELECT ${stageColumns(sql, topic)} FROM ${whenCopied}) e
WHERE NOT EXISTS (SELECT 1 FROM copied_events c WHERE ${isCopied(stageKey("e"))})
UNION ALL ${keptCopies(sql, topic, whenCopied)}`
    ),
    sql.tempView(
      `stage_${topic}`,
      `SELECT ${stageColumns(sql, topic)} FROM ${source} WHERE ${sql.variable(copies)} = 0
UNION ALL SELECT * FROM single_${topic} WHERE ${sql.variable(copies)} > 0`
    )
  ]
}

/**
 * Fills `stage_<topic>` with the events of the staged files, second copies dropped, and `stage_rows` with the rows read
 * and kept by topic and hour. Small files are read once, and again only when there are copies; of large ones it is a view.
 */
export const stageSteps = (sql: Dialect, files: StagedFiles): ReadonlyArray<Step> => {
  const steps: Array<Step> = []
  const counts: Array<string> = []
  for (const topic of topics) {
    const source = files[topic]
    const statements =
      source === undefined
        ? [sql.tempTable(`stage_${topic}`, emptyStage(sql, topic))]
        : typeof source === "string"
          ? stageTopic(sql, topic, source)
          : viewTopic(sql, topic, source)
    steps.push({ name: `stage ${topic}`, phase: "stage", statements })
    if (source !== undefined)
      counts.push(
        `SELECT r.topic, r.hour, r.found, k.kept FROM read_${topic} r LEFT JOIN (${stageRows(topic, "kept", sql)}) k ON r.hour = k.hour`
      )
  }
  const none = `SELECT ${sql.cast("NULL", "string")} AS topic, ${sql.cast("NULL", "int64")} AS hour, ${sql.cast("NULL", "int64")} AS found, ${sql.cast("NULL", "int64")} AS kept`
  steps.push({
    name: "stage rows",
    phase: "stage",
    statements: [
      sql.tempTable("stage_rows", [`SELECT * FROM (${none}) WHERE false`, ...counts].join("\nUNION ALL "))
    ]
  })
  return steps
}

/** Hours and topics where the files hold other rows than their plans say. */
export const stagedRowsDiffer = (sql: Dialect): string => `
SELECT coalesce(s.topic, f.topic) AS topic, coalesce(s.hour, f.hour) AS hour, f.planned, s.found
FROM (SELECT topic, hour, ${sql.cast(`sum(${sql.id("rows")})`, "int64")} AS planned FROM lake_files
  WHERE hour IN (SELECT hour FROM build_hours) GROUP BY topic, hour) f
FULL JOIN stage_rows s ON s.topic = f.topic AND s.hour = f.hour
WHERE s.found IS DISTINCT FROM f.planned`
