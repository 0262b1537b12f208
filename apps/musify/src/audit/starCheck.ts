import { hourText } from "@musify/domain/Hour.ts"
import { Effect } from "effect"
import type { Check, Difference } from "./AuditReport.ts"
import { makeCheck } from "./AuditReport.ts"
import type { AuditDb, ReadFailed, SqlRow } from "./DuckDbAudit.ts"

const facts = ["fact_streams", "fact_page_views", "fact_auth", "fact_level_changes"]

const dimensionOf: Readonly<Record<string, string>> = {
  user_key: "dim_users",
  location_key: "dim_location",
  hour_key: "dim_datetime",
  song_key: "dim_songs",
  artist_key: "dim_artists"
}

const keysOf = (table: string): ReadonlyArray<string> =>
  table === "fact_streams"
    ? ["user_key", "location_key", "hour_key", "song_key", "artist_key"]
    : table === "fact_sessions"
      ? ["user_key"]
      : ["user_key", "location_key", "hour_key"]

/** Queries over the attached warehouse (`wh`) that count bad rows; each must answer 0. */
const rules: ReadonlyArray<{ readonly table: string; readonly what: string; readonly bad: string }> = [
  ...["user_key", "song_key", "artist_key", "location_key", "hour_key"].map((key) => ({
    table: dimensionOf[key],
    what: `rows with a ${key} that others have`,
    bad: `SELECT 1 FROM wh.${dimensionOf[key]} GROUP BY ${key} HAVING count(*) > 1`
  })),
  {
    table: "fact_sessions",
    what: "rows with a session_id that others have",
    bad: `SELECT 1 FROM wh.fact_sessions GROUP BY session_id HAVING count(*) > 1`
  },
  ...[...facts, "fact_sessions"].flatMap((table) =>
    keysOf(table).map((key) => ({
      table,
      what: `rows whose ${key} ${dimensionOf[key]} does not have`,
      bad: `SELECT 1 FROM wh.${table} f WHERE NOT EXISTS (SELECT 1 FROM wh.${dimensionOf[key]} d WHERE d.${key} = f.${key})`
    }))
  ),
  {
    table: "dim_songs",
    what: "rows whose artist_key dim_artists does not have",
    bad: `SELECT 1 FROM wh.dim_songs f WHERE NOT EXISTS (SELECT 1 FROM wh.dim_artists d WHERE d.artist_key = f.artist_key)`
  },
  ...facts.map((table) => ({
    table,
    what: "rows whose user_key is not the user's version at that time",
    bad: `SELECT 1 FROM wh.${table} f JOIN wh.dim_users d ON d.user_key = f.user_key
      WHERE d.user_id IS DISTINCT FROM f.user_id OR (f.user_id IS NOT NULL AND (f.ts < d.valid_from OR f.ts >= d.valid_to))`
  })),
  {
    table: "dim_users",
    what: "users without exactly one current version",
    bad: `SELECT 1 FROM wh.dim_users GROUP BY user_id HAVING count(*) FILTER (WHERE is_current) <> 1`
  },
  {
    table: "dim_users",
    what: "versions that do not end where the next begins",
    bad: `SELECT 1 FROM (SELECT valid_to, lead(valid_from) OVER (PARTITION BY user_id ORDER BY valid_from) AS next, is_current
      FROM wh.dim_users) WHERE valid_to IS DISTINCT FROM next OR is_current <> (next IS NULL)`
  },
  {
    table: "wide_streams",
    what: "rows more or less than fact_streams",
    bad: `SELECT 1 FROM (SELECT abs((SELECT count(*) FROM wh.wide_streams) - (SELECT count(*) FROM wh.fact_streams)) AS n), range(n)`
  }
]

/** While the warehouse is attached: the rules of the star schema, by SQL of the audit's own. */
export const checkKeys = (db: AuditDb): Effect.Effect<Check, ReadFailed> =>
  Effect.gen(function* () {
    const wrong: Array<Difference> = []
    for (const { bad, table, what } of rules) {
      const [{ n }] = yield* db.query(`SELECT count(*) AS n FROM (${bad})`)
      if (Number(n) > 0) wrong.push({ table, hour: null, what, expected: "0", found: String(n) })
    }
    return makeCheck("star schema: keys, versions, joins", rules.length, "rules", wrong)
  })

