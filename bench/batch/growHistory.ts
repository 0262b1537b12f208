import type { Hour } from "@musify/domain/Hour.ts"
import type { Model } from "@musify/warehouse/Model.ts"
import { makeDuckDbWarehouse } from "@musify/warehouse/DuckDbWarehouse.ts"
import { duckDbDialect as sql } from "@musify/warehouse/duckDbDialect.ts"
import { forgetRowCounts } from "@musify/warehouse/duckDbRowCounts.ts"
import { models } from "@musify/warehouse/models/models.ts"
import { Effect } from "effect"
import { rmSync } from "node:fs"
import { publishCopies, publishedUsers } from "./publishCopies.ts"
import { tellProgress } from "./tellProgress.ts"

/** A listener comes back after so many days: the copies of a day are of that many crowds in turn. */
export const crowds = 11

/** What a table's columns become in the copy of a day that is `d` days before it. */
const shifted: Readonly<Record<string, string>> = {
  hour_key: "hour_key - d * 24",
  hour: "hour - to_days(d)",
  ts: "ts - to_days(d)",
  changed_at: "changed_at - to_days(d)",
  since: "since - to_days(d)",
  started_at: "started_at - to_days(d)",
  ended_at: "ended_at - to_days(d)",
  session_id: "session_id + d * 1000000000000",
  user_id: `user_id + (d % ${crowds}) * 1000000000`,
  // A listener who changes does so in every copy, the others have one version of the crowd's time.
  user_key: `CASE WHEN user_id IS NULL THEN user_key WHEN user_key IN (SELECT user_key FROM changing)
    THEN user_key + 1000 * d + 500 ELSE user_key + d % ${crowds} END`
}

/** A column of a copy: in tables of the ledger an hour is a number. */
const copied = ({ columns }: Pick<Model, "columns">, numbers: boolean): string =>
  columns
    .map(({ name }) => (name === "hour" && numbers ? "hour - d * 24" : (shifted[name] ?? sql.id(name))))
    .join(", ")

const named = (name: string): Model => models.find((model) => model.name === name)!

/** Tables whose rows are those of hours or days: copied day by day. */
const copiedTables = [
  ["user_runs", "hour_key"],
  ["location_hours", "hour_key"],
  ["device_hours", "hour_key"],
  ["cancellations", "hour_key"],
  ["level_steps", "(epoch_us(changed_at) // 3600000000)"],
  ["fact_streams", "hour_key"],
  ["fact_page_views", "hour_key"],
  ["fact_auth", "hour_key"],
  ["fact_level_changes", "hour_key"],
  ["fact_sessions", "(epoch_us(started_at) // 3600000000)"],
  ["mart_listening", "(epoch_us(hour) // 3600000000)"],
  ["mart_songs", "(epoch_us(hour) // 3600000000)"],
  ["mart_pages", "(epoch_us(hour) // 3600000000)"],
  ["mart_logins", "(epoch_us(hour) // 3600000000)"]
] as const

/**
 * Tables of events and what is counted from them by hour. Of copies older than `wholeDays` they get a part of their rows: an
 * hour does not look at them, and a year of all would take 60 GB. All other tables are as long and as large as they
 * would be.
 */
const thinned = new Set([
  "fact_streams",
  "fact_page_views",
  "fact_auth",
  "fact_level_changes",
  "fact_sessions",
  "mart_listening",
  "mart_songs"
])
/** The part of the rows that they have then: one of so many. */
const thinnedTo = 12

/** Tables of which rows of many hours lie together: those of the copies go before the true ones, as hours would put them in. */
const together = ["cancellations", "level_steps", "user_days", "mart_pages", "mart_logins"]

const filesOfHour = 30

const userTables = ["users_now", "users_past"]

/** Who is only in another warehouse: listeners of hours before a short history, as the other crowds are. */
const others = (warehouse: string): ReadonlyArray<string> => [
  `ATTACH ${sql.text(warehouse)} AS longer (READ_ONLY)`,
  `CREATE TEMP TABLE missing AS SELECT user_id FROM longer.users_now WHERE user_id NOT IN (SELECT user_id FROM users_now)`,
  ...[...userTables, "users_seen", "user_days"].map(
    (name) =>
      `INSERT INTO ${name} SELECT * FROM longer.${name} WHERE user_id IN (SELECT user_id FROM missing) ORDER BY rowid`
  ),
  `DETACH longer`
]

/**
 * How the versions of listeners go on through the copies, and when they were seen. All crowds are there, however short
 * the history is, so that histories differ in their length and not in how many listen.
 */
