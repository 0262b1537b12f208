import { topics } from "@musify/domain/Topic.ts"
import { Either } from "effect"
import fc from "fast-check"
import { setImmediate } from "node:timers/promises"
import { expect, it } from "vitest"
import { type EventsimConfigFile, type State, stateKey } from "../EventsimConfig.ts"
import { parseConfig } from "../readConfig.ts"
import { collect, monday } from "../testing/collect.ts"

/*
 * Small state machines of all kinds are simulated, and every event is checked against the rules of the model, which
 * are said here once more, as plainly as they can be.
 */

const auths = ["Guest", "Logged In", "Gone"]
const levels = ["free", "paid"]
const pages = [
  "NextSong",
  "NextSong",
  "Home",
  "Login",
  "Login",
  "Submit Upgrade",
  "Submit Downgrade",
  "Other"
]

const state: fc.Arbitrary<State> = fc
  .record({
    page: fc.constantFrom(...pages),
    // Where many leave, few are left to look at.
    auth: fc.constantFrom(...auths, ...auths.slice(0, 2), ...auths.slice(0, 2), ...auths.slice(0, 2)),
    status: fc.constantFrom(200, 200, 299, 300, 307, 398, 399, 404),
    method: fc.constantFrom("GET", "PUT"),
    level: fc.constantFrom(...levels)
  })
  // A page that plays is no redirect in any config.
  .map((s) => (s.page === "NextSong" ? { ...s, status: 200 } : s))

const index = fc.integer({ min: 0, max: 8 })

/** Configs that can be run: whoever ends a session can begin another one. */
const config: fc.Arbitrary<EventsimConfigFile> = fc
  .record({
    states: fc.uniqueArray(state, { minLength: 3, maxLength: 9, selector: stateKey }),
    ways: fc.array(fc.tuple(index, index, fc.integer({ min: 0, max: 9 })), {
      minLength: 8,
      maxLength: 30
    }),
    weights: fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 9, maxLength: 9 }),
    shown: fc.tuple(fc.boolean(), fc.boolean(), fc.boolean()),
    end: fc.double({ min: 0.05, max: 0.6, noNaN: true }),
    alpha: fc.constantFrom(1, 20, 60, 100, 1000),
    beta: fc.constantFrom(4000, 20_000, 40_000),
    gap: fc.constantFrom(0, 1, 1800),
    damping: fc.constantFrom(0, 0.0625, 0.5),
    weekend: fc.constantFrom(0, 0.5, 1),
    tag: fc.option(fc.string(), { nil: undefined }),
    compatible: fc.boolean()
  })
  .map(({ alpha, beta, compatible, damping, end, gap, shown, states, tag, ways, weekend, weights }) => {
    const raw = ways.map(([a, b, p]) => ({
      source: states[a % states.length],
      dest: states[b % states.length],
      p
    }))
    const sums = new Map<string, number>()
    for (const { p, source } of raw) sums.set(stateKey(source), (sums.get(stateKey(source)) ?? 0) + p)
    const transitions = raw.map((t) => ({
      ...t,
      p: t.p === 0 ? 0 : (t.p / Math.max(1e-9, sums.get(stateKey(t.source))!)) * (1 - end)
    }))
    // Every state that transitions name may begin a session of its own class; some weights are 0.
    const named = new Map(transitions.flatMap((t) => [t.source, t.dest]).map((s) => [stateKey(s), s]))
    const first = new Set<string>()
    const starts = [...named.values()].map((s, n) => {
      const key = `${s.auth}/${s.level}`
      const weight = first.has(key) ? weights[n % weights.length] : 1
      first.add(key)
      return { ...s, weight }
    })
    const [begin] = starts.filter(({ weight }) => weight > 0)
    return {
      alpha,
      beta,
      damping,
      "weekend-damping": weekend,
      "session-gap": gap,
      "churned-state": "Gone",
      "new-session": starts,
      transitions,
      auths: [
        { auth: begin.auth, weight: 2 },
        { auth: "Nobody", weight: 0 }
      ],
      levels: [{ level: begin.level, weight: 1 }],
      "show-user-details": auths.map((auth, n) => ({ auth, show: shown[n] })),
      ...(tag === undefined ? {} : { tag }),
      ...(compatible ? { "eventsim-compatible": true } : {})
    }
  })

type Event = Record<string, unknown> & {
  readonly ts: number
  readonly sessionId: number
  readonly itemInSession: number
}

const place = ["city", "zip", "state", "userAgent", "lon", "lat"]
const person = ["userId", "lastName", "firstName", "gender", "registration"]
const song = ["artist", "song", "duration"]
const users = 30
const days = 3

/** Throws with the events that break a rule: a call of expect for each would take most of the time. */
const must = (holds: boolean, rule: string, ...events: ReadonlyArray<unknown>): void => {
  if (!holds) throw new Error(`${rule}: ${JSON.stringify(events)}`)
}

