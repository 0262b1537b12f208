import { dayMs, hourMs, hourStart } from "@musify/domain/Hour.ts"
import type { DatetimeRow } from "./datetime.ts"
import { dateOf, midnight, mondayOf } from "./datetime.ts"
import { deviceKey } from "./devices.ts"
import type { AuthFact, PageViewFact, StreamFact } from "./facts.ts"
import type { Logged } from "./logged.ts"
import { groupBy } from "./order.ts"
import type { Play } from "./plays.ts"
import type { Session } from "./sessions.ts"
import type { SongDimension } from "./songs.ts"
import type { KnownVersion, UserDimension } from "./users.ts"

const distinct = <A>(values: Iterable<A | null>): number => {
  const set = new Set(values)
  set.delete(null)
  return set.size
}

const sum = <A>(rows: ReadonlyArray<A>, of: (row: A) => number): number =>
  rows.reduce((total, row) => total + of(row), 0)

/** Plays and seconds listened by hour, listener's version, state, level at the event, gender. */
export interface ListeningRow {
  readonly hour: number
  readonly user_key: bigint
  readonly user_id: number | null
  readonly state: string | null
  readonly level: string
  readonly gender: string | null
  readonly tag: string | null
  readonly device_key: bigint
  readonly plays: number
  readonly seconds: number
  readonly skips: number
}

/** A play's seconds belong to the hour in which it began. */
export const listening = (plays: Iterable<Play>, users: UserDimension): ReadonlyArray<ListeningRow> => {
  const grain = ({ listen: { event } }: Play) => {
    const version = users.at(event.userId, event.ts)
    return {
      hour: Math.floor(event.ts / hourMs) * hourMs,
      user_key: users.keyAt(event.userId, event.ts),
      user_id: event.userId,
      state: event.state,
      level: event.level,
      gender: version?.gender ?? null,
      tag: event.tag,
      device_key: deviceKey(event.userAgent)
    }
  }
  const keyOf = (play: Play) => {
    const { device_key, user_key, ...rest } = grain(play)
    return JSON.stringify([String(user_key), String(device_key), rest])
  }
  return [...groupBy(plays, keyOf).values()].map((group) => ({
    ...grain(group[0]),
    plays: group.length,
    seconds: sum(group, ({ seconds }) => seconds),
    skips: group.filter(({ isSkipped }) => isSkipped).length
  }))
}

/** Plays by hour, state and song. */
export interface SongPlaysRow {
  readonly hour: number
  readonly state: string | null
  readonly song_key: bigint
  readonly artist_key: bigint
  readonly plays: number
}

/** The rows of mart_songs. */
export const songPlays = (plays: Iterable<Play>, songs: SongDimension): ReadonlyArray<SongPlaysRow> => {
  const rows = new Map<string, SongPlaysRow>()
  for (const { listen } of plays) {
    const { state, ts } = listen.event
    const { artist_key, song_key } = songs.resolve(listen.event)
    const hour = Math.floor(ts / hourMs) * hourMs
    const key = JSON.stringify([hour, state, String(song_key)])
    rows.set(key, { hour, state, song_key, artist_key, plays: (rows.get(key)?.plays ?? 0) + 1 })
  }
  return [...rows.values()]
}

/** One user as of now. Times in epoch ms. */
export interface UserRow {
  readonly user_id: number
  readonly gender: string | null
  readonly level: string
  readonly registered_at: number | null
  readonly first_seen: number
  readonly first_play: number | null
  readonly last_seen: number
  /** Begin of the unbroken run of paid versions that ends in the current one. */
  readonly paid_since: number | null
}

const paidSince = (versions: ReadonlyArray<KnownVersion>): number | null => {
  const lastFree = versions.findLastIndex(({ level }) => level !== "paid")
  return versions[lastFree + 1]?.valid_from ?? null
}

/** The rows of mart_users. */
export const userRows = (
  events: Iterable<Logged>,
  streams: Iterable<StreamFact>,
  users: UserDimension
): ReadonlyArray<UserRow> => {
  const seen = groupBy(events, ({ event }) => event.userId)
  const played = groupBy(streams, (fact) => fact.user_id)
  return [...users.versions].map(([userId, versions]) => {
    const current = versions[versions.length - 1]
    const times = seen.get(userId)!.map(({ event }) => event.ts)
    const plays = (played.get(userId) ?? []).map((fact) => fact.ts)
    return {
      user_id: userId,
      gender: current.gender,
      level: current.level,
      registered_at: current.registered_at,
      first_seen: Math.min(...times),
      first_play: plays.length === 0 ? null : Math.min(...plays),
      last_seen: Math.max(...times),
      paid_since: paidSince(versions)
    }
  })
}

