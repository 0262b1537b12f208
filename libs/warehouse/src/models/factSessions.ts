import { topics } from "@musify/domain/Topic.ts"
import type { Dialect } from "../Dialect.ts"
import { noHour } from "../Dialect.ts"
import type { Model } from "../Model.ts"
import { column, columnList, optional } from "../Model.ts"
import { currentRows, dimUsers, pastRows, unknownUser } from "./dimUsers.ts"
import { inBuild } from "./inBuild.ts"
import { needsKeys } from "./userRuns.ts"

const columns = [
  column("session_id", "int64", "Session"),
  column(
    "user_key",
    "int64",
    "Version of the user at the start; its first one if the session began before; unknown for a guest"
  ),
  optional("user_id", "int64", "The first user that the session's events name"),
  column("started_at", "timestamp", "First event"),
  column("ended_at", "timestamp", "Last event"),
  column("pages", "int64", "Pages shown"),
  column("songs", "int64", "Plays"),
  column(
    "seconds_listened",
    "int64",
    "Seconds listened: floor(duration) of each play, or up to the next when it was skipped"
  ),
  optional("tag", "string", "A/B group: the first that the session's events name"),
  optional("ended_how", "string", "auth of the last event that says it"),
  column("start_known", "boolean", "False when the first item is > 0: the session began before the log"),
  column("first_item", "int32", "Smallest item_in_session"),
  column("last_item", "int32", "Greatest item_in_session")
]

/** Plays `p` with `next_ts` → the seconds that they count. */
export const secondsOfPlay = (sql: Dialect): string =>
  `CASE WHEN p.next_ts IS NULL THEN ${sql.wholeSeconds("p.duration")}
   ELSE greatest(0, least(${sql.wholeSeconds("p.duration")}, ${sql.secondsBetween("p.ts", "p.next_ts")})) END`

/** Condition on plays `p` with `next_ts`: the session's next play came before the song was over. */
export const isSkipped = (sql: Dialect): string =>
  `p.next_ts IS NOT NULL AND ${sql.secondsBetween("p.ts", "p.next_ts")} < ${sql.wholeSeconds("p.duration")}`

/** After all ids of users. Two columns for one that can be NULL make sorting dearer by an eighth. */
const noUser = "9223372036854775807"

/** The next play of the session: order (ts, item_in_session, user_id). */
export const nextPlay = (what: string): string =>
  `lead(${what}) OVER (PARTITION BY session_id ORDER BY ts, item_in_session, coalesce(user_id, ${noUser}))`

/** Of plays, what martListening counts by. */
export const playColumns = "hour_key, user_key, location_key, level, tag, device_key, ts, duration"

const factOf = {
  listen_events: "fact_streams",
  page_view_events: "fact_page_views",
  auth_events: "fact_auth",
  status_change_events: "fact_level_changes"
} as const

/**
 * Facts of the sessions that a build touches, from the hour on from which they are counted again. By the hour, since what
 * a table says of its hours is at hand already.
 */
export const ofTouched = (sql: Dialect): string =>
  `${sql.sinceHour(sql.variable("counted_from"))} AND session_id IN (SELECT session_id FROM touched_sessions)`

/** A play of so many seconds may reach past the hour after its own. */
const hourSeconds = 3600

/**
 * Plays of touched sessions with the moment of the session's next play: those that are counted again and, of sessions that
 * are kept, the last ones before (all of one moment), which these may cut short.
 */
