import { hourOf } from "@musify/domain/Hour.ts"
import type { Logged } from "./logged.ts"
import { ofTopic } from "./logged.ts"
import { deviceKey } from "./devices.ts"
import { locationKey } from "./locations.ts"
import { groupBy } from "./order.ts"
import type { SongDimension } from "./songs.ts"
import type { UserDimension } from "./users.ts"

/** What the four event facts share. `ts` in epoch ms. */
interface FactHead {
  readonly user_key: bigint
  readonly location_key: bigint
  readonly device_key: bigint
  readonly hour_key: number
  readonly ts: number
  readonly user_id: number | null
  readonly session_id: number
  readonly item_in_session: number
  readonly tag: string | null
  readonly level: string
}

/** One listen event. `duration` in seconds. */
export interface StreamFact extends FactHead {
  readonly song_key: bigint
  readonly artist_key: bigint
  readonly auth: string
  readonly duration: number
}

/** One page view. */
export interface PageViewFact extends FactHead {
  readonly auth: string
  readonly page: string
  readonly method: string
  readonly status: number
}

/** One attempt to log in. */
export interface AuthFact extends FactHead {
  readonly success: boolean
  /** Eventsim's spurious row: not an attempt, but a redirect or an error page after one. Rates leave it out. */
  readonly is_redirect_echo: boolean
}

/** One request to change the level; `level` is the one before it. */
export interface LevelChangeFact extends FactHead {
  readonly auth: string
}

/** A row of the view level_changes. */
export interface LevelChange extends LevelChangeFact {
  readonly level_after: string | null
}

const head = ({ event }: Logged, users: UserDimension): FactHead => ({
  user_key: users.keyAt(event.userId, event.ts),
  location_key: locationKey(event),
  device_key: deviceKey(event.userAgent),
  hour_key: hourOf(event.ts),
  ts: event.ts,
  user_id: event.userId,
  session_id: event.sessionId,
  item_in_session: event.itemInSession,
  tag: event.tag,
  level: event.level
})

/** The rows of fact_streams. */
export const streamFacts = (
  events: Iterable<Logged>,
  users: UserDimension,
  songs: SongDimension
): ReadonlyArray<StreamFact> =>
  ofTopic(events, "listen_events").map((logged) => {
    const { artist_key, song_key } = songs.resolve(logged.event)
    const { auth, duration } = logged.event
    return { ...head(logged, users), song_key, artist_key, auth, duration }
  })

/** The rows of fact_page_views. */
export const pageViewFacts = (events: Iterable<Logged>, users: UserDimension): ReadonlyArray<PageViewFact> =>
  ofTopic(events, "page_view_events").map((logged) => {
    const { auth, method, page, status } = logged.event
    return { ...head(logged, users), auth, page, method, status }
  })

/**
 * The rows of fact_auth. An echo has a 3xx or 4xx page view of the same session, item and time; the time is part of it
 * so that an hour's facts depend on that hour's events alone.
 */
export const authFacts = (events: ReadonlyArray<Logged>, users: UserDimension): ReadonlyArray<AuthFact> => {
  const place = ({ event }: Logged) => `${event.sessionId} ${event.itemInSession} ${event.ts}`
  const refused = new Set(
    ofTopic(events, "page_view_events")
      .filter(({ event }) => event.status >= 300 && event.status < 500)
      .map(place)
  )
  return ofTopic(events, "auth_events").map((logged) => ({
    ...head(logged, users),
    success: logged.event.success,
    is_redirect_echo: refused.has(place(logged))
  }))
}

/** The rows of fact_level_changes. */
export const levelChangeFacts = (
  events: Iterable<Logged>,
  users: UserDimension
): ReadonlyArray<LevelChangeFact> =>
  ofTopic(events, "status_change_events").map((logged) => ({
    ...head(logged, users),
    auth: logged.event.auth
  }))

/**
 * The view level_changes: what came of each request. It is the level of the user's first version after it, unless the
 * user's next request comes before that version: then nothing was changed (a downgrade can end in an Error page).
 */
export const levelChanges = (
  facts: ReadonlyArray<LevelChangeFact>,
  users: UserDimension
): ReadonlyArray<LevelChange> => {
  const byUser = groupBy(facts, (fact) => fact.user_id)
  return facts.map((fact) => {
    const { ts, user_id } = fact
    if (user_id === null) return { ...fact, level_after: null }
    const later = byUser.get(user_id)!.flatMap((other) => (other.ts > ts ? [other.ts] : []))
    const nextRequest = Math.min(...later)
    const next = users.versions.get(user_id)!.find(({ valid_from }) => valid_from > ts)
    const after = next !== undefined && next.valid_from <= nextRequest ? next : users.at(user_id, ts)
    return { ...fact, level_after: after!.level }
  })
}
