import { hourText } from "@musify/domain/Hour.ts"
import * as queries from "@musify/dashboard/queries.ts"
import type { Scope as Asked } from "@musify/dashboard/queries.ts"
import type { Marts } from "@musify/dashboard/Marts.ts"
import { Progress } from "@musify/runtime/Progress.ts"
import { Effect } from "effect"
import type { Check, Difference } from "./AuditReport.ts"
import { makeCheck } from "./AuditReport.ts"
import type { AuditDb, SqlRow } from "./DuckDbAudit.ts"
import { literal, ReadFailed } from "./DuckDbAudit.ts"

/** Numbers from a seed (mulberry32), in [0, 1): the same seed tries the same ranges and states. */
const random = (seed: number): (() => number) => {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}

interface Built {
  readonly first: number
  readonly last: number
}

/** Ranges within the built hours (some of whole days, the first one all of it), each for a state, none, or all. */
const scopes = (
  seed: number,
  count: number,
  { first, last }: Built,
  states: ReadonlyArray<string>
): ReadonlyArray<Asked> => {
  const next = random(seed)
  const below = (n: number) => Math.floor(next() * n)
  const asked: Array<Asked> = [{ period: { from: first, to: last + 1 }, state: null }]
  while (asked.length < count) {
    const a = first + below(last + 1 - first)
    const b = first + below(last + 1 - first)
    const unit = below(2) === 0 ? 1 : 24
    const from = Math.floor(Math.min(a, b) / unit) * unit
    const to = Math.floor(Math.max(a, b) / unit) * unit + unit
    const choice = below(4)
    const state = choice === 0 ? null : choice === 1 ? "none" : (states[below(states.length)] ?? null)
    asked.push({ period: { from, to }, state })
  }
  return asked
}

const here = ({ period, state }: Asked): string =>
  `hour >= ${period.from} AND hour < ${period.to}` +
  (state === null ? "" : state === "none" ? " AND state IS NULL" : ` AND state = ${literal(state)}`)

const at = (hour: string) => `strftime(make_timestamp(${hour} * 3600000000), '%Y-%m-%dT%H:00Z')`

const totals = `count(DISTINCT user_id) AS listeners, count(*) AS plays, coalesce(sum(seconds), 0)::BIGINT AS seconds,
  count(DISTINCT user_id) FILTER (WHERE level = 'paid') AS "paidListeners"`

const skips = `count(*) FILTER (WHERE seconds < floor(duration)) AS skips`

const newListeners = (asked: Asked) =>
  `count(DISTINCT user_id) FILTER (WHERE first_play >= ${asked.period.from} AND first_play < ${asked.period.to}) AS "newListeners"`

const played = `(SELECT p.*, f.first_play FROM plays p LEFT JOIN first_plays f ON p.user_id = f.user_id)`

const rankSql = (asked: Asked, key: string, names: ReadonlyArray<string>, from: number, to: number) =>
  `SELECT ${key}, ${names.join(", ")}, count(*) AS plays, row_number() OVER (ORDER BY count(*) DESC, ${names.join(", ")}, ${key}) AS rank
  FROM songs_played WHERE ${here({ ...asked, period: { from, to } })} GROUP BY ${key}, ${names.join(", ")}`

/** Top 100 with the place in the period before: earlier by the length, rounded up to whole days. */
const topSql = (
  asked: Asked,
  { first }: Built,
  key: string,
  names: ReadonlyArray<string>,
  select: string
) => {
  const { from, to } = asked.period
  const shift = Math.ceil((to - from) / 24) * 24
  const none = from - shift < first ? "WHERE false" : ""
  return `SELECT n.rank AS rank, b.rank AS "previousRank", ${select}, n.plays AS plays
    FROM (${rankSql(asked, key, names, from, to)}) n
    LEFT JOIN (SELECT * FROM (${rankSql(asked, key, names, from - shift, to - shift)}) ${none}) b ON n.${key} = b.${key}
    ORDER BY n.rank LIMIT 100`
}

/** A number of the dashboard, and the audit's own SQL for it. `fields`: the columns that are compared. */
interface Number_ {
  readonly name: string
  readonly ask: (
    marts: Marts,
    asked: Asked
  ) => Effect.Effect<ReadonlyArray<object>, { readonly message: string }>
  readonly sql: (asked: Asked, built: Built) => string
  readonly fields: ReadonlyArray<string>
}