const people = (days: number): ReadonlyArray<string> => [
  `CREATE TEMP TABLE copies AS SELECT range AS d FROM range(1, ${Math.max(days + 1, crowds)})`,
  `CREATE TEMP TABLE day_versions AS SELECT * FROM dim_users WHERE user_id IN (
  SELECT user_id FROM user_runs WHERE hour_key BETWEEN $first AND $last) AND valid_from < make_timestamp(($last + 1) * 3600000000)`,
  `CREATE TEMP TABLE heads AS SELECT user_key FROM day_versions QUALIFY row_number() OVER (PARTITION BY user_id ORDER BY valid_from) = 1`,
  // Whose last version says something else than the first.
  `CREATE TEMP TABLE changing AS SELECT user_key FROM day_versions WHERE user_id IN (
  SELECT user_id FROM day_versions GROUP BY user_id HAVING count(*) > 1
    AND arg_min(row(first_name, last_name, gender, registered_at, level), valid_from) <>
      arg_max(row(first_name, last_name, gender, registered_at, level), valid_from))`,
  `CREATE TEMP TABLE still AS SELECT * FROM day_versions WHERE user_key IN (SELECT user_key FROM heads) AND user_key NOT IN (SELECT user_key FROM changing)`,
  `CREATE TEMP TABLE crowd AS SELECT d % ${crowds} AS c, min(d) AS newest, max(d) AS oldest FROM copies GROUP BY 1`,
  // Facts of those who change and change back are their first version's.
  `CREATE TEMP TABLE first_keys AS SELECT v.user_key, s.user_key AS first_key FROM day_versions v JOIN still s ON v.user_id = s.user_id`,
  `INSERT INTO users_now SELECT user_id + c * 1000000000, user_key + c, first_name, last_name, gender, registered_at, level,
  level_since - to_days(oldest), valid_from - to_days(oldest) FROM still, crowd WHERE c > 0 ORDER BY 1`,
  ...userTables.map(
    (name) =>
      `UPDATE ${name} AS u SET valid_from = u.valid_from - to_days(oldest) FROM crowd, still s WHERE c = 0 AND u.user_key = s.user_key`
  ),
  `CREATE TEMP TABLE told AS SELECT user_key + 1000 * d + 500 AS user_key, user_id + (d % ${crowds}) * 1000000000 AS user_id, first_name,
  last_name, gender, registered_at, level, valid_from - to_days(d) AS valid_from FROM day_versions, copies
WHERE user_key IN (SELECT user_key FROM changing)`,
  `CREATE TEMP TABLE told_versions AS SELECT user_id, user_key, first_name, last_name, gender, registered_at, level,
  max(level_start) OVER (PARTITION BY user_id ORDER BY valid_from) AS level_since, valid_from, valid_to FROM (
  SELECT *, CASE WHEN level IS DISTINCT FROM lag(level) OVER w THEN valid_from END AS level_start, lead(valid_from) OVER w AS valid_to FROM (
    SELECT * FROM told UNION ALL
    SELECT user_key, user_id, first_name, last_name, gender, registered_at, level, valid_from FROM day_versions
    WHERE user_key IN (SELECT user_key FROM changing))
  WINDOW w AS (PARTITION BY user_id ORDER BY valid_from))`,
  // What the day's first versions begin with may have begun in the copies.
  `CREATE TEMP TABLE moved AS SELECT user_id, level_since AS was, level_since - to_days(oldest) AS since FROM still, crowd WHERE c = 0
UNION ALL SELECT v.user_id, v.level_since, t.level_since FROM told_versions t JOIN day_versions v ON t.user_key = v.user_key
WHERE t.user_key IN (SELECT user_key FROM heads)`,
  ...userTables.map(
    (name) =>
      `UPDATE ${name} AS u SET level_since = m.since FROM moved m WHERE u.user_id = m.user_id AND u.level_since = m.was`
  ),
  `INSERT INTO users_now SELECT * EXCLUDE (valid_to) FROM told_versions
WHERE valid_to IS NULL AND user_key IN (SELECT user_key FROM told) ORDER BY 1`,
  // In the order in which hours would have put them in.
  `INSERT INTO users_past SELECT * FROM told_versions
WHERE valid_to IS NOT NULL AND user_key IN (SELECT user_key FROM told) ORDER BY valid_to`,
  `CREATE TEMP TABLE day_seen AS SELECT user_id, min(ts) AS first_seen, max(ts) AS last_seen FROM user_runs
WHERE hour_key BETWEEN $first AND $last GROUP BY user_id`,
  `CREATE TEMP TABLE day_played AS SELECT user_id, min(ts) AS first_play FROM fact_streams
WHERE hour_key BETWEEN $first AND $last GROUP BY user_id`,
  `INSERT INTO users_seen SELECT s.user_id + c * 1000000000, first_seen - to_days(oldest), last_seen - to_days(newest), first_play - to_days(oldest),
  first_play - to_days(newest) FROM day_seen s LEFT JOIN day_played p ON s.user_id = p.user_id, crowd WHERE c > 0 ORDER BY 1`,
  `UPDATE users_seen AS u SET first_seen = s.first_seen - to_days(oldest), first_play = p.first_play - to_days(oldest)
FROM day_seen s LEFT JOIN day_played p ON s.user_id = p.user_id, crowd WHERE c = 0 AND u.user_id = s.user_id`,
  `INSERT INTO user_days SELECT DISTINCT (CAST(first_play AS DATE) - CAST(d AS INTEGER)), user_id + (d % ${crowds}) * 1000000000
FROM day_played, copies WHERE user_id IS NOT NULL AND d <= ${days} ORDER BY 1`,
  `DELETE FROM mart_users`,
  `INSERT INTO mart_users SELECT u.user_id, u.gender, u.level, u.registered_at, s.first_seen, s.first_play, s.last_seen,
  CASE WHEN u.level = 'paid' THEN u.level_since END FROM dim_users u JOIN users_seen s ON u.user_id = s.user_id WHERE u.is_current ORDER BY 1`
]

