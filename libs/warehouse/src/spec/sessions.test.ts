import * as fc from "fast-check"
import { expect, test } from "vitest"
import { arbitraryHistory } from "./arbitraryHistories.ts"
import { dedupe } from "./dedupe.ts"
import type { Logged } from "./logged.ts"
import { ofTopic } from "./logged.ts"
import { byTime } from "./order.ts"
import { playsOf } from "./plays.ts"
import type { SessionState } from "./sessions.ts"
import { mergeSessionStates, sessionRows, sessionStates } from "./sessions.ts"
import { UserDimension, unknownUserKey } from "./users.ts"

const runs = { numRuns: 80 }

test("a session is what its events say, read in order", () => {
  fc.assert(
    fc.property(arbitraryHistory(), ({ events }) => {
      const unique = [...dedupe(events)].sort(byTime)
      const users = new UserDimension(unique)
      const rows = sessionRows(sessionStates(unique), playsOf(ofTopic(unique, "listen_events")), users)
      expect(rows.map((row) => row.session_id).sort()).toEqual(
        [...new Set(unique.map(({ event }) => event.sessionId))].sort()
      )
      for (const row of rows) {
        const own = unique.filter(({ event }) => event.sessionId === row.session_id)
        const auths = own.flatMap((one) => (one.topic === "auth_events" ? [] : [one.event.auth]))
        expect(row.started_at).toBe(own[0].event.ts)
        expect(row.ended_at).toBe(own[own.length - 1].event.ts)
        expect(row.user_id).toBe(own.find(({ event }) => event.userId !== null)?.event.userId ?? null)
        expect(row.ended_how).toBe(auths[auths.length - 1] ?? null)
        expect(row.start_known).toBe(!own.some(({ event }) => event.itemInSession > 0) || row.first_item <= 0)
        if (row.user_id === null) expect(row.user_key).toBe(unknownUserKey)
        else expect(users.versions.get(row.user_id)!.map(({ user_key }) => user_key)).toContain(row.user_key)
      }
    }),
    runs
  )
})

test("folding the hours in any order gives the state of one pass", () => {
  fc.assert(
    fc.property(arbitraryHistory(), fc.array(fc.nat(3), { minLength: 1 }), ({ events }, cuts) => {
      const unique = dedupe(events)
      const parts: Array<Array<Logged>> = [[], [], [], []]
      unique.forEach((logged, i) => parts[cuts[i % cuts.length]].push(logged))
      const merged = new Map<number, SessionState>()
      for (const part of parts.reverse())
        for (const [id, state] of sessionStates(part)) {
          const other = merged.get(id)
          merged.set(id, other === undefined ? state : mergeSessionStates(state, other))
        }
      const byId = (a: [number, SessionState], b: [number, SessionState]) => a[0] - b[0]
      expect([...merged].sort(byId)).toEqual([...sessionStates(unique)].sort(byId))
    }),
    runs
  )
})

test("a play counts its whole seconds, or those until the next play of the session", () => {
  const listen = (ts: number, duration: number, item: number, sessionId = 1) => ({
    topic: "listen_events",
    partition: 0,
    offset: item,
    event: { ts, duration, sessionId, itemInSession: item }
  })
  const plays = playsOf([
    listen(0, 10.9, 0),
    listen(10_000, 30, 1),
    listen(12_999, 5, 2),
    listen(12_999, 7.5, 3),
    listen(11_000, 4, 0, 2)
  ] as never)
  expect(plays.map(({ seconds }) => seconds)).toEqual([10, 2, 0, 7, 4])
})

test("a song that ends when the next begins was not skipped, and no play counts more than its length", () => {
  fc.assert(
    fc.property(arbitraryHistory(), ({ events }) => {
      for (const { listen, seconds } of playsOf(ofTopic(dedupe(events), "listen_events"))) {
        expect(Number.isSafeInteger(seconds)).toBe(true)
        expect(seconds).toBeGreaterThanOrEqual(0)
        expect(seconds).toBeLessThanOrEqual(listen.event.duration)
      }
    }),
    runs
  )
})