const rowsOf =
  (query: queries.Query<object>): Number_["ask"] =>
  (marts, asked) =>
    Effect.map(query(marts, asked), ({ rows }) => rows)

const numbers: ReadonlyArray<Number_> = [
  {
    name: "summary",
    ask: (marts, asked) =>
      Effect.map(queries.summary(marts, asked), ({ rows }) => rows.filter((row) => row.span === "period")),
    sql: (asked) => `SELECT ${totals}, ${newListeners(asked)} FROM ${played} WHERE ${here(asked)}`,
    fields: ["listeners", "plays", "seconds", "paidListeners", "newListeners"]
  },
  {
    name: "trend",
    ask: (marts, asked) =>
      Effect.map(queries.trend(marts, asked), ({ rows }) => rows.filter((row) => row.plays > 0)),
    sql: (asked) => {
      const step = asked.period.to - asked.period.from <= 48 ? 1 : 24
      const bucket = `(hour // ${step}) * ${step}`
      return `SELECT ${at(bucket)} AS at, ${totals},
        count(DISTINCT user_id) FILTER (WHERE (first_play // ${step}) * ${step} = ${bucket}) AS "newListeners"
        FROM ${played} WHERE ${here(asked)} GROUP BY ${bucket} ORDER BY 1`
    },
    fields: ["at", "listeners", "plays", "seconds", "paidListeners", "newListeners"]
  },
  {
    name: "activity by hour",
    ask: rowsOf(queries.activityByHour),
    sql: (asked, { first, last }) => {
      const day = Math.floor((asked.period.to - 1) / 24) * 24
      const plays = (hour: string) =>
        `CASE WHEN ${hour} BETWEEN ${first} AND ${last} THEN (SELECT count(*) FROM plays WHERE ${here({ ...asked, period: { from: day - 24, to: day + 24 } })} AND hour = ${hour}) END`
      return `SELECT h AS hour, ${plays(`${day} + h`)} AS plays, ${plays(`${day} - 24 + h`)} AS "previousPlays" FROM range(24) r(h) ORDER BY h`
    },
    fields: ["hour", "plays", "previousPlays"]
  },
  {
    name: "states",
    ask: rowsOf(queries.states),
    sql: (asked) =>
      `SELECT state, count(DISTINCT user_id) AS listeners, count(*) AS plays FROM plays WHERE ${here(asked)} GROUP BY state ORDER BY listeners DESC, plays DESC, state`,
    fields: ["state", "listeners", "plays"]
  },
  {
    name: "top songs",
    ask: rowsOf(queries.topSongs(100)),
    sql: (asked, built) =>
      topSql(
        asked,
        built,
        "song_key",
        ["title", "song_artist"],
        `n.song_key::VARCHAR AS "songKey", n.title AS title, n.song_artist AS artist`
      ),
    fields: ["rank", "previousRank", "songKey", "title", "artist", "plays"]
  },
  {
    name: "top artists",
    ask: rowsOf(queries.topArtists(100)),
    sql: (asked, built) =>
      topSql(
        asked,
        built,
        "artist_key",
        ["artist_name"],
        `n.artist_key::VARCHAR AS "artistKey", n.artist_name AS artist`
      ),
    fields: ["rank", "previousRank", "artistKey", "artist", "plays"]
  },
  {
    name: "gender",
    ask: rowsOf(queries.gender),
    sql: (asked) =>
      `SELECT gender, count(DISTINCT user_id) AS listeners, count(*) AS plays FROM plays WHERE ${here(asked)} GROUP BY gender ORDER BY gender`,
    fields: ["gender", "listeners", "plays"]
  },
  {
    name: "level by gender",
    ask: rowsOf(queries.levelByGender),
    sql: (asked) =>
      `SELECT level, gender, count(DISTINCT user_id) AS listeners, count(*) AS plays FROM plays WHERE ${here(asked)} GROUP BY level, gender ORDER BY level, gender`,
    fields: ["level", "gender", "listeners", "plays"]
  },
  {
    name: "heatmap",
    ask: (marts, asked) =>
      Effect.map(queries.heatmap(marts, asked), ({ rows }) => rows.filter((row) => row.plays > 0)),
    sql: (asked) =>
      `SELECT isodow(make_timestamp(hour * 3600000000)) AS weekday, hour % 24 AS hour, count(*) AS plays
        FROM plays p WHERE ${here(asked)} AND p.hour < (SELECT closed FROM closed_hours) GROUP BY 1, 2 ORDER BY 1, 2`,
    fields: ["weekday", "hour", "plays"]
  },
  {
    name: "active users",
    ask: (marts, asked) => Effect.map(queries.activeUsers(marts, asked), ({ rows }) => rows),
    sql: ({ period }, { first, last }) => {
      const within = (days: number) =>
        `(SELECT count(DISTINCT user_id) FROM plays WHERE hour // 24 > d - ${days} AND hour // 24 <= d)`
      const from = Math.max(Math.floor(period.from / 24), Math.floor(first / 24))
      const to = Math.min(Math.ceil(period.to / 24), Math.floor(last / 24) + 1)
      return `SELECT strftime(make_timestamp(d * 86400000000), '%Y-%m-%d') AS date, ${within(1)} AS dau, ${within(7)} AS wau, ${within(28)} AS mau
        FROM range(${from}, ${Math.max(from, to)}) r(d) ORDER BY d`
    },
    fields: ["date", "dau", "wau", "mau"]
  },
  {
    name: "skips",
    ask: rowsOf(queries.skips),
    sql: (asked) =>
      `SELECT level, count(*) AS plays, ${skips} FROM plays WHERE ${here(asked)} GROUP BY level ORDER BY level`,
    fields: ["level", "plays", "skips"]
  },
  {
    name: "level changes",
    ask: rowsOf(queries.levelChanges),
    sql: ({ period }) => {
      const [from, to] = [Math.floor(period.from / 24) * 24, Math.ceil(period.to / 24) * 24]
      return `WITH runs AS (
          SELECT user_id, level, epoch_us(valid_from) AS us FROM versions WINDOW w AS (PARTITION BY user_id ORDER BY valid_from)
          QUALIFY row_number() OVER w = 1 OR lag(level) OVER w <> level
        ), steps AS (
          SELECT lag(level) OVER w AS level, level AS after, us, (us - lag(us) OVER w) // 1000000 AS seconds
          FROM runs WINDOW w AS (PARTITION BY user_id ORDER BY us)
        ), changes AS (
          SELECT CASE after WHEN 'paid' THEN 'upgrades' ELSE 'downgrades' END AS change, level, count(*) AS changes, sum(seconds) AS seconds
          FROM steps WHERE level IS NOT NULL AND us // 3600000000 >= ${from} AND us // 3600000000 < ${to} GROUP BY 1, 2
          UNION ALL
          SELECT 'cancellations', level, count(*), NULL FROM cancelled WHERE day >= ${from / 24} AND day < ${to / 24} GROUP BY level
        ), heard AS (
          SELECT level, count(DISTINCT user_id) AS listeners FROM plays WHERE hour >= ${from} AND hour < ${to} GROUP BY level
        )
        SELECT change, level, changes, coalesce(listeners, 0) AS listeners, round(seconds / 86400 / changes, 1)::DOUBLE AS "meanDays"
        FROM changes LEFT JOIN heard USING (level) ORDER BY change = 'cancellations', change DESC, level`
    },
    fields: ["change", "level", "changes", "listeners", "meanDays"]
  },
  {
    // Weeks by number: the epoch's first day was a Thursday.
    name: "retention",
    ask: rowsOf(queries.retention),
    sql: ({ period }, { last }) => {
      const day = Math.ceil(period.to / 24)
      const weekOf = (hour: string) => `(${hour} // 24 + 3) // 7`
      return `WITH cohorts AS (
          SELECT ${weekOf("first_play")} AS cohort, count(*) AS users FROM first_plays GROUP BY 1
        ), returns AS (
          SELECT ${weekOf("first_play")} AS cohort, ${weekOf("hour")} AS week, count(DISTINCT p.user_id) AS returned
          FROM ${played} p WHERE p.user_id IS NOT NULL GROUP BY 1, 2
        )
        SELECT strftime(make_timestamp((c.cohort * 7 - 3) * 86400000000), '%Y-%m-%d') AS cohort, n AS week, c.users, coalesce(r.returned, 0) AS returned
        FROM cohorts c CROSS JOIN range(8) w(n) LEFT JOIN returns r ON r.cohort = c.cohort AND r.week = c.cohort + n
        WHERE c.cohort * 7 - 3 < ${day} AND c.cohort * 7 - 3 >= ${day} - 56 AND (c.cohort + n) * 7 - 3 < ${day} AND c.cohort + n <= ${weekOf(String(last))}
        ORDER BY c.cohort, n`
    },
    fields: ["cohort", "week", "users", "returned"]
  },
  {
    name: "devices",
    ask: rowsOf(queries.devices),
    sql: (asked) =>
      `SELECT browser, os, form, count(DISTINCT user_id) AS listeners, count(*) AS plays, ${skips}
        FROM plays LEFT JOIN agents ON plays.agent = agents.agent WHERE ${here(asked)}
        GROUP BY browser, os, form ORDER BY listeners DESC, plays DESC, browser, os, form`,
    fields: ["browser", "os", "form", "listeners", "plays", "skips"]
  }
]

