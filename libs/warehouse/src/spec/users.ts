import { surrogateKey } from "@musify/domain/surrogateKey.ts"
import type { Logged } from "./logged.ts"
import { byTime, groupBy } from "./order.ts"

/** One version of a user: a row of dim_users. Times in epoch ms; `valid_to` null = still valid. */
export interface UserVersion {
  readonly user_key: bigint
  readonly user_id: number | null
  readonly first_name: string | null
  readonly last_name: string | null
  readonly gender: string | null
  readonly registered_at: number | null
  readonly level: string | null
  /** Start of the unbroken time at this level. */
  readonly level_since: number | null
  readonly valid_from: number | null
  readonly valid_to: number | null
  readonly is_current: boolean
}

/** A version of a known user. */
export interface KnownVersion extends UserVersion {
  readonly user_id: number
  readonly level: string
  readonly level_since: number
  readonly valid_from: number
}

/** Key of events without a user. */
export const unknownUserKey = surrogateKey("user", null)

/** The member that stands for all guests and logged-out listeners: one row, always there, NULL in all but its key. */
export const unknownUser: UserVersion = {
  user_key: unknownUserKey,
  user_id: null,
  first_name: null,
  last_name: null,
  gender: null,
  registered_at: null,
  level: null,
  level_since: null,
  valid_from: null,
  valid_to: null,
  is_current: true
}

/** What an event says about its user at a time; NULL is a value like any other and nothing is carried forward. */
export interface Snapshot {
  readonly ts: number
  /** Orders the events of one (user, ts): session, item, topic. */
  readonly tie: readonly [sessionId: number, itemInSession: number, topic: string]
  readonly first_name: string | null
  readonly last_name: string | null
  readonly gender: string | null
  readonly registered_at: number | null
  readonly level: string
}

/** State of the fold for one user: the last snapshot of each instant, rising in time. */
export type UserState = ReadonlyArray<Snapshot>

const snapshotOf = ({ topic, event }: Logged): Snapshot => ({
  ts: event.ts,
  tie: [event.sessionId, event.itemInSession, topic],
  first_name: event.firstName,
  last_name: event.lastName,
  gender: event.gender,
  registered_at: event.registration,
  level: event.level
})

const tieLater = (a: Snapshot, b: Snapshot): boolean => {
  for (let i = 0; i < a.tie.length; i++) if (a.tie[i] !== b.tie[i]) return a.tie[i] > b.tie[i]
  return false
}

/**
 * Two states of one user as one: the last row per instant counts. Associative, commutative and idempotent, so any
 * order and any repetition of hours gives the same state.
 */
export const mergeUserStates = (a: UserState, b: UserState): UserState => {
  const byTs = new Map(a.map((snapshot) => [snapshot.ts, snapshot]))
  for (const snapshot of b) {
    const other = byTs.get(snapshot.ts)
    if (other === undefined || tieLater(snapshot, other)) byTs.set(snapshot.ts, snapshot)
  }
  return [...byTs.values()].sort((x, y) => x.ts - y.ts)
}

/** State of each known user after events without second copies. */
export const userStates = (events: Iterable<Logged>): Map<number, UserState> => {
  const states = new Map<number, UserState>()
  for (const [userId, own] of groupBy([...events].sort(byTime), ({ event }) => event.userId)) {
    if (userId === null) continue
    const lastOf = new Map<number, Snapshot>()
    for (const logged of own) lastOf.set(logged.event.ts, snapshotOf(logged))
    states.set(userId, [...lastOf.values()])
  }
  return states
}

const sameAttributes = (a: Snapshot, b: Snapshot): boolean =>
  a.first_name === b.first_name &&
  a.last_name === b.last_name &&
  a.gender === b.gender &&
  a.registered_at === b.registered_at &&
  a.level === b.level

/**
 * Versions of one user (SCD type 2), in order of time: equal neighbours collapse, validity is half-open at full
 * precision. The first version's key is made of the user alone, so that an early event that comes late re-keys nothing
 * when it changes nothing.
 */
export const versionsOf = (userId: number, state: UserState): ReadonlyArray<KnownVersion> => {
  const changes = state.filter((snapshot, i) => i === 0 || !sameAttributes(state[i - 1], snapshot))
  return changes.map((change, i) => ({
    user_key:
      i === 0 ? surrogateKey("user", userId) : surrogateKey("user", userId, BigInt(change.ts) * 1000n),
    user_id: userId,
    first_name: change.first_name,
    last_name: change.last_name,
    gender: change.gender,
    registered_at: change.registered_at,
    level: change.level,
    level_since: changes[changes.slice(0, i).findLastIndex(({ level }) => level !== change.level) + 1].ts,
    valid_from: change.ts,
    valid_to: i + 1 < changes.length ? changes[i + 1].ts : null,
    is_current: i + 1 === changes.length
  }))
}

/** Versions of all known users. */
export class UserDimension {
  readonly versions: ReadonlyMap<number, ReadonlyArray<KnownVersion>>

  constructor(events: Iterable<Logged>) {
    this.versions = new Map(
      [...userStates(events)].map(([userId, state]) => [userId, versionsOf(userId, state)])
    )
  }

  /** The version valid at `ts` (valid_from ≤ ts < valid_to); the first one before it begins; none without a user. */
  at(userId: number | null, ts: number): KnownVersion | undefined {
    const versions = userId === null ? undefined : this.versions.get(userId)
    return versions?.findLast((version) => version.valid_from <= ts) ?? versions?.[0]
  }

  /** Key for the facts of a user at a time. */
  keyAt(userId: number | null, ts: number): bigint {
    return this.at(userId, ts)?.user_key ?? unknownUserKey
  }

  /** The rows of dim_users. */
  rows(): ReadonlyArray<UserVersion> {
    return [unknownUser, ...[...this.versions.values()].flat()]
  }
}