/** A copy of the day, and of its hours in the ledger. */
const copy = (d: number, from: Hour, wholeDays: number): ReadonlyArray<string> => [
  ...copiedTables.map(
    ([name, hour]) =>
      `INSERT INTO ${name} SELECT ${copied(named(name), false)}
FROM (SELECT *, CAST(${d} AS BIGINT) AS d FROM ${d > wholeDays && thinned.has(name) ? "part" : "day"}_${name})
WHERE ${hour} - d * 24 >= ${from}`
  ),
  `INSERT INTO lake_files SELECT hour - ${d * 24}, topic, partition, seq, start_offset, end_offset,
  path || '-${d}-' || i, "rows" // ${filesOfHour} FROM day_files, range(${filesOfHour}) r(i) WHERE hour - ${d * 24} >= ${from}`,
  `INSERT INTO ledger_hours SELECT hour - ${d * 24}, files_hash, complete, built_at, late, late_at FROM day_hours WHERE hour - ${d * 24} >= ${from}`,
  `INSERT INTO model_hours SELECT model, hour - ${d * 24}, version, input_hash, state, "at", ms, "rows", problem FROM day_models
WHERE hour - ${d * 24} >= ${from}`
]

/** Marts of days, weeks and months by the models' own statements, over all hours. */
const wholeMarts = (): ReadonlyArray<string> => [
  // What the folds leave for who has changed is not asked for when all is made anew.
  sql.tempTable("build_hours", "SELECT hour FROM ledger_hours WHERE false"),
  sql.setVariable("first_hour", "SELECT min(hour) FROM build_hours"),
  sql.setVariable("last_hour", "SELECT max(hour) FROM build_hours"),
  ...["user_runs", "users_now", "users_seen", "user_days"].flatMap((name) => named(name).leaves!(sql, false)),
  sql.tempTable("build_hours", "SELECT hour FROM ledger_hours"),
  sql.setVariable("first_hour", "SELECT min(hour) FROM build_hours"),
  sql.setVariable("last_hour", "SELECT max(hour) FROM build_hours"),
  sql.tempTable("changed_days", "SELECT DISTINCT hour // 24 AS day FROM build_hours"),
  sql.setVariable("sessions_from", "SELECT min(started_at) FROM fact_sessions"),
  sql.tempTable("session_dates", "SELECT DISTINCT CAST(started_at AS DATE) AS date FROM fact_sessions"),
  sql.tempTable("step_dates", "SELECT DISTINCT CAST(changed_at AS DATE) AS date FROM level_steps"),
  sql.tempTable("build_users", "SELECT * FROM dim_users"),
  ...[
    "dim_datetime",
    "mart_level_steps",
    "mart_weeks",
    "mart_retention",
    "mart_conversion",
    "mart_sessions"
  ].flatMap((name) => named(name).steps(sql, { isAnew: true, isNew: false })),
  // The true ones look at 28 days for each day, so a long history gets those of one listener in turn.
  `INSERT INTO mart_active_users SELECT date, count(*), 7 * count(*), ${crowds} * count(*) FROM user_days
WHERE date NOT IN (SELECT date FROM mart_active_users) GROUP BY date`
]