/** Distinct users with a play on a day, in the 7 days and in the 28 days that end with it. */
export interface ActiveUsersRow {
  readonly date: string
  readonly dau: number
  readonly wau: number
  readonly mau: number
}

/** The rows of mart_active_users: every day of dim_datetime. */
export const activeUsers = (
  streams: ReadonlyArray<StreamFact>,
  hours: ReadonlyArray<DatetimeRow>
): ReadonlyArray<ActiveUsersRow> =>
  [...new Set(hours.map(({ date }) => date))].map((date) => {
    const end = midnight(date) + dayMs
    const within = (days: number) =>
      distinct(streams.filter(({ ts }) => ts < end && ts >= end - days * dayMs).map(({ user_id }) => user_id))
    return { date, dau: within(1), wau: within(7), mau: within(28) }
  })

/** From free to paid and back in a month, the `2026-11-01` of its first day. */
export interface ConversionRow {
  readonly month: string
  /** Users who were free at some time of the month. */
  readonly free_users: number
  readonly upgrades: number
  readonly downgrades: number
  /** Users with a page view of auth Cancelled. */
  readonly cancellations: number
}

const monthOf = (ts: number): string => `${dateOf(ts).slice(0, 7)}-01`

/** The rows of mart_conversion: every month of dim_datetime. */
export const conversion = (
  pageViews: ReadonlyArray<PageViewFact>,
  users: UserDimension,
  hours: ReadonlyArray<DatetimeRow>
): ReadonlyArray<ConversionRow> => {
  const versions = [...users.versions.values()].flat()
  const changes = [...users.versions.values()].flatMap((own) =>
    own.slice(1).map((version, i) => ({ from: own[i].level, to: version.level, at: version.valid_from }))
  )
  return [...new Set(hours.map(({ hour_start }) => monthOf(hour_start)))].map((month) => {
    const start = midnight(month)
    const year = new Date(start).getUTCFullYear()
    const end = Date.UTC(year, new Date(start).getUTCMonth() + 1, 1)
    const within = (ts: number) => ts >= start && ts < end
    const free = versions.filter(
      ({ level, valid_from, valid_to }) =>
        level === "free" && valid_from < end && (valid_to === null || valid_to > start)
    )
    const changed = (from: string, to: string) =>
      changes.filter((change) => within(change.at) && change.from === from && change.to === to).length
    const cancelled = pageViews.filter(({ auth, ts }) => auth === "Cancelled" && within(ts))
    return {
      month,
      free_users: distinct(free.map(({ user_id }) => user_id)),
      upgrades: changed("free", "paid"),
      downgrades: changed("paid", "free"),
      cancellations: distinct(cancelled.map(({ user_id }) => user_id))
    }
  })
}

/** How many of the users whose first play lay in a week played again `week_number` weeks later. */
export interface RetentionRow {
  /** The Monday of the week. */
  readonly cohort_week: string
  readonly week_number: number
  readonly users: number
  readonly returned: number
}

/** The rows of mart_retention: for each cohort every week up to the last one of dim_datetime. */
export const retention = (
  streams: ReadonlyArray<StreamFact>,
  hours: ReadonlyArray<DatetimeRow>
): ReadonlyArray<RetentionRow> => {
  const weeksOf = new Map<number, Set<string>>()
  for (const [userId, own] of groupBy(streams, (fact) => fact.user_id))
    if (userId !== null) weeksOf.set(userId, new Set(own.map(({ ts }) => mondayOf(ts))))
  const cohorts = groupBy(weeksOf.values(), (weeks) => [...weeks].sort()[0])
  const rows: Array<RetentionRow> = []
  for (const [cohort_week, members] of cohorts) {
    const lastWeek = midnight(mondayOf(hourStart(hours[hours.length - 1].hour_key)))
    const count = Math.round((lastWeek - midnight(cohort_week)) / (7 * dayMs))
    for (let week_number = 0; week_number <= count; week_number++) {
      const week = dateOf(midnight(cohort_week) + week_number * 7 * dayMs)
      const returned = members.filter((weeks) => weeks.has(week)).length
      rows.push({ cohort_week, week_number, users: members.length, returned })
    }
  }
  return rows
}

