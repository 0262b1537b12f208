import { Effect, Either, TestClock, TestContext } from "effect"
import { expect, it } from "vitest"
import { resolveFreely, type SimulationSettings } from "./resolveSettings.ts"

const day = 86_400_000
const now = Date.UTC(2026, 5, 20, 13, 30, 15, 250)

const resolve = (settings: SimulationSettings, begun?: Readonly<Record<string, string>>, at = now) =>
  Effect.runPromise(
    TestClock.setTime(at).pipe(
      Effect.zipRight(resolveFreely({ users: 5, ...settings }, begun)),
      Effect.either,
      Effect.provide(TestContext.TestContext)
    )
  )
const resolved = async (...args: Parameters<typeof resolve>) => Either.getOrThrow(await resolve(...args))
const refused = async (...args: Parameters<typeof resolve>) =>
  Either.getOrThrow(Either.flip(await resolve(...args))).message

const back = (days: number) => ({ kind: "back", ms: days * day }) as const
const at = (ms: number) => ({ kind: "at", ms }) as const

it("begins 14 full days before today when nothing is said, and ends now", async () => {
  const { end, start, until } = await resolved({})
  expect(new Date(start).toISOString()).toBe("2026-06-06T00:00:00.000Z")
  expect([until, end]).toEqual([now, undefined])
})

it("counts periods back from now, in whole seconds", async () => {
  const { end, start, until } = await resolved({ start: back(3), end: back(1) })
  expect(new Date(start).toISOString()).toBe("2026-06-17T13:30:15.000Z")
  expect(end).toBe(until)
  expect(new Date(until).toISOString()).toBe("2026-06-19T13:30:15.000Z")
})

it("goes on with what the output was begun with, later and said the same way", async () => {
  for (const settings of [{}, { days: 3 }, { start: back(3) }, { start: at(now - 5 * day) }]) {
    const first = await resolved(settings)
    const later = await resolved(settings, first.frozen, now + 2 * day)
    expect(later.frozen).toEqual(first.frozen)
    expect(later.start).toBe(first.start)
    // Saying nothing is to say the same.
    expect((await resolved({}, first.frozen, now + 2 * day)).frozen).toEqual(first.frozen)
  }
  const seeded = await resolved({ seed: 9, users: 7 })
  expect((await resolved({ users: undefined }, seeded.frozen)).users).toBe(7)
})

it("tells other settings from those that the output was begun with", async () => {
  const { frozen } = await resolved({ start: back(3) })
  const changed = async (settings: SimulationSettings) => {
    const other = (await resolved(settings, frozen)).frozen
    return Object.keys({ ...frozen, ...other }).filter((name) => frozen[name] !== other[name])
  }
  expect(await changed({ users: 6 })).toEqual(["users"])
  expect(await changed({ seed: 2 })).toEqual(["seed"])
  expect(await changed({ growthRate: 0.5 })).toEqual(["config"])
  expect(await changed({ start: at(now) })).toEqual(["start"])
  expect(await changed({ days: 3 })).toEqual(["days"])
  expect(await refused({ start: back(4) }, frozen)).toContain("leave it out to go on")
})

it("refuses what makes no simulation", async () => {
  expect(await refused({ start: at(Date.UTC(1999, 0, 1)) })).toContain("expected 2000-01-01 or later")
  expect(await refused({ start: at(now), end: at(now - 1000) })).toContain("expected a time after the start")
  expect(await refused({ users: 0 })).toContain("--users")
})