/**
 * Puts copies of the 24 hours from `day` on, made by the batcher, before them, until the history begins at hour `from`:
 * facts, folds, dimensions, marts, the ledger and what is published, as if built from lake files that are gone. With
 * `from` at or behind `day` there are no copies, only listeners of earlier days, and those of the warehouse `longer`.
 */
export const growHistory = async (options: {
  readonly warehouse: string
  readonly published: string
  readonly day: Hour
  readonly from: Hour
  readonly longer?: string | undefined
  /** Days whose copies have all rows. */
  readonly wholeDays: number
}): Promise<void> => {
  const { day, from, published, warehouse } = options
  const days = Math.max(0, Math.ceil((day - from) / 24))
  const inDay = `BETWEEN ${day} AND ${day + 23}`
  const counted = (statement: string) =>
    statement.replaceAll("$first", String(day)).replaceAll("$last", String(day + 23))
  const users = await Effect.runPromise(
    Effect.scoped(
      Effect.gen(function* () {
        const { hurry, query, run } = yield* makeDuckDbWarehouse({
          file: warehouse,
          threads: 2,
          memoryMiB: 4096
        }).open
        // Rows lie in large groups, as those of older hours do.
        yield* hurry ?? Effect.void
        yield* run("day", [
          ...copiedTables.map(
            ([name, hour]) =>
              `CREATE TEMP TABLE day_${name} AS SELECT * FROM ${name} WHERE ${hour} ${inDay} ORDER BY rowid`
          ),
          `CREATE TEMP TABLE day_files AS SELECT * FROM lake_files WHERE hour ${inDay}`,
          `CREATE TEMP TABLE day_hours AS SELECT * FROM ledger_hours WHERE hour ${inDay}`,
          `CREATE TEMP TABLE day_models AS SELECT * FROM model_hours WHERE hour ${inDay}`
        ])
        yield* run(
          "rows put behind the copies",
          together.flatMap((name) => [
            `CREATE TEMP TABLE true_${name} AS SELECT * FROM ${name} ORDER BY rowid`,
            `DELETE FROM ${name}`
          ])
        )
        if (options.longer !== undefined) yield* run("others", others(options.longer))
        yield* run("people", people(days).map(counted))
        yield* run(
          "first versions",
          copiedTables
            .filter(([name]) => named(name).columns.some((column) => column.name === "user_key"))
            .map(
              ([name]) =>
                `UPDATE day_${name} AS t SET user_key = k.first_key FROM first_keys k WHERE t.user_key = k.user_key AND k.user_key <> k.first_key`
            )
        )
        // Who has one version in the copies has no steps there.
        yield* run("steps", ["DELETE FROM day_level_steps WHERE user_id IN (SELECT user_id FROM still)"])
        yield* run(
          "parts",
          [...thinned].map(
            (name) =>
              `CREATE TEMP TABLE part_${name} AS SELECT * FROM day_${name} WHERE rowid % ${thinnedTo} = 0 ORDER BY rowid`
          )
        )
        // What has no full row group goes through the log: a checkpoint looks at all tables, and is made now and then.
        yield* run("log", ["SET checkpoint_threshold = '1GB'"])
        const tell = tellProgress("days copied", days)
        for (let d = days; d > 0; d--) {
          yield* run("copy", ["BEGIN", ...copy(d, from, options.wholeDays), "COMMIT"])
          tell(days - d + 1)
        }
        yield* run(
          "rows put behind the copies",
          together.map((name) => `INSERT INTO ${name} SELECT * FROM true_${name} ORDER BY rowid`)
        )
        if (days > 0) yield* run("marts", wholeMarts())
        const file = publishedUsers(published)
        rmSync(file, { force: true })
        yield* run("users", [
          `COPY mart_users TO ${sql.text(file)} (FORMAT parquet, COMPRESSION uncompressed)`
        ])
        yield* run("checkpoint", [forgetRowCounts, "CHECKPOINT"])
        const [row] = yield* query("users", "SELECT count(*) AS n FROM mart_users")
        return Number(row["n"])
      })
    )
  )
  publishCopies(
    published,
    day,
    Array.from({ length: days }, (_, i) => i + 1),
    users
  )
}
