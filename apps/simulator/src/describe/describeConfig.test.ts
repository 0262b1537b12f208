import { Schema } from "effect"
import { describe, expect, it } from "vitest"
import { EventsimConfig, type EventsimConfigFile } from "../EventsimConfig.ts"
import { cast, collect, configOf, monday, parsed } from "../testing/collect.ts"
import { describeConfig, type Description } from "./describeConfig.ts"
import { durationsOf } from "./sessionTime.ts"

const dayMs = 86_400_000
const days = 30
const durations = durationsOf(cast.songs)

/** The pages of a state machine that was made to be hard: redirects in a row, long detours between songs, three levels. */
const wayward: EventsimConfigFile = (() => {
  const state = (page: string, level: string, status = 200, auth = "In") => ({
    page,
    auth,
    status,
    method: "GET",
    level
  })
  const ways = (level: string, up: string, down: string) => [
    { source: state("Home", level), dest: state("NextSong", level), p: 0.55 },
    { source: state("Home", level), dest: state("Away", level, 302), p: 0.2 },
    { source: state("Home", level), dest: state("Home", level), p: 0.1 },
    { source: state("Away", level, 302), dest: state("Away", level, 302), p: 0.3 },
    { source: state("Away", level, 302), dest: state("NextSong", level), p: 0.3 },
    { source: state("Away", level, 302), dest: state("Home", level), p: 0.3 },
    { source: state("NextSong", level), dest: state("NextSong", level), p: 0.35 },
    { source: state("NextSong", level), dest: state("Home", level), p: 0.4 },
    { source: state("NextSong", level), dest: state("Up", level), p: 0.02 },
    { source: state("NextSong", level), dest: state("Down", level), p: 0.03 },
    { source: state("NextSong", level), dest: state("Bye", level, 200, "Gone"), p: 0.002 },
    { source: state("Up", level), dest: state("Home", up), p: 0.8 },
    { source: state("Down", level), dest: state("NextSong", down), p: 0.9 }
  ]
  return {
    alpha: 200,
    beta: 100_000,
    damping: 0.05,
    "weekend-damping": 0.3,
    "session-gap": 600,
    "churned-state": "Gone",
    auths: [{ auth: "In", weight: 1 }],
    levels: [
      { level: "free", weight: 3 },
      { level: "paid", weight: 1 },
      { level: "gold", weight: 1 }
    ],
    "new-user-auth": "In",
    "show-user-details": [
      { auth: "In", show: true },
      { auth: "Gone", show: true }
    ],
    "new-session": ["free", "paid", "gold"].flatMap((level) => [
      { ...state("Home", level), weight: 2 },
      { ...state("NextSong", level), weight: 1 }
    ]),
    transitions: [
      ...ways("free", "paid", "free"),
      ...ways("paid", "gold", "free"),
      ...ways("gold", "gold", "paid")
    ]
  }
})()

/** A mean over listeners as a ratio of two sums, with its standard error. */
const ratio = (pairs: Iterable<readonly [over: number, under: number]>) => {
  const list = [...pairs]
  const over = list.reduce((sum, [a]) => sum + a, 0)
  const under = list.reduce((sum, [, b]) => sum + b, 0)
  const value = over / under
  const variance = list.reduce((sum, [a, b]) => sum + (a - value * b) ** 2, 0) / under ** 2
  return { value, error: Math.sqrt(variance) }
}

/** What one listener did; sessions are those that begin within the span, each to its end. */
const makeListener = () => ({
  sessions: 0,
  items: 0,
  songs: 0,
  seconds: 0,
  pages: new Map<string, number>(),
  changes: new Set<string>(),
  firstLevel: undefined as string | undefined,
  level: undefined as string | undefined,
  cancelled: false,
  seenLater: false
})
type Listener = ReturnType<typeof makeListener>

