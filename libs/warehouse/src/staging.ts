import { columnsOf } from "@musify/domain/columns.ts"
import type { Topic } from "@musify/domain/Topic.ts"
import { topics } from "@musify/domain/Topic.ts"
import type { ObjectStoreService } from "@musify/lake/ObjectStore.ts"
import type { ObjectStoreError } from "@musify/lake/ObjectStoreError.ts"
import { verifyChecksum } from "@musify/lake/parquetFile.ts"
import { Effect, Option } from "effect"
import type { Dialect } from "./Dialect.ts"
import type { WarehouseSession } from "./Warehouse.ts"
import type { WarehouseError } from "./WarehouseError.ts"
import { LakeFileDamaged } from "./WarehouseError.ts"

/** Lake names of fields that the warehouse names otherwise. */
const renamed: Readonly<Record<string, string>> = {
  sessionId: "session_id",
  itemInSession: "item_in_session",
  userId: "user_id",
  firstName: "first_name",
  lastName: "last_name",
  registration: "registered_at"
}
/** Fields that no model reads: they only decide between copies of an event. */
const unread = new Set(["userAgent", "tag"])

const naturalKey = ["userId", "sessionId", "itemInSession", "ts"]

const quoted = (name: string) => `"${name}"`

/** The columns of a stage table from a lake file's. Times become TIMESTAMP (UTC). */
const stageColumns = (sql: Dialect, topic: Topic): string => {
  const unused = topic === "page_view_events" ? ["artist", "song", "duration"] : []
  const columns = columnsOf(topic)
    .filter(({ name }) => !unread.has(name) && !unused.includes(name))
    .map(({ name, type }) => {
      const value = type === "timestamp" ? `make_timestamp(${sql.epochMicros(quoted(name))})` : quoted(name)
      return `${value} AS ${renamed[name] ?? name}`
    })
  return [`${sql.hourOf("ts")} AS hour_key`, ...columns].join(", ")
}

/** Types of stage columns, for a topic without files in the build. */
const emptyStage = (sql: Dialect, topic: Topic): string =>
  `SELECT ${stageColumns(sql, topic)} FROM (SELECT ${columnsOf(topic)
    .map(({ name, type }) => `CAST(NULL AS ${sql.type(type)}) AS ${quoted(name)}`)
    .join(", ")}) WHERE false`

/**
 * The copy of an event that stays: the smallest by its other columns, in file order (NULLs last, strings by bytes), then
 * by position. So it does not depend on the order of arrival. Copies have the same ts, hence the same hour.
 */
const keptCopies = (sql: Dialect, topic: Topic, files: ReadonlyArray<string>): string => {
  const others = columnsOf(topic)
    .map(({ name }) => name)
    .filter((name) => !naturalKey.includes(name))
  return `SELECT ${stageColumns(sql, topic)} FROM (
  SELECT e.* FROM ${sql.lakeFiles(topic, files)} e JOIN copied_events c
    ON e."userId" IS NOT DISTINCT FROM c.user_id AND e."sessionId" = c.session_id
    AND e."itemInSession" = c.item_in_session AND make_timestamp(${sql.epochMicros("e.ts")}) = c.ts)
QUALIFY row_number() OVER (PARTITION BY ${naturalKey.map(quoted).join(", ")}
  ORDER BY ${[...others.map((name) => `${quoted(name)} NULLS LAST`), "_partition", "_offset"].join(", ")}) = 1`
}

const stageRows = (topic: Topic, column: string, sql: Dialect) =>
  `SELECT ${sql.text(topic)} AS topic, hour_key AS hour, count(*) AS ${column} FROM stage_${topic} GROUP BY hour_key`

/** Files that are checked at the same time: hides the latency of a remote bucket, and bounds the memory. */
const checkedAtOnce = 16

/**
 * Checks each file's checksum before anything is made of it: DuckDB reads a file of which a bit was flipped without a
 * word. About 0.1 ms for each file of a micro-batch.
 */