/** Listeners of a week, the `2026-11-23` of its Monday: who came, stayed, came back and left. */
export interface WeekRow {
  readonly week: string
  readonly listeners: number
  readonly new_listeners: number
  readonly retained: number
  readonly returned: number
  readonly lost: number
}

/** The rows of mart_weeks: every week of dim_datetime. */
export const weeks = (
  streams: ReadonlyArray<StreamFact>,
  hours: ReadonlyArray<DatetimeRow>
): ReadonlyArray<WeekRow> => {
  const users = [...groupBy(streams, (fact) => fact.user_id)]
    .filter(([userId]) => userId !== null)
    .map(([, own]) => new Set(own.map(({ ts }) => mondayOf(ts))))
  return [...new Set(hours.map(({ hour_start }) => mondayOf(hour_start)))].map((week) => {
    const before = dateOf(midnight(week) - 7 * dayMs)
    const here = users.filter((own) => own.has(week))
    const isNew = here.filter((own) => [...own].every((one) => one >= week)).length
    const retained = here.filter((own) => own.has(before)).length
    return {
      week,
      listeners: here.length,
      new_listeners: isNew,
      retained,
      returned: here.length - isNew - retained,
      lost: users.filter((own) => own.has(before) && !own.has(week)).length
    }
  })
}

/** Sessions that began on a day and ended in one way. */
export interface SessionsRow {
  readonly date: string
  readonly ended_how: string | null
  readonly tag: string | null
  readonly sessions: number
  readonly bounces: number
  readonly pages: number
  readonly songs: number
  readonly seconds: number
  readonly seconds_listened: number
}

/** The rows of mart_sessions. */
export const sessionDays = (sessions: Iterable<Session>): ReadonlyArray<SessionsRow> =>
  [
    ...groupBy(sessions, ({ ended_how, started_at, tag }) =>
      JSON.stringify([dateOf(started_at), ended_how, tag])
    ).values()
  ].map((own) => ({
    date: dateOf(own[0].started_at),
    ended_how: own[0].ended_how,
    tag: own[0].tag,
    sessions: own.length,
    bounces: own.filter(({ pages, songs }) => pages <= 1 && songs === 0).length,
    pages: sum(own, ({ pages }) => pages),
    songs: sum(own, ({ songs }) => songs),
    seconds: sum(own, ({ ended_at, started_at }) => Math.floor((ended_at - started_at) / 1000)),
    seconds_listened: sum(own, ({ seconds_listened }) => seconds_listened)
  }))

/** Pages shown in an hour. */
export interface PagesRow {
  readonly hour: number
  readonly page: string
  readonly views: number
  readonly redirects: number
  readonly errors: number
}

/** The rows of mart_pages. */
export const pageHours = (views: Iterable<PageViewFact>): ReadonlyArray<PagesRow> =>
  [...groupBy(views, ({ hour_key, page }) => JSON.stringify([hour_key, page])).values()].map((own) => ({
    hour: hourStart(own[0].hour_key),
    page: own[0].page,
    views: own.length,
    redirects: own.filter(({ status }) => status >= 300 && status < 400).length,
    errors: own.filter(({ status }) => status >= 400 && status < 500).length
  }))

/** Log-ins of an hour. */
export interface LoginsRow {
  readonly hour: number
  readonly level: string
  readonly events: number
  readonly attempts: number
  readonly failures: number
  readonly echoes: number
}

/** The rows of mart_logins. */
export const loginHours = (auth: Iterable<AuthFact>): ReadonlyArray<LoginsRow> =>
  [...groupBy(auth, ({ hour_key, level }) => JSON.stringify([hour_key, level])).values()].map((own) => {
    const attempts = own.filter((one) => !one.is_redirect_echo)
    return {
      hour: hourStart(own[0].hour_key),
      level: own[0].level,
      events: own.length,
      attempts: attempts.length,
      failures: attempts.filter(({ success }) => !success).length,
      echoes: own.length - attempts.length
    }
  })