const sessionPlays = (sql: Dialect): string => {
  const own = `session_id, item_in_session, user_id, ${playColumns}`
  const before = `${sql.inHours(sql.variable("plays_from"), `${sql.variable("counted_from")} - 1`)} AND session_id IN (SELECT session_id FROM kept_sessions)`
  return `SELECT session_id, ${playColumns}, ${nextPlay("ts")} AS next_ts FROM (
  SELECT ${own} FROM fact_streams WHERE ${ofTouched(sql)}
  UNION ALL
  SELECT ${own
    .split(", ")
    .map((name) => `f.${name}`)
    .join(", ")} FROM fact_streams f
  JOIN (SELECT session_id AS last_session, max(ts) AS last_ts FROM fact_streams WHERE ${before} GROUP BY session_id) l
    ON f.session_id = l.last_session AND f.ts = l.last_ts
  WHERE ${sql.inHours(sql.variable("plays_from"), `${sql.variable("counted_from")} - 1`, "f.")})`
}

/**
 * Leaves the hours whose marts of plays change and their days, and of them those outside of the build that are to be worked
 * out again: rows of hours before `counted_from` only lose what the build's plays cut off.
 */
const changedHours = (sql: Dialect): ReadonlyArray<string> => [
  sql.tempTable(
    "changed_hours",
    `SELECT hour FROM build_hours
UNION DISTINCT SELECT hour_key AS hour FROM rekeyed_hours
UNION DISTINCT SELECT hour_key AS hour FROM session_plays WHERE ${sql.hourOf("next_ts")} IN (SELECT hour FROM build_hours)`
  ),
  sql.setVariable("hours_from", `SELECT min(hour) FROM changed_hours`),
  sql.setVariable("hours_to", `SELECT max(hour) FROM changed_hours`),
  sql.tempTable("changed_days", `SELECT DISTINCT ${sql.dayOfHour("hour")} AS day FROM changed_hours`),
  sql.setVariable("days_from", `SELECT min(day) * 24 FROM changed_days`),
  sql.setVariable("days_to", `SELECT max(day) * 24 + 23 FROM changed_days`),
  sql.tempTable(
    "other_hours",
    `SELECT hour FROM changed_hours WHERE hour >= ${sql.variable("counted_from")} AND hour NOT IN (SELECT hour FROM build_hours)`
  ),
  sql.setVariable("others_from", `SELECT coalesce(min(hour), ${noHour}) FROM other_hours`),
  sql.setVariable("others_to", `SELECT coalesce(max(hour), ${noHour}) FROM other_hours`)
]

/**
 * Leaves the sessions that the build's hours touch, what was known of them, their first moment, the hour from which their
 * facts are counted again, their plays, and the hours whose marts change with them, once the facts are there.
 *
 * In order, when all that was known of these sessions lies before the build's hours, what their rows say stands and the
 * build's hours are added to it (`kept_sessions`); of their plays only those that the build's hours can cut short are
 * looked at again. Else, and while tables are made anew (rows may not have all hours then), they are counted from their
 * first moment on, and nothing is kept.
 */
const touched = (sql: Dialect, isAnew: boolean): ReadonlyArray<string> => {
  const first = sql.variable("first_hour")
  const counted = sql.variable("counted_from")
  const began = sql.hourOf(sql.variable("sessions_from"))
  return [
    sql.tempTable(
      "touched_sessions",
      topics
        .map((topic) => `SELECT session_id FROM ${factOf[topic]} WHERE ${inBuild(sql)}`)
        .join(" UNION DISTINCT ")
    ),
    // All sessions are asked for their id only: a session may go on however long after it began.
    sql.setVariable(
      "sessions_from",
      `SELECT least(${sql.hourStart(first)}, coalesce(min(started_at), ${sql.endOfTime})) FROM fact_sessions
WHERE session_id IN (SELECT session_id FROM touched_sessions)`
    ),
    sql.tempTable(
      "known_sessions",
      `SELECT * FROM fact_sessions WHERE started_at >= ${sql.variable("sessions_from")}
  AND session_id IN (SELECT session_id FROM touched_sessions)`
    ),
    sql.setVariable(
      "counted_from",
      isAnew
        ? `SELECT ${began}`
        : `SELECT CASE WHEN count(*) = 0 THEN ${first} ELSE ${began} END FROM known_sessions WHERE ended_at >= ${sql.hourStart(first)}`
    ),
    sql.tempTable("kept_sessions", `SELECT * FROM known_sessions WHERE ended_at < ${sql.hourStart(counted)}`),
    // Plays of the hour before may be cut short by the build's hours; of earlier ones only those that are as long.
    sql.setVariable(
      "plays_from",
      isAnew
        ? `SELECT ${counted}`
        : `SELECT CASE WHEN (SELECT count(*) FROM kept_sessions) = 0 THEN ${counted} ELSE least(${counted} - 1, coalesce(min(hour_key), ${noHour})) END
FROM fact_streams WHERE ${sql.inHours(began, `${counted} - 2`)} AND duration > ${hourSeconds}`
    ),
    sql.tempTable("session_plays", sessionPlays(sql)),
    ...changedHours(sql)
  ]
}