/** Listeners of a simulation that goes on long enough for whoever stays to come again; the first ones are initial. */
const simulated = (
  config: EventsimConfig,
  users: number,
  seed: number,
  after: number
): ReadonlyArray<Listener> => {
  const listeners: Array<Listener> = Array.from({ length: users }, makeListener)
  const lastTs = new Map<number, number>()
  const end = monday + days * dayMs
  for (const event of parsed(collect({ config, users, seed, days: days + after }), "page_view_events")) {
    const number = (event.sessionId - 1) % 100_000_000
    const listener = (listeners[number] ??= makeListener())
    if (event.itemInSession === 0 && event.ts < end) {
      listener.sessions++
      lastTs.set(event.sessionId, event.ts)
    }
    const last = lastTs.get(event.sessionId)
    if (last !== undefined) {
      listener.items++
      if (event.page === "NextSong") listener.songs++
      listener.pages.set(event.page, (listener.pages.get(event.page) ?? 0) + 1)
      listener.seconds += (event.ts - last) / 1000
      lastTs.set(event.sessionId, event.ts)
    }
    if (event.ts >= end) listener.seenLater = true
    else {
      const { level } = listener
      listener.firstLevel ??= event.level
      if (level !== undefined && level !== event.level) listener.changes.add(`${level} to ${event.level}`)
      listener.level = event.level
      if (event.auth === config["churned-state"]) listener.cancelled = true
    }
  }
  return Array.from(listeners, (listener) => listener ?? makeListener())
}

/** Deviations of one figure from its expectation, in standard errors, for the message. */
const compare = (name: string, expected: number, { error, value }: { value: number; error: number }) =>
  `${name}: expected ${expected.toPrecision(4)}, simulated ${value.toPrecision(4)} ± ${error.toPrecision(2)}${
    Math.abs(value - expected) > 4 * error + 0.002 * expected ? " BEYOND" : ""
  }`

const compareAll = (description: Description, listeners: ReadonlyArray<Listener>, users: number) => {
  const per = (over: (l: Listener) => number, under: (l: Listener) => number) =>
    ratio(listeners.map((l) => [over(l), under(l)] as const))
  const initial = listeners.slice(0, users)
  const share = (test: (l: Listener) => boolean) => {
    const value = initial.filter(test).length / users
    return { value, error: Math.sqrt(Math.max(value * (1 - value), 1 / users) / users) }
  }
  const ofLevel = (level: string) =>
    description.classes.filter((c) => c.level === level).reduce((sum, c) => sum + c.listeners, 0)
  const total = listeners.reduce((sum, l) => sum + l.sessions, 0) / users
  return [
    compare(
      "items",
      description.session.items,
      per(
        (l) => l.items,
        (l) => l.sessions
      )
    ),
    compare(
      "songs",
      description.session.songs,
      per(
        (l) => l.songs,
        (l) => l.sessions
      )
    ),
    compare(
      "minutes",
      description.session.minutes,
      per(
        (l) => l.seconds / 60,
        (l) => l.sessions
      )
    ),
    compare("sessions", description.sessionsPerListener, {
      value: total,
      error: ratio(listeners.map((l) => [l.sessions, 1] as const)).error
    }),
    ...description.pages
      .filter((page) => page.share > 0.001)
      .map(({ page, share: expected }) =>
        compare(
          page,
          expected,
          per(
            (l) => l.pages.get(page) ?? 0,
            (l) => l.items
          )
        )
      ),
    ...description.levelChanges.map(({ from, share: expected, to }) =>
      compare(
        `${from} to ${to}`,
        expected * ofLevel(from),
        share((l) => l.firstLevel === from && l.changes.has(`${from} to ${to}`))
      )
    ),
    compare(
      "cancelled",
      description.churn.cancelled,
      share((l) => l.cancelled)
    ),
    compare(
      "churn",
      description.churn.total,
      share((l) => !l.seenLater)
    )
  ]
}

describe("what a config is expected to do is what it does, within the sampling error:", () => {
  it.each<readonly [string, EventsimConfigFile | undefined, Partial<EventsimConfigFile>, number, number]>([
    ["the built-in config", undefined, { "growth-rate": 0, "attrition-rate": 0 }, 900, 2],
    ["the built-in config, growing", undefined, { "growth-rate": 6, beta: 500_000 }, 400, 2],
    ["long detours, redirects in a row, three levels", wayward, {}, 700, 30],
    ["hardly a pause, much attrition", wayward, { alpha: 4, beta: 150_000, "attrition-rate": 4 }, 700, 40],
    ["sessions that take most of the time", wayward, { alpha: 2000, beta: 20_000 }, 250, 3]
  ])("%s", (name, file, changes, users, after) => {
    const config =
      file === undefined
        ? configOf(changes)
        : Schema.decodeUnknownSync(EventsimConfig)({ ...file, ...changes })
    const description = describeConfig(config, durations, { start: monday / 1000, days })
    const lines = compareAll(description, simulated(config, users, name.length, after), users)
    // Who comes seldom is not seen to stay within a few days.
    const known = after < 20 ? lines.slice(0, -1) : lines
    expect(known.filter((line) => line.endsWith("BEYOND"))).toEqual([])
  })
})