/** While the warehouse is attached: copies what is compared later, in `w_users`, `w_sessions`, `w_songs`. */
export const copyDimensions = (db: AuditDb): Effect.Effect<void, ReadFailed> =>
  Effect.gen(function* () {
    yield* db.run(
      `CREATE OR REPLACE TEMP TABLE w_users AS SELECT * FROM wh.dim_users WHERE user_id IS NOT NULL`
    )
    yield* db.run(`CREATE OR REPLACE TEMP TABLE w_sessions AS SELECT * FROM wh.fact_sessions`)
    yield* db.run(
      `CREATE OR REPLACE TEMP TABLE w_songs AS SELECT hour_key AS hour, song_key, artist_key, count(*) AS plays FROM wh.fact_streams GROUP BY ALL`
    )
  })

/**
 * From the events: `versions` (the versions of each user), `sessions`, `plays` (each listen event with the seconds
 * listened and its listener's gender at that time), and `cancelled` (who reached auth Cancelled on a day).
 */
export const recount = (db: AuditDb): Effect.Effect<void, ReadFailed> =>
  Effect.gen(function* () {
    yield* db.run(`
      CREATE OR REPLACE TEMP TABLE versions AS
      WITH last_of AS (
        SELECT * FROM events WHERE "userId" IS NOT NULL
        QUALIFY row_number() OVER (PARTITION BY "userId", ts ORDER BY "sessionId" DESC, "itemInSession" DESC, topic DESC) = 1
      ), said AS (
        SELECT "userId" AS user_id, ts, {f: "firstName", l: "lastName", g: gender, r: registration, v: level} AS a FROM last_of
      ), changes AS (
        SELECT * FROM said WINDOW w AS (PARTITION BY user_id ORDER BY ts)
        QUALIFY row_number() OVER w = 1 OR lag(a) OVER w IS DISTINCT FROM a
      )
      SELECT user_id, a.f AS first_name, a.l AS last_name, a.g AS gender, a.r AS registered_at, a.v AS level,
        ts AS valid_from, lead(ts) OVER w AS valid_to, lead(ts) OVER w IS NULL AS is_current
      FROM changes WINDOW w AS (PARTITION BY user_id ORDER BY ts)`)
    yield* db.run(`
      CREATE OR REPLACE TEMP TABLE plays AS
      WITH timed AS (
        SELECT *, floor(duration)::BIGINT AS whole, lead(epoch_us(ts)) OVER (
          PARTITION BY "sessionId" ORDER BY ts, "itemInSession", "userId" NULLS LAST) AS next FROM e_listen_events
      )
      SELECT t.ts, t.hour, t."userId" AS user_id, t."sessionId" AS session_id, t.state, t.level, t.agent, t.artist, t.song, t.duration, v.gender,
        CASE WHEN next IS NULL THEN whole ELSE least(whole, (next - epoch_us(t.ts)) // 1000000) END AS seconds
      FROM timed t ASOF LEFT JOIN versions v ON t."userId" = v.user_id AND t.ts >= v.valid_from`)
    yield* db.run(`
      CREATE OR REPLACE TEMP TABLE cancelled AS
      SELECT DISTINCT hour // 24 AS day, "userId" AS user_id, level, tag FROM e_page_view_events
      WHERE auth = 'Cancelled' AND "userId" IS NOT NULL`)
    yield* db.run(`
      CREATE OR REPLACE TEMP TABLE sessions AS
      WITH listened AS (SELECT session_id, sum(seconds)::BIGINT AS seconds FROM plays GROUP BY session_id),
      own AS (
        SELECT "sessionId" AS session_id,
          arg_min("userId", (ts, "itemInSession", topic, "userId")) FILTER (WHERE "userId" IS NOT NULL) AS user_id,
          min(ts) AS started_at, max(ts) AS ended_at,
          count(*) FILTER (WHERE topic = 'page_view_events') AS pages,
          count(*) FILTER (WHERE topic = 'listen_events') AS songs,
          arg_max(auth, (ts, "itemInSession", topic, "userId" IS NULL, coalesce("userId", 0))) FILTER (WHERE auth IS NOT NULL) AS ended_how,
          min("itemInSession") AS first_item, max("itemInSession") AS last_item
        FROM events GROUP BY "sessionId"
      )
      SELECT own.*, coalesce(seconds, 0) AS seconds_listened, first_item <= 0 AS start_known FROM own LEFT JOIN listened USING (session_id)`)
  })