/** The first moment whose versions of users are asked for: free users are counted by month. */
const versionsFrom = (sql: Dialect): string => {
  const month = sql.monthStart(sql.dateOf(sql.hourStart(sql.variable("first_hour"))))
  return `least(${sql.hourStart(sql.hourOf(sql.variable("sessions_from")))}, ${sql.startOfDate(month)})`
}

/**
 * Leaves the versions of the users that the models after this one and the audits ask for, and the unknown member, so that
 * not each of them looks through dim_users: who has a run in the build's hours or has changed (`hour_users`), has a fact in
 * another hour that is looked at, a touched session or a step in the build's hours. `sessionUsers`: a query.
 *
 * Of versions that have ended it has those since the month of the build's first hour and since the sessions that it touches
 * began: they were put in as they ended, so the scan skips all before.
 */
const buildUsers = (sql: Dialect, sessionUsers: string): ReadonlyArray<string> => {
  const others = [
    sessionUsers,
    ...topics.map(
      (topic) =>
        `SELECT user_id FROM ${factOf[topic]} WHERE ${sql.inHours(sql.variable("others_from"), sql.variable("others_to"))} AND hour_key IN (SELECT hour FROM other_hours)`
    ),
    `SELECT user_id FROM level_steps
  WHERE changed_at >= ${sql.hourStart(sql.variable("steps_from"))} AND changed_at < ${sql.hourStart(`${sql.variable("last_hour")} + 1`)}`
  ]
  const list = columnList(sql, dimUsers)
  return [
    sql.setVariable(
      "steps_from",
      `SELECT least(${sql.variable("changed_from")}, ${sql.variable("first_hour")})`
    ),
    sql.tempTable(
      "other_users",
      `SELECT user_id FROM (${others.join("\nUNION DISTINCT ")})
WHERE user_id IS NOT NULL AND user_id NOT IN (SELECT user_id FROM hour_users)`
    ),
    // The unknown member is said, not looked for: a scan would skip nothing.
    sql.tempTable(
      "build_users",
      `SELECT ${list} FROM hour_users
UNION ALL SELECT ${list} FROM (${unknownUser(sql)})
UNION ALL ${currentRows(sql, "users_now")} WHERE user_id IN (SELECT user_id FROM other_users)
UNION ALL ${pastRows(sql, "users_past")}
WHERE valid_to >= ${versionsFrom(sql)} AND user_key NOT IN (SELECT user_key FROM hour_users)
  AND user_id IN (SELECT user_id FROM hour_users UNION DISTINCT SELECT user_id FROM other_users)`
    )
  ]
}

/** Days on which the touched sessions began. */
const datesOfTouched = (sql: Dialect): string =>
  `SELECT DISTINCT ${sql.dateOf("started_at")} AS date FROM known_sessions`

/**
 * Seconds that plays `p` with `next_ts` add to what their sessions' rows say: plays that are counted again all of theirs,
 * earlier ones what the next play cuts off.
 */