const verifyLakeFiles = (
  store: ObjectStoreService,
  names: ReadonlyArray<string>
): Effect.Effect<void, LakeFileDamaged | ObjectStoreError> =>
  Effect.forEach(
    names,
    (name) =>
      Effect.flatMap(store.get(name), (bytes) => {
        const file = store.locate(name)
        if (Option.isNone(bytes))
          return new LakeFileDamaged({
            file,
            message: `The lake file ${file} is missing. Restore it from a copy, then run again. Nothing was changed.`
          })
        return Effect.try({
          try: () => verifyChecksum(file, bytes.value),
          catch: (cause) => new LakeFileDamaged({ file, message: (cause as Error).message })
        })
      }),
    { concurrency: checkedAtOnce, discard: true }
  )

/**
 * Fills `stage_<topic>` with the events of the hours in `build_hours`, second copies dropped, and `stage_rows` with the
 * rows read and kept by topic and hour. Checks every file, reads it once, and again only when there are copies.
 */
export const stageHours = (
  session: WarehouseSession,
  store: ObjectStoreService
): Effect.Effect<void, WarehouseError | ObjectStoreError> =>
  Effect.gen(function* () {
    const sql = session.dialect
    const rows = yield* session.query(
      "stage",
      `SELECT topic, path FROM lake_files WHERE hour IN (SELECT hour FROM build_hours) ORDER BY topic, path`
    )
    yield* verifyLakeFiles(
      store,
      rows.map((row) => String(row["path"]))
    )
    const counts: Array<string> = []
    for (const topic of topics) {
      const files = rows
        .filter((row) => row["topic"] === topic)
        .map((row) => store.locate(String(row["path"])))
      const stage = `stage_${topic}`
      const step = `stage ${topic}`
      if (files.length === 0) {
        yield* session.run(step, [sql.tempTable(stage, emptyStage(sql, topic))])
        continue
      }
      yield* session.run(step, [
        sql.tempTable(stage, `SELECT ${stageColumns(sql, topic)} FROM ${sql.lakeFiles(topic, files)}`),
        sql.tempTable(`read_${topic}`, stageRows(topic, `"rows"`, sql)),
        sql.tempTable(
          "copied_events",
          `SELECT user_id, session_id, item_in_session, ts FROM ${stage}
GROUP BY user_id, session_id, item_in_session, ts HAVING count(*) > 1`
        )
      ])
      const [copied] = yield* session.query(step, `SELECT count(*) AS n FROM copied_events`)
      if (Number(copied["n"]) > 0) {
        yield* session.run(step, [
          sql.tempTable("kept_events", keptCopies(sql, topic, files)),
          `DELETE FROM ${stage} s USING copied_events c WHERE s.user_id IS NOT DISTINCT FROM c.user_id
  AND s.session_id = c.session_id AND s.item_in_session = c.item_in_session AND s.ts = c.ts`,
          `INSERT INTO ${stage} SELECT * FROM kept_events`
        ])
      }
      counts.push(
        `SELECT r.topic, r.hour, r."rows", k.kept FROM read_${topic} r LEFT JOIN (${stageRows(topic, "kept", sql)}) k ON r.hour = k.hour`
      )
    }
    const none = `SELECT CAST(NULL AS VARCHAR) AS topic, CAST(NULL AS BIGINT) AS hour, CAST(NULL AS BIGINT) AS "rows", CAST(NULL AS BIGINT) AS kept WHERE false`
    yield* session.run("stage", [sql.tempTable("stage_rows", [none, ...counts].join("\nUNION ALL "))])
  })

/** Hours and topics where the files hold other rows than their plans say. */
export const stagedRowsDiffer = `
SELECT coalesce(s.topic, f.topic) AS topic, coalesce(s.hour, f.hour) AS hour, f.planned, s."rows" AS found
FROM (SELECT topic, hour, CAST(sum("rows") AS BIGINT) AS planned FROM lake_files
  WHERE hour IN (SELECT hour FROM build_hours) GROUP BY topic, hour) f
FULL JOIN stage_rows s ON s.topic = f.topic AND s.hour = f.hour
WHERE s."rows" IS DISTINCT FROM f.planned`
