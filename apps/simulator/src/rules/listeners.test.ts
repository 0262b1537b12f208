import { Schema } from "effect"
import { describe, expect, it } from "vitest"
import { EventsimConfig, type EventsimConfigFile } from "../EventsimConfig.ts"
import { sessions, transitions } from "../stateTables.ts"
import { type AnyEvent, cast, collect, monday, parsed, type SmallOptions } from "../testing/collect.ts"

/*
 * Rules about listeners over time: how they differ, when they come, join and leave. One small machine; each test says
 * what it changes.
 */

const plain: EventsimConfigFile = {
  alpha: 60,
  beta: 40_000,
  damping: 0,
  "weekend-damping": 0,
  "session-gap": 0,
  "new-user-auth": "Guest",
  auths: [
    { auth: "Guest", weight: 0 },
    { auth: "Logged In", weight: 3 },
    { auth: "Logged Out", weight: 1 }
  ],
  levels: [
    { level: "free", weight: 4 },
    { level: "paid", weight: 1 }
  ],
  "show-user-details": [
    { auth: "Guest", show: false },
    { auth: "Logged In", show: true },
    { auth: "Logged Out", show: false }
  ],
  "new-session": [
    ...sessions("Guest", "free", { Home: 1 }),
    ...["free", "paid"].flatMap((level) => [
      ...sessions("Logged In", level, { Home: 3, Help: 1, About: 0 }),
      ...sessions("Logged Out", level, { Home: 1 })
    ])
  ],
  transitions: [
    ...transitions("Guest", "free", { Home: { "Submit Registration > Logged In": 0.5 } }),
    ...transitions("Logged In", "free", { "Submit Registration": { Home: 1 } }),
    ...["free", "paid"].flatMap((level) => [
      ...transitions("Logged In", level, { Home: { Help: 0.5, About: 0.1 }, Help: { Help: 0.5 } }),
      ...transitions("Logged Out", level, { Home: { Help: 0.2 } })
    ])
  ]
}

const day = 86_400_000
const views = (
  changes: Partial<EventsimConfigFile>,
  options: SmallOptions & { readonly days: number }
): ReadonlyArray<AnyEvent> =>
  parsed(
    collect({
      seed: 11,
      config: Schema.decodeUnknownSync(EventsimConfig)({ ...plain, ...changes }),
      ...options
    }),
    "page_view_events"
  )

const numberOf = (event: AnyEvent): number => (event.sessionId - 1) % 100_000_000
const grouped = <K>(
  events: ReadonlyArray<AnyEvent>,
  key: (event: AnyEvent) => K
): Map<K, Array<AnyEvent>> => {
  const groups = new Map<K, Array<AnyEvent>>()
  for (const event of events) {
    const group = groups.get(key(event))
    if (group === undefined) groups.set(key(event), [event])
    else group.push(event)
  }
  return groups
}
const starts = (events: ReadonlyArray<AnyEvent>) => events.filter((event) => event.itemInSession === 0)
const mean = (values: ReadonlyArray<number>): number => values.reduce((a, b) => a + b, 0) / values.length
const deviation = (values: ReadonlyArray<number>): number => {
  const m = mean(values)
  return Math.sqrt(mean(values.map((x) => (x - m) ** 2)))
}
/** Mean of logs of a log-normal factor of mean 1 is −½, its deviation 1. */
const expectLogNormal = (factors: ReadonlyArray<number>, noise: number) => {
  const logs = factors.map(Math.log)
  expect(Math.abs(mean(logs) + 0.5)).toBeLessThan(4 / Math.sqrt(logs.length) + noise)
  expect(Math.abs(deviation(logs) - 1)).toBeLessThan(4 / Math.sqrt(2 * logs.length) + noise)
}