it("every event of every config obeys the rules of the model", async () => {
  let ran = 0
  let songsJoined = 0
  let echoes = 0
  const check = (file: EventsimConfigFile) => {
    const read = parseConfig(JSON.stringify(file), "c.json")
    // Combinations of auth and level without a start are the one fault that is left.
    if (Either.isLeft(read)) throw read.left
    const { config } = read.right
    ran++
    const lines = collect({ config, users, seed: 4, days })
    const events = (t: number) => (lines.get(`${topics[t]}/0`) ?? []).map((line) => JSON.parse(line) as Event)
    const [listens, views, auth, changes] = topics.map((_, t) => events(t))

    const last = new Map<string, number>()
    for (const { dest, p, source } of config.transitions) last.set(stateKey(source) + stateKey(dest), p)
    const shows = new Map(config["show-user-details"].map((entry) => [entry.auth, entry.show]))
    const tag = config.tag === undefined ? [] : ["tag"]
    const compatible = config["eventsim-compatible"] === true
    const expected: Array<Array<Event>> = [[], [], [], []]
    const only = (event: Event, keys: ReadonlyArray<string>) =>
      Object.fromEntries(keys.map((key) => [key, event[key]])) as Event

    const bySession = new Map<number, Array<Event>>()
    for (const event of views) {
      const session = bySession.get(event.sessionId)
      if (session === undefined) bySession.set(event.sessionId, [event])
      else session.push(event)
    }
    const who = new Map<Event, { readonly afterLogin: boolean }>()
    const endOf = new Map<number, Event>()
    for (const [id, session] of bySession) {
      const listener = id % 100_000_000
      const earlier = endOf.get(listener)
      const isWhole = session[0].itemInSession === 0
      if (earlier !== undefined) {
        const first = session[0]
        must(id - earlier.sessionId === 100_000_000, "sessions are numbered one by one", earlier, first)
        must(earlier["auth"] !== "Gone", "whoever has left is gone", earlier, first)
        must(isWhole, "only the first session can have begun before", first)
        must(
          first["auth"] === earlier["auth"] && first["level"] === earlier["level"],
          "auth and level are kept",
          earlier,
          first
        )
        must(first.ts >= earlier.ts, "sessions do not overlap", earlier, first)
        must(
          config.damping > 0 || first.ts - earlier.ts >= config["session-gap"] * 1000,
          "a gap lies between sessions",
          earlier,
          first
        )
      }
      const start = config["new-session"].find((s) => stateKey(s) === stateKey(session[0] as never))
      must(!isWhole || (start !== undefined && start.weight > 0), "a session begins where it may", session[0])
      endOf.set(listener, session[session.length - 1])

      let songEnd: number | undefined
      // What came before the first visible event is not known.
      let previousPage: unknown = isWhole ? undefined : "?"
      for (const [n, event] of session.entries()) {
        const before = session[n - 1]
        if (before !== undefined) {
          must(event.itemInSession === before.itemInSession + 1, "items are numbered", before, event)
          const p = last.get(stateKey(before as never) + stateKey(event as never))
          must(p !== undefined && p > 0, "a transition leads there", before, event)
          const status = event["status"] as number
          const isRedirect = status >= 300 && status <= 398
          if (isRedirect) must(event.ts - before.ts === 1000, "redirects take a second", before, event)
          else if (event["page"] === "NextSong" && songEnd !== undefined && before.ts < songEnd) {
            must(event.ts === songEnd, "songs are heard to their end", before, event)
            songsJoined++
          } else must(event.ts >= before.ts, "time does not go back", before, event)
          if (!(compatible && isRedirect)) previousPage = before["page"]
        }
        if (event["page"] === "NextSong") {
          songEnd = event.ts + Math.floor(Math.fround(event["duration"] as number)) * 1000
        }
        if (previousPage === "Login" && compatible && before?.["page"] !== "Login") echoes++
        who.set(event, { afterLogin: previousPage === "Login" })
      }
    }

    for (const event of views) {
      must(
        event.ts > monday && event.ts < monday + days * 86_400_000 && event.ts % 1000 === 0,
        "whole seconds within the span",
        event
      )
      const details = shows.get(event["auth"] as string) === true ? [...person, ...tag] : []
      const isSong = event["page"] === "NextSong"
      const keys = [
        ...["ts", "sessionId", "page", "auth", "method", "status", "level", "itemInSession"],
        ...place,
        ...details,
        ...(isSong ? song : [])
      ]
      must(Object.keys(event).join() === keys.join(), "fields are there, in order", event)
      must(!details.includes("tag") || event["tag"] === config.tag, "the tag is the config's", event)
      const common = ["ts", "sessionId", "auth", "level", "itemInSession", ...place, ...details]
      if (isSong) expected[0].push(only(event, [...song, ...common]))
      if (event["page"] === "Submit Upgrade" || event["page"] === "Submit Downgrade") {
        expected[3].push(only(event, common))
      }
      if (who.get(event)!.afterLogin) {
        const fields = common.filter((key) => key !== "auth")
        expected[2].push({ ...only(event, fields), success: event["auth"] === "Logged In" })
      }
    }
    const texts = (list: ReadonlyArray<Event>) => list.map((event) => JSON.stringify(event))
    expect(texts(listens)).toEqual(texts(expected[0]))
    expect(texts(changes)).toEqual(texts(expected[3]))
    // The first visible event of a session that began before the start may follow a Login that is not seen.
    const seen = new Set(
      views.filter((e) => bySession.get(e.sessionId)![0].itemInSession === 0).map((e) => e.sessionId)
    )
    const known = (list: ReadonlyArray<Event>) => texts(list.filter((event) => seen.has(event.sessionId)))
    expect(known(auth)).toEqual(known(expected[2]))
  }
  // Each takes a tenth of a second or more: in between the event loop turns (tools/vitestTurn.ts).
  const checkInTurn = async (file: Parameters<typeof check>[0]) => {
    check(file)
    await setImmediate()
  }
  await fc.assert(fc.asyncProperty(config, checkInTurn), { numRuns: 100, seed: 20 })
  expect(ran).toBe(100)
  expect(songsJoined).toBeGreaterThan(500)
  expect(echoes).toBeGreaterThan(0)
})
