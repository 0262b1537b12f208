import type { Logged } from "./logged.ts"
import { byTime, groupBy } from "./order.ts"
import type { Play } from "./plays.ts"
import type { UserDimension } from "./users.ts"

/** A row of fact_sessions: one session_id. Times in epoch ms. */
export interface Session {
  readonly session_id: number
  readonly user_key: bigint
  readonly user_id: number | null
  readonly started_at: number
  readonly ended_at: number
  readonly pages: number
  readonly songs: number
  readonly seconds_listened: number
  readonly tag: string | null
  readonly ended_how: string | null
  readonly start_known: boolean
  readonly first_item: number
  readonly last_item: number
}

/** An event that decides an attribute of its session: the earliest or latest of its kind. */
type Witness = Logged | null

/** State of the fold for one session, but for the plays, whose seconds look at their neighbours. */
export interface SessionState {
  readonly session_id: number
  readonly started_at: number
  readonly ended_at: number
  readonly pages: number
  readonly songs: number
  readonly first_item: number
  readonly last_item: number
  /** The first event that names a user: a session often goes from guest to known, and on after a logout. */
  readonly firstKnown: Witness
  /** The first event that names an A/B group. */
  readonly firstTagged: Witness
  /** The last event that has an auth (auth_events have none). */
  readonly lastAuth: Witness
}

const stateOf = (logged: Logged): SessionState => {
  const { itemInSession, sessionId, tag, ts, userId } = logged.event
  return {
    session_id: sessionId,
    started_at: ts,
    ended_at: ts,
    pages: logged.topic === "page_view_events" ? 1 : 0,
    songs: logged.topic === "listen_events" ? 1 : 0,
    first_item: itemInSession,
    last_item: itemInSession,
    firstKnown: userId === null ? null : logged,
    firstTagged: tag === null ? null : logged,
    lastAuth: logged.topic === "auth_events" ? null : logged
  }
}

const choose = (a: Witness, b: Witness, wanted: "first" | "last"): Witness => {
  if (a === null || b === null) return a ?? b
  return byTime(a, b) < 0 === (wanted === "first") ? a : b
}

/**
 * What two disjoint sets of events say about one session. Associative and commutative, so any order of hours gives the
 * same state; not idempotent: an hour that is built again replaces what it said before.
 */
export const mergeSessionStates = (a: SessionState, b: SessionState): SessionState => ({
  session_id: a.session_id,
  started_at: Math.min(a.started_at, b.started_at),
  ended_at: Math.max(a.ended_at, b.ended_at),
  pages: a.pages + b.pages,
  songs: a.songs + b.songs,
  first_item: Math.min(a.first_item, b.first_item),
  last_item: Math.max(a.last_item, b.last_item),
  firstKnown: choose(a.firstKnown, b.firstKnown, "first"),
  firstTagged: choose(a.firstTagged, b.firstTagged, "first"),
  lastAuth: choose(a.lastAuth, b.lastAuth, "last")
})

/** State of each session after events without second copies. */
export const sessionStates = (events: Iterable<Logged>): Map<number, SessionState> =>
  new Map(
    [...groupBy(events, ({ event }) => event.sessionId)].map(([sessionId, own]) => [
      sessionId,
      own.map(stateOf).reduce(mergeSessionStates)
    ])
  )

/** The rows of fact_sessions. The user is the version at the start; its first one if the session begins before it. */
export const sessionRows = (
  states: ReadonlyMap<number, SessionState>,
  plays: Iterable<Play>,
  users: UserDimension
): ReadonlyArray<Session> => {
  const seconds = new Map<number, number>()
  for (const { listen, seconds: listened } of plays)
    seconds.set(listen.event.sessionId, (seconds.get(listen.event.sessionId) ?? 0) + listened)
  return [...states.values()].map(({ firstKnown, firstTagged, lastAuth, ...session }) => {
    const userId = firstKnown === null ? null : firstKnown.event.userId
    return {
      session_id: session.session_id,
      user_key: users.keyAt(userId, session.started_at),
      user_id: userId,
      started_at: session.started_at,
      ended_at: session.ended_at,
      pages: session.pages,
      songs: session.songs,
      seconds_listened: seconds.get(session.session_id) ?? 0,
      tag: firstTagged === null ? null : firstTagged.event.tag,
      ended_how: lastAuth === null || lastAuth.topic === "auth_events" ? null : lastAuth.event.auth,
      start_known: session.first_item <= 0,
      first_item: session.first_item,
      last_item: session.last_item
    }
  })
}
