import type { LoggedOf } from "./logged.ts"
import { byTime, groupBy } from "./order.ts"

/** A listen event, with how long it was listened to. */
export interface Play {
  readonly listen: LoggedOf<"listen_events">
  /** Whole seconds. */
  readonly seconds: number
  /** Whether the session's next play began before the song was over. */
  readonly isSkipped: boolean
}

/**
 * A play counts floor(duration) seconds. When the session's next play begins before that, it was skipped and counts the
 * whole seconds until then. The next play may lie in a later hour, so this is never stored with an hour's facts.
 */
export const playsOf = (listens: Iterable<LoggedOf<"listen_events">>): ReadonlyArray<Play> => {
  const plays: Array<Play> = []
  for (const session of groupBy(listens, ({ event }) => event.sessionId).values()) {
    session.sort(byTime)
    for (let i = 0; i < session.length; i++) {
      const { duration, ts } = session[i].event
      const full = Math.floor(duration)
      const next = session[i + 1]
      const seconds = next === undefined ? full : Math.min(full, Math.floor((next.event.ts - ts) / 1000))
      plays.push({ listen: session[i], seconds, isSkipped: seconds < full })
    }
  }
  return plays
}
