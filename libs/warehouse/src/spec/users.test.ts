import * as fc from "fast-check"
import { expect, test } from "vitest"
import { arbitraryHistory } from "./arbitraryHistories.ts"
import { dedupe } from "./dedupe.ts"
import type { Logged } from "./logged.ts"
import { byTime } from "./order.ts"
import type { UserState } from "./users.ts"
import { UserDimension, mergeUserStates, userStates, versionsOf } from "./users.ts"

const runs = { numRuns: 80 }

test("a user's versions are gapless, half-open, different from their neighbours, and one is current", () => {
  fc.assert(
    fc.property(arbitraryHistory(), ({ events }) => {
      const unique = dedupe(events)
      for (const [userId, versions] of new UserDimension(unique).versions) {
        const own = unique.filter(({ event }) => event.userId === userId)
        expect(versions[0].valid_from).toBe(Math.min(...own.map(({ event }) => event.ts)))
        versions.forEach((version, i) => {
          const next = versions[i + 1]
          expect(version.valid_to).toBe(next === undefined ? null : next.valid_from)
          expect(version.is_current).toBe(next === undefined)
          if (next === undefined) return
          expect(next.valid_from).toBeGreaterThan(version.valid_from)
          const attributes = ({ first_name, gender, last_name, level, registered_at }: typeof version) =>
            JSON.stringify([first_name, last_name, gender, registered_at, level])
          expect(attributes(version)).not.toBe(attributes(next))
        })
      }
    }),
    runs
  )
})

test("the last event of an instant decides what holds from then on", () => {
  fc.assert(
    fc.property(arbitraryHistory(), ({ events }) => {
      const unique = [...dedupe(events)].sort(byTime)
      const users = new UserDimension(unique)
      unique.forEach(({ event }, i) => {
        if (event.userId === null) return
        const version = users.at(event.userId, event.ts)!
        expect(version.valid_from).toBeLessThanOrEqual(event.ts)
        expect(event.ts).toBeLessThan(version.valid_to ?? Infinity)
        const later = unique
          .slice(i + 1)
          .some((other) => other.event.userId === event.userId && other.event.ts === event.ts)
        if (!later) expect([version.level, version.last_name]).toEqual([event.level, event.lastName])
      })
    }),
    runs
  )
})

test("folding the hours in any order, and again, gives the state of one pass", () => {
  fc.assert(
    fc.property(arbitraryHistory(), fc.array(fc.nat(3), { minLength: 1 }), ({ events }, cuts) => {
      const unique = dedupe(events)
      const parts: Array<Array<Logged>> = [[], [], [], []]
      unique.forEach((logged, i) => parts[cuts[i % cuts.length]].push(logged))
      const merged = new Map<number, UserState>()
      for (const part of [...parts.reverse(), parts[0]])
        for (const [userId, state] of userStates(part))
          merged.set(userId, mergeUserStates(state, merged.get(userId) ?? []))
      const whole = userStates(unique)
      expect([...merged.keys()].sort()).toEqual([...whole.keys()].sort())
      for (const [userId, state] of whole)
        expect(versionsOf(userId, merged.get(userId)!)).toEqual(versionsOf(userId, state))
    }),
    runs
  )
})

test("an early event that comes late and changes nothing re-keys nothing", () => {
  fc.assert(
    fc.property(arbitraryHistory(), ({ events }) => {
      const unique = [...dedupe(events)].sort(byTime)
      const first = unique.find(({ event }) => event.userId !== null)
      if (first === undefined) return
      const earlier = { ...first, event: { ...first.event, ts: first.event.ts - 1 } } as Logged
      const userId = first.event.userId!
      const state = userStates(unique).get(userId)!
      const before = versionsOf(userId, state)
      const same = { ...state[0], ts: earlier.event.ts }
      const after = versionsOf(userId, mergeUserStates([same], state))
      expect(after.map(({ user_key }) => user_key)).toEqual(before.map(({ user_key }) => user_key))
    }),
    runs
  )
})