const addedSeconds = (sql: Dialect): string => {
  const counted = sql.variable("counted_from")
  return `CASE WHEN p.hour_key >= ${counted} THEN ${secondsOfPlay(sql)}
   WHEN ${sql.hourOf("p.next_ts")} >= ${counted} THEN ${secondsOfPlay(sql)} - ${sql.wholeSeconds("p.duration")} ELSE 0 END`
}

/**
 * Sessions, a fold: in order, the build's hours are added to what the rows of the sessions that they touch say. Else these
 * sessions are worked out again from their facts: a session lasts hours, so that is bounded by its own keys, and any order
 * of hours gives the same. Leaves `changed_hours`, `changed_days` and `build_users` behind, too.
 */
export const factSessions: Model = {
  name: "fact_sessions",
  kind: "fold",
  grain: "one session_id",
  description: "Sessions.",
  key: ["session_id"],
  columns,
  dependsOn: ["fact_streams", "fact_page_views", "fact_auth", "fact_level_changes", "dim_users"],
  partition: "started_at",
  cluster: ["session_id"],
  joins: { user_key: "dim_users" },
  steps: (sql, { isAnew }) => {
    // Said twice: DuckDB would copy what has a name.
    const events = topics
      .map(
        (topic) => `SELECT session_id, user_id, tag, ts, item_in_session, ${sql.text(topic)} AS topic, ${
          topic === "auth_events" ? sql.cast("NULL", "string") : "auth"
        } AS auth
  FROM ${factOf[topic]} WHERE ${ofTouched(sql)}`
      )
      .join("\n  UNION ALL ")
    const order = ["e.ts", "e.item_in_session", "e.topic", "e.user_id IS NULL", "coalesce(e.user_id, 0)"]
    return [
      ...touched(sql, isAnew),
      sql.tempTable(
        "new_sessions",
        `
WITH grouped AS (
  SELECT session_id,
    CASE WHEN min(user_id) = max(user_id) THEN min(user_id) END AS only_user, min(user_id) AS any_user,
    min(ts) AS started_at, max(ts) AS ended_at,
    ${sql.cast("sum(CASE WHEN topic = 'page_view_events' THEN 1 ELSE 0 END)", "int64")} AS pages,
    ${sql.cast("sum(CASE WHEN topic = 'listen_events' THEN 1 ELSE 0 END)", "int64")} AS songs,
    CASE WHEN min(tag) = max(tag) THEN min(tag) END AS only_tag, min(tag) AS any_tag,
    CASE WHEN min(auth) = max(auth) THEN min(auth) END AS only_auth, min(auth) AS any_auth,
    min(item_in_session) AS first_item, max(item_in_session) AS last_item
  FROM (
  ${events}) GROUP BY session_id
), mixed AS (
  SELECT e.session_id, ${sql.firstValue("e.user_id", order)} AS user_id, ${sql.firstValue("e.tag", order)} AS tag, ${sql.lastValue("e.auth", order)} AS auth
  FROM (
  ${events}) e JOIN grouped g ON e.session_id = g.session_id
  WHERE (g.any_user IS NOT NULL AND g.only_user IS NULL) OR (g.any_tag IS NOT NULL AND g.only_tag IS NULL)
    OR (g.any_auth IS NOT NULL AND g.only_auth IS NULL)
  GROUP BY e.session_id
), played AS (
  SELECT session_id, ${sql.cast(`sum(${addedSeconds(sql)})`, "int64")} AS seconds FROM session_plays p GROUP BY session_id
)
SELECT g.session_id, coalesce(k.user_id, g.only_user, m.user_id) AS user_id, coalesce(k.started_at, g.started_at) AS started_at, g.ended_at,
  coalesce(k.pages, 0) + g.pages AS pages, coalesce(k.songs, 0) + g.songs AS songs,
  coalesce(k.seconds_listened, 0) + coalesce(p.seconds, 0) AS seconds_listened,
  coalesce(k.tag, g.only_tag, m.tag) AS tag, coalesce(g.only_auth, m.auth, k.ended_how) AS ended_how,
  least(coalesce(k.first_item, g.first_item), g.first_item) <= 0 AS start_known,
  least(coalesce(k.first_item, g.first_item), g.first_item) AS first_item,
  greatest(coalesce(k.last_item, g.last_item), g.last_item) AS last_item
FROM grouped g LEFT JOIN mixed m ON g.session_id = m.session_id LEFT JOIN played p ON g.session_id = p.session_id
LEFT JOIN kept_sessions k ON g.session_id = k.session_id`
      ),
      ...buildUsers(sql, "SELECT user_id FROM new_sessions"),
      sql.tempTable(
        "session_dates",
        `${datesOfTouched(sql)} UNION DISTINCT SELECT ${sql.dateOf("started_at")} FROM new_sessions`
      ),
      `DELETE FROM fact_sessions WHERE started_at >= ${sql.variable("sessions_from")}
  AND session_id IN (SELECT session_id FROM touched_sessions)`,
      `INSERT INTO fact_sessions SELECT ${columns
        .map(({ name }) =>
          name === "user_key"
            ? `CASE WHEN s.user_id IS NULL THEN ${sql.key("user", "NULL")} ELSE coalesce(u.user_key, ${sql.key("user", "s.user_id")}) END AS user_key`
            : `s.${sql.id(name)}`
        )
        .join(", ")}
FROM new_sessions s
LEFT JOIN build_users u ON s.user_id = u.user_id AND u.valid_from <= s.started_at AND s.started_at < coalesce(u.valid_to, ${sql.endOfTime})
${sql.insertOrder("s.started_at")}`,
      ...sql.when(needsKeys(sql), [
        `UPDATE fact_sessions AS f SET user_key = u.user_key FROM changed_versions u
WHERE f.user_id = u.user_id
  AND f.started_at >= ${sql.hourStart(sql.variable("rekey_from"))} AND f.started_at >= u.from_ts
  AND u.valid_from <= f.started_at AND f.started_at < coalesce(u.valid_to, ${sql.endOfTime})
  AND f.user_key <> u.user_key`
      ])
    ]
  },
  leaves: (sql) => [
    ...touched(sql, true),
    ...buildUsers(sql, "SELECT user_id FROM known_sessions"),
    sql.tempTable("session_dates", datesOfTouched(sql))
  ],
  audits: [
    {
      name: "every user_key is in dim_users",
      badRows: (_sql, scope) =>
        `SELECT f.session_id, f.user_key FROM fact_sessions f LEFT JOIN ${scope.dimUsers} d ON f.user_key = d.user_key
WHERE d.user_key IS NULL AND ${scope.sessions("f.session_id", "f.started_at")}`
    },
    {
      name: "pages and songs are the session's facts",
      badRows: (_sql, scope) => `
SELECT s.session_id, s.pages, s.page_rows, s.songs, s.play_rows FROM (
  SELECT s.session_id, s.pages, coalesce(k.pages, 0) + coalesce(p.found, 0) AS page_rows, s.songs, coalesce(k.songs, 0) + coalesce(l.found, 0) AS play_rows
  FROM fact_sessions s LEFT JOIN ${scope.keptSessions} k ON s.session_id = k.session_id
  LEFT JOIN (SELECT session_id, count(*) AS found FROM fact_page_views WHERE ${scope.sessionFacts} GROUP BY session_id) p ON s.session_id = p.session_id
  LEFT JOIN (SELECT session_id, count(*) AS found FROM fact_streams WHERE ${scope.sessionFacts} GROUP BY session_id) l ON s.session_id = l.session_id
  WHERE ${scope.sessions("s.session_id", "s.started_at")}) s
WHERE s.pages <> s.page_rows OR s.songs <> s.play_rows`
    }
  ]
}
