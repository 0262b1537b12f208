import type { Topic } from "@musify/domain/Topic.ts"
import type { Dialect } from "../Dialect.ts"
import type { Audit, Model, ModelColumn } from "../Model.ts"
import { column, optional } from "../Model.ts"
import { inBuild } from "./inBuild.ts"
import { factSuspects } from "./suspects.ts"
import { needsKeys } from "./userRuns.ts"

const c = {
  user_key: column(
    "user_key",
    "int64",
    "Version of the user in force at ts; the unknown member without user_id"
  ),
  song_key: column("song_key", "int64", "Song"),
  artist_key: column("artist_key", "int64", "Artist"),
  location_key: column("location_key", "int64", "Place of the listener"),
  device_key: column("device_key", "int64", "Device of the listener"),
  hour_key: column("hour_key", "int64", "Hour of ts: whole hours since the epoch"),
  ts: column("ts", "timestamp", "Time of the event"),
  user_id: optional("user_id", "int64", "User; NULL for guests and logged-out sessions"),
  session_id: column("session_id", "int64", "Session"),
  item_in_session: column("item_in_session", "int32", "Place in the session, from 0"),
  tag: optional("tag", "string", "A/B group"),
  auth: column("auth", "string", "Guest, Logged In, Logged Out or Cancelled"),
  level: column("level", "string", "Level on the event itself")
}

const levelBefore = column("level", "string", "Level before the change")

const orphans = (name: string, dimension: string, key: string): Audit => ({
  name: `every ${key} is in ${dimension}`,
  badRows: (_sql, scope) =>
    `SELECT f.${key}, f.hour_key, count(*) AS facts FROM ${name} f LEFT JOIN ${dimension === "dim_users" ? scope.dimUsers : dimension} d ON f.${key} = d.${key}
WHERE d.${key} IS NULL AND ${scope.hours("f.")} GROUP BY f.${key}, f.hour_key`
})

interface FactOptions {
  readonly name: string
  readonly topic: Topic
  readonly description: string
  readonly columns: ReadonlyArray<ModelColumn>
  /** Expressions of the columns that are not simply the stage's; the stage is `s`. */
  readonly expressions?: (sql: Dialect) => Readonly<Record<string, string>>
  readonly joins?: (sql: Dialect) => string
  /** Temporary tables, for the models after it, too. */
  readonly before?: (sql: Dialect, isNew: boolean) => ReadonlyArray<string>
  readonly dependsOn?: ReadonlyArray<string>
}

