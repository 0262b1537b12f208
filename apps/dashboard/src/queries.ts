import { hourOf } from "@musify/domain/Hour.ts"
import { Effect } from "effect"
import type * as A from "./api/answers.ts"
import type { PublishedUnreadable } from "./DashboardError.ts"
import type { Marts, Row } from "./Marts.ts"
import { comparison, dataSpan, hourIso, hourSql, lastDay, previousPeriod } from "./period.ts"
import type { DataSpan, Period } from "./period.ts"

/** What every query is limited to: a span of UTC hours and, unless null, one state ("none": plays without a state). */
export interface Scope {
  readonly period: Period
  readonly state: string | null
}

/** Rows of a chart, and the SQL that gave them. */
export interface Result<R> {
  readonly rows: ReadonlyArray<R>
  readonly sql: string
}
export type Query<R> = (marts: Marts, scope: Scope) => Effect.Effect<Result<R>, PublishedUnreadable>

const nothing: DataSpan = { first: 0, end: 0, closed: 0 }
const spanOf = (marts: Marts): DataSpan => dataSpan(marts.manifest) ?? nothing

const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`
const inState = (state: string | null): string =>
  state === null ? "" : state === "none" ? " AND state IS NULL" : ` AND state = ${literal(state)}`
const within = ({ period, state }: Scope): string =>
  `hour >= ${hourSql(period.from)} AND hour < ${hourSql(period.to)}${inState(state)}`

const tidy = (sql: string): string => sql.trim().replace(/^ {4}/gm, "")
const run = <R>(marts: Marts, text: string, toRow: (row: Row) => R) => {
  const sql = tidy(text)
  return Effect.map(marts.query(sql), (rows): Result<R> => ({ rows: rows.map(toRow), sql }))
}

/** The row as the SQL named and typed its columns; the property tests and the API's schemas hold it to that. */
const as = <R>(row: Row): R => row as unknown as R
const isNew = ({ from, to }: Period, column: string) =>
  `${column} >= ${hourSql(from)} AND ${column} < ${hourSql(to)}`

const totalsSql = (scope: Scope): string => `
    WITH per_user AS (
      SELECT user_id, sum(plays) AS plays, sum(seconds) AS seconds, bool_or(level = 'paid') AS paid
      FROM mart_listening
      WHERE ${within(scope)}
      GROUP BY user_id
    )
    SELECT count(per_user.user_id) AS listeners,
      coalesce(sum(plays), 0)::BIGINT AS plays,
      coalesce(sum(seconds), 0)::BIGINT AS seconds,
      count(per_user.user_id) FILTER (WHERE paid) AS "paidListeners",
      count(per_user.user_id) FILTER (WHERE ${isNew(scope.period, "first_play")}) AS "newListeners"
    FROM per_user LEFT JOIN mart_users ON mart_users.user_id = per_user.user_id`

/** Totals of the period, and of the two spans that its change is measured on. */
export const summary: Query<A.SummaryRow> = (marts, scope) =>
  Effect.gen(function* () {
    const compared = comparison(scope.period, spanOf(marts))
    const spans: Array<readonly [A.SummaryRow["span"], Period]> = [["period", scope.period]]
    if (compared !== undefined) spans.push(["compared", compared.current], ["previous", compared.previous])
    const rows: Array<A.SummaryRow> = []
    for (const [span, period] of spans) {
      const totals = yield* run(marts, totalsSql({ ...scope, period }), as<A.Totals>)
      rows.push({ span, from: hourIso(period.from), to: hourIso(period.to), ...totals.rows[0] })
    }
    return { rows, sql: tidy(totalsSql(scope)) }
  })

/** Periods up to this many hours are cut into hours, longer ones into days. */
const hourlyUpTo = 48

/** Totals of each hour or day of the period that is built. */
export const trend: Query<A.TrendRow> = (marts, scope) => {
  const { from, to } = scope.period
  const span = spanOf(marts)
  const step = to - from <= hourlyUpTo ? 1 : 24
  const unit = step === 1 ? "hour" : "day"
  const sql = `
    WITH per_user AS (
      SELECT date_trunc('${unit}', hour) AS bucket, user_id, sum(plays) AS plays, sum(seconds) AS seconds, bool_or(level = 'paid') AS paid
      FROM mart_listening
      WHERE ${within(scope)}
      GROUP BY ALL
    )
    SELECT epoch_ms(bucket) AS at, count(per_user.user_id) AS listeners,
      sum(plays)::BIGINT AS plays, sum(seconds)::BIGINT AS seconds,
      count(per_user.user_id) FILTER (WHERE paid) AS "paidListeners",
      count(per_user.user_id) FILTER (WHERE date_trunc('${unit}', first_play) = bucket) AS "newListeners"
    FROM per_user LEFT JOIN mart_users ON mart_users.user_id = per_user.user_id
    GROUP BY bucket
    ORDER BY bucket`
  return Effect.map(run(marts, sql, as<A.Totals & { readonly at: number }>), (found): Result<A.TrendRow> => {
    const byHour = new Map(found.rows.map((row) => [hourOf(row.at), row]))
    const rows: Array<A.TrendRow> = []
    const none = { listeners: 0, plays: 0, seconds: 0, paidListeners: 0, newListeners: 0 }
    const begin = Math.floor(Math.max(from, span.first) / step) * step
    for (let hour = begin; hour < Math.min(to, span.end); hour += step) {
      const row = byHour.get(hour) ?? none
      rows.push({ ...none, ...row, at: hourIso(hour), open: hour + step > span.closed })
    }
    return { rows, sql: found.sql }
  })
}

/** Plays by hour of the period's last day, and of the day before it. */
export const activityByHour: Query<A.ActivityRow> = (marts, scope) => {
  const span = spanOf(marts)
  const today = lastDay(scope.period)
  const before = { from: today.from - 24, to: today.from }
  const sql = `
    SELECT epoch_ms(hour) AS at, sum(plays)::BIGINT AS plays
    FROM mart_listening
    WHERE ${within({ ...scope, period: { from: before.from, to: today.to } })}
    GROUP BY hour
    ORDER BY hour`
  return Effect.map(run(marts, sql, as<{ readonly at: number; readonly plays: number }>), (found) => {
    const plays = new Map(found.rows.map((row) => [hourOf(row.at), row.plays]))
    const rebuilt = new Map(marts.manifest.lateHours.map((late) => [late.hour, late.rebuiltAt]))
    const at = (hour: number) => (hour < span.first || hour >= span.end ? null : (plays.get(hour) ?? 0))
    const rows = Array.from({ length: 24 }, (_, hour): A.ActivityRow => {
      const now = today.from + hour
      return {
        hour,
        plays: at(now),
        previousPlays: at(before.from + hour),
        open: now >= span.closed && now < span.end,
        rebuiltAt: rebuilt.get(now) ?? null
      }
    })
    return { rows, sql: found.sql }
  })
}

export const states: Query<A.StateRow> = (marts, scope) =>
  run(
    marts,
    `
    SELECT state, count(DISTINCT user_id) AS listeners, sum(plays)::BIGINT AS plays
    FROM mart_listening
    WHERE ${within(scope)}
    GROUP BY state
    ORDER BY listeners DESC, plays DESC, state`,
    as<A.StateRow>
  )

/** At most this many songs or artists come in one answer. */
export const longestChart = 100

interface RankedOptions {
  readonly key: "song_key" | "artist_key"
  readonly dimension: string
  readonly columns: string
  readonly order: string
}

const rankedSql = (
  marts: Marts,
  scope: Scope,
  limit: number,
  { key, dimension, columns, order }: RankedOptions
) => {
  const previous = previousPeriod(scope.period)
  // Without data for the whole previous period there is no place to compare with.
  const before = previous.from < spanOf(marts).first ? " AND false" : ""
  return `
    WITH now AS (
      SELECT ${key}, sum(plays)::BIGINT AS plays FROM mart_songs
      WHERE ${within(scope)}
      GROUP BY ${key}
    ), before AS (
      SELECT ${key}, sum(plays)::BIGINT AS plays FROM mart_songs
      WHERE ${within({ ...scope, period: previous })}${before}
      GROUP BY ${key}
    ), ranked AS (
      SELECT *, row_number() OVER (ORDER BY plays DESC, ${order}) AS rank
      FROM now JOIN ${dimension} USING (${key})
    ), ranked_before AS (
      SELECT ${key}, row_number() OVER (ORDER BY plays DESC, ${order}) AS previous_rank
      FROM before JOIN ${dimension} USING (${key})
    )
    SELECT rank, previous_rank AS "previousRank", ${columns}, plays
    FROM ranked LEFT JOIN ranked_before USING (${key})
    ORDER BY rank
    LIMIT ${limit}`
}

export const topSongs =
  (limit = 10): Query<A.SongRow> =>
  (marts, scope) =>
    run(
      marts,
      rankedSql(marts, scope, limit, {
        key: "song_key",
        dimension: "dim_songs",
        columns: `song_key::VARCHAR AS "songKey", title, artist_name AS artist`,
        order: "title, artist_name, song_key"
      }),
      as<A.SongRow>
    )

export const topArtists =
  (limit = 10): Query<A.ArtistRow> =>
  (marts, scope) =>
    run(
      marts,
      rankedSql(marts, scope, limit, {
        key: "artist_key",
        dimension: "dim_artists",
        columns: `artist_key::VARCHAR AS "artistKey", name AS artist`,
        order: "name, artist_key"
      }),
      as<A.ArtistRow>
    )

export const gender: Query<A.GenderRow> = (marts, scope) =>
  run(
    marts,
    `
    SELECT gender, count(DISTINCT user_id) AS listeners, sum(plays)::BIGINT AS plays
    FROM mart_listening
    WHERE ${within(scope)}
    GROUP BY gender
    ORDER BY gender`,
    as<A.GenderRow>
  )

export const levelByGender: Query<A.LevelByGenderRow> = (marts, scope) =>
  run(
    marts,
    `
    SELECT level, gender, count(DISTINCT user_id) AS listeners, sum(plays)::BIGINT AS plays
    FROM mart_listening
    WHERE ${within(scope)}
    GROUP BY level, gender
    ORDER BY level, gender`,
    as<A.LevelByGenderRow>
  )

/** Plays by weekday and hour of the day over the closed hours of the period, with the number of such hours. */
export const heatmap: Query<A.HeatmapRow> = (marts, scope) => {
  const span = spanOf(marts)
  const from = Math.max(scope.period.from, span.first)
  const to = Math.max(from, Math.min(scope.period.to, span.closed))
  const period = { from, to }
  return run(
    marts,
    `
    WITH hours AS (
      SELECT unnest(generate_series(${hourSql(from)}, ${hourSql(to)} - INTERVAL 1 HOUR, INTERVAL 1 HOUR)) AS hour
    ), played AS (
      SELECT hour, sum(plays) AS plays FROM mart_listening
      WHERE ${within({ ...scope, period })}
      GROUP BY hour
    )
    SELECT isodow(hour) AS weekday, hour(hour) AS hour, count(*) AS hours, coalesce(sum(plays), 0)::BIGINT AS plays
    FROM hours LEFT JOIN played USING (hour)
    GROUP BY ALL
    ORDER BY weekday, 2`,
    as<A.HeatmapRow>
  )
}

/** Daily, weekly and monthly active listeners of the period's days, all states. */
export const activeUsers: Query<A.ActiveUsersRow> = (marts, { period }) =>
  run(
    marts,
    `
    SELECT strftime(date, '%Y-%m-%d') AS date, dau, wau, mau
    FROM mart_active_users
    WHERE date >= ${hourSql(period.from)}::DATE AND date < ${hourSql(period.to)}
    ORDER BY date`,
    as<A.ActiveUsersRow>
  )

/** The whole days that a period touches. */
const wholeDays = ({ from, to }: Period): Period => ({
  from: Math.floor(from / 24) * 24,
  to: Math.ceil(to / 24) * 24
})
const onDays = ({ from, to }: Period, column: string): string =>
  `${column} >= ${hourSql(from)}::DATE AND ${column} < ${hourSql(to)}::DATE`

/** Upgrades, downgrades and cancellations on the period's days, all states, beside the listeners of their level. */
export const levelChanges: Query<A.LevelChangeRow> = (marts, { period }) => {
  const days = wholeDays(period)
  return run(
    marts,
    `
    WITH steps AS (
      SELECT CASE level_after WHEN 'paid' THEN 'upgrades' WHEN 'free' THEN 'downgrades' ELSE 'cancellations' END AS change,
        level_before AS level, sum(changes)::BIGINT AS changes, sum(seconds_before) AS seconds
      FROM mart_level_steps
      WHERE ${onDays(days, "date")}
      GROUP BY ALL
    ), heard AS (
      SELECT level, count(DISTINCT user_id) AS listeners
      FROM mart_listening
      WHERE ${within({ period: days, state: null })}
      GROUP BY level
    )
    SELECT change, level, changes, coalesce(listeners, 0) AS listeners, round(seconds / 86400 / changes, 1)::DOUBLE AS "meanDays"
    FROM steps LEFT JOIN heard USING (level)
    ORDER BY list_position(['upgrades', 'downgrades', 'cancellations'], change), level`,
    as<A.LevelChangeRow>
  )
}

/** Weekly cohorts that are shown. */
const cohorts = 8

/** The weekly cohorts up to the period's end, and in which weeks up to it they came back. */
export const retention: Query<A.RetentionRow> = (marts, { period }) => {
  const { to } = wholeDays(period)
  const { closed } = spanOf(marts)
  const sql = `
    SELECT strftime(cohort_week, '%Y-%m-%d') AS cohort, week_number AS week, users, returned
    FROM mart_retention
    WHERE ${onDays({ from: to - cohorts * 7 * 24, to }, "cohort_week")}
      AND week_number < ${cohorts} AND cohort_week + 7 * week_number < ${hourSql(to)}::DATE
    ORDER BY cohort_week, week_number`
  return run(marts, sql, (row) => {
    const found = as<Omit<A.RetentionRow, "open">>(row)
    return { ...found, open: hourOf(Date.parse(found.cohort)) + (found.week + 1) * 7 * 24 > closed }
  })
}

export const skips: Query<A.SkipsRow> = (marts, scope) =>
  run(
    marts,
    `
    SELECT level, sum(plays)::BIGINT AS plays, sum(skips)::BIGINT AS skips
    FROM mart_listening
    WHERE ${within(scope)}
    GROUP BY level
    ORDER BY level`,
    as<A.SkipsRow>
  )

export const devices: Query<A.DeviceRow> = (marts, scope) =>
  run(
    marts,
    `
    SELECT browser, os, form, count(DISTINCT user_id) AS listeners, sum(plays)::BIGINT AS plays, sum(skips)::BIGINT AS skips
    FROM mart_listening JOIN dim_devices USING (device_key)
    WHERE ${within(scope)}
    GROUP BY browser, os, form
    ORDER BY listeners DESC, plays DESC, browser, os, form`,
    as<A.DeviceRow>
  )