describe("listeners differ", () => {
  const users = 500
  const long = views({ beta: 6000 }, { users, days: 8 })
  const perListener = [...grouped(long, numberOf).values()]

  it("log-normally in how often they come, and exponentially from time to time", () => {
    const rates = perListener.map((events) => ({ events, sessions: starts(events).length }))
    // Whoever comes seldom is estimated badly: take them as far as the sum allows it.
    expectLogNormal(
      Array.from(
        { length: users },
        (_, i) => rates.find(({ events }) => numberOf(events[0]) === i)?.sessions ?? 0.7
      ).map((n) => (8 * 86_400) / 6000 / n),
      0.12
    )
    const busy = rates
      .filter(({ sessions }) => sessions > 300)
      .map(({ events }) => {
        const times = starts(events).map((e) => e.ts / 1000)
        const gaps = times.slice(1).map((t, n) => t - times[n])
        return deviation(gaps) / mean(gaps)
      })
    expect(busy.length).toBeGreaterThan(20)
    expect(Math.abs(mean(busy) - 1)).toBeLessThan(0.15)
  })

  it("log-normally in how fast they click, independently of how often they come, in whole seconds from 0 on", () => {
    const pauses = perListener.flatMap((events) => {
      const waits = events.flatMap((e, n) =>
        e.itemInSession > 0 && n > 0 ? [(e.ts - events[n - 1].ts) / 1000] : []
      )
      return waits.length < 60 ? [] : [{ wait: mean(waits), sessions: starts(events).length, waits }]
    })
    expect(pauses.length).toBeGreaterThan(200)
    expectLogNormal(
      pauses.map(({ wait }) => (wait + 0.5) / 60),
      0.08
    )
    const [a, b] = [pauses.map((p) => Math.log(p.wait + 0.5)), pauses.map((p) => Math.log(p.sessions))]
    const covariance = mean(a.map((x, n) => (x - mean(a)) * (b[n] - mean(b))))
    expect(Math.abs(covariance / deviation(a) / deviation(b))).toBeLessThan(4 / Math.sqrt(a.length))
    expect(pauses.some(({ waits }) => waits.includes(0))).toBe(true)
  })

  it("keep name, gender, place and user agent for life, also when nobody shows who they are", () => {
    const fixed = (keys: ReadonlyArray<string>, events: ReadonlyArray<AnyEvent>) =>
      new Set(events.map((e) => keys.map((key) => (e as unknown as Record<string, unknown>)[key]).join("|")))
    for (const events of perListener) {
      expect(fixed(["city", "zip", "state", "lat", "lon", "userAgent"], events).size).toBe(1)
      const known = events.filter((e) => e.userId !== undefined)
      expect(fixed(["userId", "firstName", "lastName", "gender", "registration"], known).size).toBeLessThan(2)
    }
    expect(long.some((e) => e.userId === undefined)).toBe(true)
    expect(fixed(["city", "zip"], long).size).toBeGreaterThan(50)
  })

  it("are drawn an auth and a level by weight, never one of weight 0, and start where the weights say", () => {
    const first = perListener.map(([event]) => event)
    const share = (test: (e: AnyEvent) => boolean) => first.filter(test).length / first.length
    const near = (actual: number, p: number) =>
      expect(Math.abs(actual - p)).toBeLessThan(4 * Math.sqrt((p * (1 - p)) / first.length))
    near(
      share((e) => e.auth === "Logged In"),
      0.75
    )
    near(
      share((e) => e.level === "paid"),
      0.2
    )
    near(
      share((e) => e.level === "paid" && e.auth === "Logged Out"),
      0.05
    )
    expect(long.filter((e) => e.auth === "Guest")).toEqual([])
    const begun = starts(long).filter((e) => e.auth === "Logged In")
    const helps = begun.filter((e) => e.page === "Help").length / begun.length
    expect(Math.abs(helps - 0.25)).toBeLessThan(0.01)
    expect(begun.filter((e) => e.page === "About")).toEqual([])
  })

  it("have ids from the first one on, and sessions that are numbered per listener", () => {
    const ids = new Set(long.flatMap((e) => e.userId ?? []))
    expect(Math.min(...ids)).toBeLessThan(10)
    expect(Math.max(...ids)).toBeLessThanOrEqual(users)
    expect(long.filter((e) => e.userId !== undefined && e.userId !== numberOf(e) + 1)).toEqual([])
    for (const events of perListener) {
      const numbers = [...new Set(events.map((e) => Math.floor(e.sessionId / 100_000_000)))]
      expect(numbers).toEqual(numbers.map((_, n) => numbers[0] + n))
    }
    const least = (changes: Partial<EventsimConfigFile>) =>
      Math.min(...views({ beta: 6000, ...changes }, { users: 20, days: 1 }).flatMap((e) => e.userId ?? []))
    const base = least({})
    expect(least({ "first-user-id": 501 })).toBe(base + 500)
    // Eventsim counts up first.
    expect(least({ "first-user-id": 501, "eventsim-compatible": true })).toBe(base + 501)
  })
})