/** A table of events: the hours of a build are replaced, then facts elsewhere whose user version changed are re-keyed. */
const fact = (options: FactOptions): Model => {
  const { columns, name, topic } = options
  const key = ["user_id", "session_id", "item_in_session", "ts"]
  const dimensions: ReadonlyArray<readonly [string, string]> = [
    ["dim_users", "user_key"],
    ["dim_location", "location_key"],
    ["dim_devices", "device_key"],
    ["dim_datetime", "hour_key"],
    ...(columns.some(({ name }) => name === "song_key")
      ? ([
          ["dim_songs", "song_key"],
          ["dim_artists", "artist_key"]
        ] as const)
      : [])
  ]
  return {
    name,
    kind: "fact",
    grain: `one event of ${topic}`,
    description: options.description,
    key,
    columns,
    dependsOn: [
      `stage_${topic}`,
      "dim_users",
      "location_hours",
      "device_hours",
      ...(options.dependsOn ?? [])
    ],
    partition: "ts",
    boundRequired: true,
    cluster: columns.some(({ name }) => name === "song_key") ? ["song_key", "user_key"] : ["user_key"],
    references: Object.fromEntries(
      dimensions.flatMap(([dimension, key]) => (dimension === "dim_users" ? [] : [[key, dimension]]))
    ),
    joins: { user_key: "dim_users" },
    steps: (sql, { isNew }) => {
      const own: Readonly<Record<string, string>> = {
        user_key: `coalesce(u.user_key, ${sql.key("user", "NULL")})`,
        location_key: "l.location_key",
        device_key: "v.device_key",
        ...options.expressions?.(sql)
      }
      const select = columns
        .map(({ name }) => `${own[name] ?? `s.${sql.id(name)}`} AS ${sql.id(name)}`)
        .join(", ")
      return [
        ...(options.before?.(sql, isNew) ?? []),
        ...(isNew ? [] : [`DELETE FROM ${name} WHERE ${inBuild(sql)}`]),
        `INSERT INTO ${name} SELECT ${select}
FROM stage_${topic} s
LEFT JOIN hour_users u ON s.user_id = u.user_id AND u.valid_from <= s.ts AND s.ts < coalesce(u.valid_to, ${sql.endOfTime})
JOIN (SELECT DISTINCT device_key, user_agent FROM new_device_hours) v ON s.user_agent IS NOT DISTINCT FROM v.user_agent
JOIN (SELECT DISTINCT location_key, city, state, zip FROM new_location_hours) l ON s.city IS NOT DISTINCT FROM l.city
  AND s.state IS NOT DISTINCT FROM l.state AND s.zip IS NOT DISTINCT FROM l.zip
${options.joins?.(sql) ?? ""}`,
        // Elsewhere: only after the first changed hour, only users whose chain changed, only keys that differ.
        ...sql.when(needsKeys(sql), [
          `INSERT INTO rekeyed_hours SELECT DISTINCT f.hour_key FROM ${name} f
JOIN changed_versions u ON f.user_id = u.user_id AND u.valid_from <= f.ts AND f.ts < coalesce(u.valid_to, ${sql.endOfTime})
WHERE ${sql.sinceHour(sql.variable("rekey_from"), "f.")} AND f.hour_key >= u.from_hour AND f.user_key <> u.user_key`,
          `UPDATE ${name} AS f SET user_key = u.user_key FROM changed_versions u
WHERE f.user_id = u.user_id
  AND ${sql.sinceHour(sql.variable("rekey_from"), "f.")} AND f.hour_key >= u.from_hour
  AND u.valid_from <= f.ts AND f.ts < coalesce(u.valid_to, ${sql.endOfTime})
  AND f.user_key <> u.user_key`
        ])
      ]
    },
    leaves: (sql, isStaged) => (isStaged ? (options.before?.(sql, false) ?? []) : []),
    audits: [
      ...dimensions.map(([dimension, key]) => orphans(name, dimension, key)),
      {
        name: "each fact carries the version of its user that was in force",
        badRows: (_sql, scope) => `
SELECT f.user_id, f.ts, f.user_key FROM ${name} f LEFT JOIN ${scope.dimUsers} u ON f.user_key = u.user_key
WHERE ${scope.hours("f.")} AND (f.user_id IS DISTINCT FROM u.user_id
  OR (f.user_id IS NOT NULL AND (u.valid_from > f.ts OR u.valid_to <= f.ts)))`
      },
      {
        name: "no event of the lake is dropped or multiplied",
        needsStage: true,
        badRows: (sql) => `
SELECT coalesce(s.hour, f.hour_key) AS hour, s.kept AS lake_rows, f.found AS fact_rows
FROM (SELECT hour, kept FROM stage_rows WHERE topic = ${sql.text(topic)}) s
FULL JOIN (SELECT hour_key, count(*) AS found FROM ${name} WHERE ${inBuild(sql)} GROUP BY hour_key) f ON s.hour = f.hour_key
WHERE s.kept IS DISTINCT FROM f.found`
      }
    ],
    suspects: factSuspects({ name, key }, topic, dimensions)
  }
}

/**
 * The songs that plays mean: by strings and float32 of the duration, else by strings if unique, else a song of its own.
 * Most are found by the first, so the others are asked only for what is left.
 */