const lineOf = (row: object, fields: ReadonlyArray<string>): string =>
  fields.map((field) => String((row as SqlRow)[field] ?? "–")).join(" ")

const compare = (
  name: string,
  asked: Asked,
  fields: ReadonlyArray<string>,
  expected: ReadonlyArray<object>,
  found: ReadonlyArray<object>
): ReadonlyArray<Difference> => {
  const scope = `[${hourText(asked.period.from)}, ${hourText(asked.period.to)}) ${asked.state ?? "all states"}`
  const differences: Array<Difference> = []
  for (let i = 0; i < Math.max(expected.length, found.length); i++) {
    const [want, have] = [expected[i], found[i]].map((row) =>
      row === undefined ? "no row" : lineOf(row, fields)
    )
    if (want !== have)
      differences.push({
        table: `dashboard: ${name}`,
        hour: null,
        what: `${scope}, row ${i + 1} (${fields.join(" ")})`,
        expected: want,
        found: have
      })
  }
  return differences
}

/**
 * Every number of the dashboard, as its own queries give it from the published marts, against a recount of the lake's
 * events (`plays`, `songs_played`), for ranges and states from the seed.
 */
export const checkNumbers = (
  db: AuditDb,
  marts: Marts,
  options: { readonly seed: number; readonly ranges: number },
  notes: ReadonlyArray<string>
): Effect.Effect<Check, ReadFailed> =>
  Effect.gen(function* () {
    const progress = yield* Progress
    const { firstHour, lastHour, through } = marts.manifest
    const name = "dashboard = recount from the lake"
    if (firstHour === null || lastHour === null) return makeCheck(name, 0, "numbers", [], notes)
    const built = { first: firstHour, last: lastHour }
    const closed =
      through === null ? lastHour + 1 : Math.min(lastHour + 1, Math.floor((through + 1) / 3_600_000))
    yield* db.run(`CREATE OR REPLACE TEMP TABLE closed_hours AS SELECT ${closed} AS closed`)
    yield* db.run(
      `CREATE OR REPLACE TEMP TABLE first_plays AS SELECT user_id, min(hour) AS first_play FROM plays WHERE user_id IS NOT NULL GROUP BY user_id`
    )
    const states = yield* db.query(`SELECT DISTINCT state FROM plays WHERE state IS NOT NULL ORDER BY state`)
    const wrong: Array<Difference> = []
    let checked = 0
    const all = scopes(
      options.seed,
      options.ranges,
      built,
      states.map(({ state }) => String(state))
    )
    const report = (done: number) => progress.report("dashboard", { done, total: all.length, unit: "ranges" })
    yield* report(0)
    for (const [i, asked] of all.entries()) {
      for (const { ask, fields, name: number, sql } of numbers) {
        const expected = yield* db.query(sql(asked, built))
        const found = yield* Effect.mapError(ask(marts, asked), ({ message }) => new ReadFailed({ message }))
        checked += Math.max(1, expected.length)
        wrong.push(...compare(number, asked, fields, expected, found))
      }
      yield* report(i + 1)
    }
    yield* progress.finish("dashboard")
    return makeCheck(
      name,
      checked,
      `rows of ${numbers.length} charts over ${all.length} ranges`,
      wrong,
      notes
    )
  })