describe("sessions", () => {
  it("begin as often right after the start as later: listeners are in the middle of their lives", () => {
    const times = starts(views({ beta: 200_000 }, { users: 3000, days: 8 })).map((e) => e.ts - monday)
    const perDay = Array.from({ length: 8 }, (_, n) => times.filter((t) => Math.floor(t / day) === n).length)
    for (const n of perDay) expect(Math.abs(n - mean(perDay))).toBeLessThan(5 * Math.sqrt(mean(perDay)) + 10)
    expect(
      views({ alpha: 4000, beta: 50_000 }, { users: 300, days: 1 }).filter(
        (e, n, all) =>
          e.itemInSession > 0 && !all.slice(0, n).some((other) => other.sessionId === e.sessionId)
      ).length
    ).toBeGreaterThan(5)
  })

  it("lie at least the session gap apart, and the mean of the gaps is beta and the gap", () => {
    const gaps: Array<number> = []
    for (const events of grouped(
      views({ beta: 2000, "session-gap": 5000 }, { users: 200, days: 20 }),
      numberOf
    ).values()) {
      for (const [n, e] of events.entries()) {
        if (e.itemInSession === 0 && n > 0) gaps.push((e.ts - events[n - 1].ts) / 1000)
      }
    }
    expect(gaps.reduce((a, b) => Math.min(a, b), 1e9)).toBeGreaterThanOrEqual(5000)
    expect(gaps.length).toBeGreaterThan(10_000)
    // Those who come more often have more of the gaps: their mean is below beta.
    expect(mean(gaps)).toBeGreaterThan(5500)
    expect(mean(gaps)).toBeLessThan(7000)
  })

  it("do not begin on days off when all of them are refused there", () => {
    const events = views(
      { "weekend-damping": 1, "weekend-damping-offset": 0, "weekend-damping-scale": 0 },
      { users: 300, days: 14 }
    )
    const days = new Set(starts(events).map((e) => new Date(e.ts).getUTCDay()))
    expect([...days].sort()).toEqual([1, 2, 3, 4, 5])
  })

  it("move with the daily rhythm towards 15:00, each by the shift of its second", () => {
    const hours = (changes: Partial<EventsimConfigFile>, options: SmallOptions = {}) => {
      const counts = new Float64Array(24)
      const times = starts(views({ beta: 200_000, ...changes }, { users: 2500, days: 7, ...options }))
      for (const e of times) counts[new Date(e.ts).getUTCHours()] += 24 / times.length
      return counts
    }
    for (const share of hours({})) expect(Math.abs(share - 1)).toBeLessThan(0.25)
    const warped = hours({ damping: 0.0625 })
    // Density at the fixed points: 1 / (1 ± 2π · damping).
    expect(Math.abs(warped[15] - 1 / (1 - 2 * Math.PI * 0.0625))).toBeLessThan(0.3)
    expect(Math.abs(warped[3] - 1 / (1 + 2 * Math.PI * 0.0625))).toBeLessThan(0.12)
    // By local time, California (UTC − 7 in June) peaks at 22:00 UTC.
    const places = cast.places.filter(({ value }) => value.state === "CA")
    const local = hours({ damping: 0.0625, "local-time": true }, { cast: { ...cast, places } })
    expect(Math.abs(local[22] - 1 / (1 - 2 * Math.PI * 0.0625))).toBeLessThan(0.3)
    expect(Math.abs(local[10] - 1 / (1 + 2 * Math.PI * 0.0625))).toBeLessThan(0.12)
  })
})