const playedSongs = (sql: Dialect): ReadonlyArray<string> => [
  sql.tempTable(
    "played_songs",
    `SELECT p.artist, p.song, p.duration, d.song_id, d.song_key, d.artist_key
FROM (SELECT DISTINCT artist, song, duration, ${sql.float32("duration")} AS duration32 FROM stage_listen_events) p
LEFT JOIN spellings_by_duration d ON p.artist = d.artist AND p.song = d.title AND p.duration32 = d.duration32`
  ),
  sql.setVariable("other_songs", "SELECT count(*) FROM played_songs WHERE song_id IS NULL"),
  ...sql.when(`${sql.variable("other_songs")} > 0`, [
    sql.tempTable(
      "named_songs",
      `SELECT p.artist, p.song, p.duration, n.song_id, coalesce(n.song_key, ${sql.key("song_seen", "p.artist", "p.song")}) AS song_key,
  coalesce(n.artist_key, a.artist_key, ${sql.key("artist_seen", "p.artist")}) AS artist_key
FROM played_songs p LEFT JOIN spellings_by_name n ON p.artist = n.artist AND p.song = n.title
LEFT JOIN artist_spellings a ON p.artist = a.artist
WHERE p.song_id IS NULL`
    ),
    `DELETE FROM played_songs WHERE song_id IS NULL`,
    `INSERT INTO played_songs SELECT artist, song, duration, song_id, song_key, artist_key FROM named_songs`
  ])
]

export const factStreams = fact({
  name: "fact_streams",
  topic: "listen_events",
  description: "Plays: a song starts.",
  dependsOn: ["catalog_songs", "song_spellings"],
  columns: [
    c.user_key,
    c.song_key,
    c.artist_key,
    c.location_key,
    c.device_key,
    c.hour_key,
    c.ts,
    c.user_id,
    c.session_id,
    c.item_in_session,
    c.tag,
    c.auth,
    c.level,
    column("duration", "float64", "Length of the song, seconds, as on the event")
  ],
  before: (sql, isNew) => [
    ...playedSongs(sql),
    ...(isNew
      ? []
      : [sql.tempTable("old_song_keys", `SELECT DISTINCT song_key FROM fact_streams WHERE ${inBuild(sql)}`)])
  ],
  expressions: () => ({ song_key: "p.song_key", artist_key: "p.artist_key" }),
  joins: () => `JOIN played_songs p ON s.artist = p.artist AND s.song = p.song AND s.duration = p.duration`
})

export const factPageViews = fact({
  name: "fact_page_views",
  topic: "page_view_events",
  description: "Pages shown.",
  columns: [
    c.user_key,
    c.location_key,
    c.device_key,
    c.hour_key,
    c.ts,
    c.user_id,
    c.session_id,
    c.item_in_session,
    c.tag,
    c.auth,
    c.level,
    column("page", "string", "Name of the page"),
    column("method", "string", "HTTP method"),
    column("status", "int32", "HTTP status")
  ]
})

export const factAuth = fact({
  name: "fact_auth",
  topic: "auth_events",
  description: "Log-ins. Rates leave out rows with is_redirect_echo.",
  columns: [
    c.user_key,
    c.location_key,
    c.device_key,
    c.hour_key,
    c.ts,
    c.user_id,
    c.session_id,
    c.item_in_session,
    c.tag,
    c.level,
    column("success", "boolean", "Whether the listener was logged in after it"),
    column(
      "is_redirect_echo",
      "boolean",
      "Written by Eventsim for a redirect or error after the log-in, not for a log-in"
    )
  ],
  dependsOn: ["stage_page_view_events"],
  expressions: () => ({ is_redirect_echo: "e.session_id IS NOT NULL" }),
  // The same moment, so that the flag depends on one hour alone.
  joins: () => `LEFT JOIN (
  SELECT DISTINCT session_id, item_in_session, ts FROM stage_page_view_events WHERE status BETWEEN 300 AND 499) e
  ON s.session_id = e.session_id AND s.item_in_session = e.item_in_session AND s.ts = e.ts`
})

export const factLevelChanges = fact({
  name: "fact_level_changes",
  topic: "status_change_events",
  description: "Upgrades and downgrades asked for; the view level_changes says what came of them.",
  columns: [
    c.user_key,
    c.location_key,
    c.device_key,
    c.hour_key,
    c.ts,
    c.user_id,
    c.session_id,
    c.item_in_session,
    c.tag,
    c.auth,
    levelBefore
  ]
})

/** The fact tables, in the order of their topics. */
export const facts: ReadonlyArray<Model> = [factStreams, factPageViews, factAuth, factLevelChanges]