const rowText = (row: SqlRow | undefined, columns: ReadonlyArray<string>): string =>
  row === undefined
    ? "no such row"
    : columns
        .map((column) => {
          const value = row[column]
          return `${column}=${value instanceof Date ? value.toISOString() : String(value ?? "NULL")}`
        })
        .join(" ")

/** Rows that only one of two tables has, as differences by key. */
const compareRows = (
  db: AuditDb,
  table: string,
  key: ReadonlyArray<string>,
  columns: ReadonlyArray<string>,
  expected: string,
  found: string
): Effect.Effect<ReadonlyArray<Difference>, ReadFailed> =>
  Effect.gen(function* () {
    const all = [...key, ...columns].join(", ")
    const only = (a: string, b: string) =>
      db.query(
        `SELECT * FROM (SELECT ${all} FROM ${a} EXCEPT ALL SELECT ${all} FROM ${b}) ORDER BY ${key.join(", ")} LIMIT 1000`
      )
    const missing = yield* only(expected, found)
    const extra = yield* only(found, expected)
    const byKey = new Map<string, { expected?: SqlRow; found?: SqlRow }>()
    for (const row of missing) byKey.set(rowText(row, key), { expected: row })
    for (const row of extra) byKey.set(rowText(row, key), { ...byKey.get(rowText(row, key)), found: row })
    return [...byKey].map(([what, pair]) => {
      const differ = columns.filter(
        (column) => rowText(pair.expected, [column]) !== rowText(pair.found, [column])
      )
      return {
        table,
        hour: null,
        what,
        expected: rowText(pair.expected, differ),
        found: rowText(pair.found, differ)
      }
    })
  })

/**
 * dim_users, fact_sessions and the songs of fact_streams against a recount from the lake. Users and sessions in
 * `left_out_users` and `left_out_sessions` (those of hours that wait to be built again) are not compared.
 */
export const checkRecount = (db: AuditDb, notes: ReadonlyArray<string>): Effect.Effect<Check, ReadFailed> =>
  Effect.gen(function* () {
    const users = (table: string) =>
      `(SELECT * FROM ${table} WHERE user_id NOT IN (SELECT id FROM left_out_users))`
    const sessions = (table: string) =>
      `(SELECT * FROM ${table} WHERE session_id NOT IN (SELECT id FROM left_out_sessions))`
    const wrong = [
      ...(yield* compareRows(
        db,
        "dim_users",
        ["user_id", "valid_from"],
        ["first_name", "last_name", "gender", "registered_at", "level", "valid_to", "is_current"],
        users("versions"),
        users("w_users")
      )),
      ...(yield* compareRows(
        db,
        "fact_sessions",
        ["session_id"],
        [
          ...["user_id", "started_at", "ended_at", "pages", "songs", "seconds_listened"],
          ...["ended_how", "start_known", "first_item", "last_item"]
        ],
        sessions("sessions"),
        sessions("w_sessions")
      ))
    ]
    const songs = yield* compareRows(
      db,
      "fact_streams",
      ["hour", "song_key", "artist_key"],
      ["plays"],
      `(SELECT hour, song_key, artist_key, count(*) AS plays FROM songs_played WHERE hour NOT IN (SELECT hour FROM left_out_hours) GROUP BY ALL)`,
      `(SELECT * FROM w_songs WHERE hour NOT IN (SELECT hour FROM left_out_hours))`
    )
    for (const difference of songs) {
      const hour = "what" in difference ? /^hour=(\d+) /.exec(difference.what)?.[1] : undefined
      wrong.push(
        "what" in difference && hour !== undefined
          ? { ...difference, hour: hourText(Number(hour)) }
          : difference
      )
    }
    const [{ n }] = yield* db.query(
      `SELECT (SELECT count(*) FROM versions) + (SELECT count(*) FROM sessions) + (SELECT count(*) FROM plays) AS n`
    )
    return makeCheck("users, sessions and songs = recount from the lake", Number(n), "rows", wrong, notes)
  })