describe("a population", () => {
  it("grows exponentially, by guests of the new users' level who register", () => {
    const users = 2000
    const events = views({ "growth-rate": 8, beta: 400_000 }, { users, days: 40 })
    const firstSeen = new Map<number, AnyEvent>()
    for (const e of events) if (!firstSeen.has(numberOf(e))) firstSeen.set(numberOf(e), e)
    const joined = [...firstSeen].filter(([n]) => n >= users).map(([, e]) => e)
    const by = (days: number) => joined.filter((e) => e.ts < monday + days * day).length
    for (const days of [10, 20, 40]) {
      const expected = users * (Math.exp((8 * days) / 365.25) - 1)
      expect(Math.abs(by(days) - expected)).toBeLessThan(5 * Math.sqrt(expected) + 0.01 * expected)
    }
    expect(new Set(joined.map((e) => `${e.auth} ${e.level} ${e.itemInSession}`))).toEqual(
      new Set(["Guest free 0"])
    )
    const registered = new Map<number, number>()
    for (const e of events) {
      if (e.userId === undefined || numberOf(e) < users) continue
      if (!registered.has(e.userId)) registered.set(e.userId, e.ts)
      if (e.registration !== registered.get(e.userId)) expect(e.registration).toBe(registered.get(e.userId))
    }
    expect(registered.size).toBeGreaterThan(500)

    const others = views(
      { "growth-rate": 8, "new-user-auth": "Logged Out", "new-user-level": "paid" },
      { users: 100, days: 20 }
    ).filter((e) => numberOf(e) >= 100)
    expect(new Set(others.map((e) => `${e.auth} ${e.level}`))).toEqual(new Set(["Logged Out paid"]))
  })

  it("has registered over the last five years, as it has grown; in Eventsim exponentially with the rate", () => {
    const ages = (changes: Partial<EventsimConfigFile>) => {
      const all = new Map<number, number>()
      for (const e of views({ beta: 30_000, ...changes }, { users: 1500, days: 4 })) {
        if (e.userId !== undefined && e.userId <= 1500)
          all.set(e.userId, (monday - e.registration!) / day / 365.25)
      }
      return [...all.values()]
    }
    const even = ages({})
    expect(Math.abs(mean(even) - 2.5)).toBeLessThan(0.2)
    expect(Math.max(...even)).toBeLessThanOrEqual(5)
    expect(Math.min(...even)).toBeGreaterThanOrEqual(0)
    const growing = ages({ "growth-rate": 1 })
    expect(Math.abs(mean(growing) - (1 - (5 * Math.exp(-5)) / (1 - Math.exp(-5))))).toBeLessThan(0.15)
    const eventsim = ages({ "growth-rate": 0.25, "eventsim-compatible": true })
    expect(Math.abs(mean(eventsim) - 0.25)).toBeLessThan(0.04)
    expect(Math.abs(deviation(eventsim) - 0.25)).toBeLessThan(0.05)
    expect(Math.max(...ages({ "growth-rate": 4, "eventsim-compatible": true }))).toBe(5)
    expect(ages({ "growth-rate": 0, "eventsim-compatible": true }).every((age) => age === 0)).toBe(true)
  })

  it("loses by attrition what the rate per year says, from the start on, and nobody without", () => {
    const users = 1000
    const stay = (rate: number) => {
      const changes = { beta: 80_000, "attrition-rate": rate }
      // Listeners who still come in the last 10 of 50 days.
      const late = views(changes, { users, days: 50 }).filter((e) => e.ts > monday + 40 * day)
      return new Set(late.map(numberOf)).size / users
    }
    const all = stay(0)
    expect(all).toBeGreaterThan(0.9)
    const expected = Math.exp((-3 * 40) / 365.25)
    expect(Math.abs(stay(3) / all - expected)).toBeLessThan(
      4 * Math.sqrt((expected * (1 - expected)) / users) + 0.005
    )
  })
})
