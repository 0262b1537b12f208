import type { EventColumn } from "@musify/domain/columns.ts"
import { columnsOf } from "@musify/domain/columns.ts"
import type { AuthEvent, ListenEvent, PageViewEvent, StatusChangeEvent } from "@musify/domain/events.ts"
import { dayMs, hourMs } from "@musify/domain/Hour.ts"
import type { Song } from "@musify/domain/Song.ts"
import { songSpellings } from "@musify/domain/songSpellings.ts"
import type { Topic } from "@musify/domain/Topic.ts"
import { topics } from "@musify/domain/Topic.ts"
import * as fc from "fast-check"
import type { Logged } from "./logged.ts"

/** Events in the order in which they reached the log, and the catalog that they were made with. */
export interface History {
  readonly events: ReadonlyArray<Logged>
  readonly catalog: ReadonlyArray<Song>
}

const song = (
  song_id: string,
  artist_id: string,
  artist_name: string,
  title: string,
  duration: number,
  place: readonly [lat: number, lon: number, location: string] | null = null
): Song => ({
  song_id,
  track_id: `TR${song_id}`,
  title,
  artist_id,
  artist_name,
  artist_latitude: place?.[0] ?? null,
  artist_longitude: place?.[1] ?? null,
  artist_location: place?.[2] ?? null,
  release: null,
  year: 2004,
  duration,
  tempo: 120.5,
  key: 7,
  key_confidence: null,
  loudness: -8.25,
  song_hotttnesss: null,
  weight: 1
})

/**
 * Songs that are hard to tell apart: the same strings with other durations, durations that are one float32, a name of
 * two artists, two names of one artist, and strings that CSV quotes and Latin-1 change.
 */
export const trickyCatalog: ReadonlyArray<Song> = [
  song("SOB", "AR1", "Björk", "Jóga", 172.90404, [64.1, -21.9, "Reykjavík"]),
  song("SOA", "AR1", "Björk", "Jóga", 172.904041),
  song("SOC", "AR1", "Bjork", "Hunter", 255.2, [64.1, -22.5, "Iceland"]),
  song("SOD", "AR2", "Sly, Robbie", 'The "Hit", live', 61.5, [18, -76.8, "Kingston"]),
  song("SOE", "AR3", "Twins", "One", 30.25),
  song("SOF", "AR4", "Twins", "One", 45.75),
  song("SOG", "AR4", "Twins", "Two", 3.99)
]

interface Person {
  readonly firstName: string
  readonly lastName: string
  readonly gender: string
  readonly registration: number
}

/** 2026-05-31T22:00Z, a Sunday: its next midnight ends a day, a week and a month. */
const base = Date.UTC(2026, 4, 31, 22)

const people: ReadonlyArray<Person> = [
  { firstName: "Ada", lastName: "Øst", gender: "F", registration: base - 90 * dayMs },
  { firstName: "Bo", lastName: "Li", gender: "M", registration: base + hourMs },
  { firstName: "Cy", lastName: "Ng", gender: "M", registration: base - 1 }
]

const places = [
  { city: "Ukiah", state: "CA", zip: "95482", lat: 39.15, lon: -123.2 },
  { city: "Ukiah", state: "CA", zip: "95482", lat: 39.1, lon: -123.4 },
  { city: "Hagåtña", state: "GU", zip: "96910", lat: 13.47, lon: null },
  { city: null, state: null, zip: null, lat: null, lon: null },
  { city: "Nowhere", state: "ZZ", zip: null, lat: 1, lon: 2 }
] as const

/** Eventsim puts a user agent in quotes. */
const agents = [
  null,
  '"Mozilla/5.0 (Windows NT 6.1; WOW64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/36.0.1985.143 Safari/537.36"',
  "Mozilla/5.0 (iPhone; CPU iPhone OS 7_1_2 like Mac OS X) AppleWebKit/537.51.2 (KHTML, like Gecko) Version/7.0 Mobile/11D257 Safari/9537.53",
  "my player 1.0"
]

type Place = (typeof places)[number]

const steps = ["home", "song", "login", "refused login", "upgrade", "failed downgrade", "downgrade"] as const
const turns = ["logout", "cancel", "rename", "skip items"] as const

interface Step {
  readonly kind: (typeof steps)[number] | (typeof turns)[number]
  /** ms since the step before. */
  readonly gap: number
  readonly pick: number
}

interface Visit {
  readonly user: number
  readonly sessionId: number
  readonly start: number
  readonly known: boolean
  readonly paid: boolean
  readonly firstItem: number
  readonly place: Place
  readonly userAgent: string | null
  readonly tag: string | null
  readonly partition: number
  readonly steps: ReadonlyArray<Step>
}

const arbitraryStep: fc.Arbitrary<Step> = fc.record({
  kind: fc.oneof(
    { weight: 3, arbitrary: fc.constant("song" as const) },
    { weight: 3, arbitrary: fc.constantFrom(...steps) },
    { weight: 1, arbitrary: fc.constantFrom(...turns) }
  ),
  gap: fc.constantFrom(0, 0, 1, 999, 1000, 3000, 30_000, 61_000, 172_000, 45 * 60_000, hourMs),
  pick: fc.nat(1000)
})

const arbitraryVisit: fc.Arbitrary<Visit> = fc.record({
  user: fc.nat(people.length - 1),
  sessionId: fc.integer({ min: 1, max: 5 }),
  start: fc
    .tuple(fc.constantFrom(0, 0, 1, 9, 35 * 24), fc.constantFrom(0, 0, 1, 1799_999, 7_199_000))
    .map(([hours, ms]) => base + hours * hourMs + ms),
  known: fc.boolean(),
  paid: fc.boolean(),
  firstItem: fc.constantFrom(0, 0, 0, 2),
  place: fc.constantFrom(...places),
  userAgent: fc.constantFrom(...agents),
  tag: fc.constantFrom(null, "A", "B"),
  partition: fc.nat(1),
  steps: fc.array(arbitraryStep, { minLength: 1, maxLength: 8 })
})

type Unplaced = { readonly [K in Topic]: Omit<Extract<Logged, { topic: K }>, "offset"> }[Topic]

/** What a listener of the catalog hears: any spelling, exact, printed or other durations; or a song of nobody. */
const heard = (catalog: ReadonlyArray<Song>, pick: number) => {
  const { artist_name, duration, title } = catalog[pick % catalog.length]
  const spellings = songSpellings(artist_name, title)
  const spelling = spellings[pick % spellings.length]
  if (pick % 11 === 0) return { artist: spelling.artist, song: "Unheard of", duration: 20.5 }
  if (pick % 13 === 0) return { artist: "Nobody", song: "Nothing", duration: pick % 2 === 0 ? 0.5 : 7 }
  const printed = Number(Math.fround(duration).toPrecision(8))
  return {
    artist: spelling.artist,
    song: spelling.title,
    duration: [duration, printed, duration + 9][pick % 3]
  }
}

/** Plays a visit the way Eventsim does: a page view at each step, and beside it what the step means. */
const play = (visit: Visit, catalog: ReadonlyArray<Song>): ReadonlyArray<Unplaced> => {
  const events: Array<Unplaced> = []
  const { partition, place, sessionId, tag, userAgent } = visit
  let ts = visit.start
  let itemInSession = visit.firstItem
  let known = visit.known
  let level: "free" | "paid" = visit.paid ? "paid" : "free"
  let person = people[visit.user]
  const push = (kind: Step["kind"], pick: number) => {
    const nobody = { userId: null, firstName: null, lastName: null, gender: null, registration: null }
    const listener = known ? { userId: visit.user + 1, ...person } : nobody
    const auth =
      kind === "cancel" ? "Cancelled" : known ? "Logged In" : pick % 2 === 0 ? "Guest" : "Logged Out"
    const head = { ts, sessionId, itemInSession, level }
    const rest = { ...listener, ...place, userAgent, tag }
    const sound = kind === "song" ? heard(catalog, pick) : { artist: null, song: null, duration: null }
    const status = kind === "refused login" ? 307 : kind === "failed downgrade" ? 404 : 200
    const view: PageViewEvent = { ...head, auth, ...rest, ...sound, page: kind, method: "GET", status }
    events.push({ topic: "page_view_events", event: view, partition })
    if (kind === "song") {
      const listen: ListenEvent = { ...head, auth, ...rest, ...heard(catalog, pick) }
      events.push({ topic: "listen_events", event: listen, partition })
    }
    if (kind === "upgrade" || kind === "downgrade" || kind === "failed downgrade") {
      const change: StatusChangeEvent = { ...head, auth, ...rest }
      events.push({ topic: "status_change_events", event: change, partition })
    }
    if (kind === "login" || kind === "refused login") {
      const login: AuthEvent = { ...head, ...rest, success: known }
      events.push({ topic: "auth_events", event: login, partition })
    }
  }
  for (const { gap, kind, pick } of visit.steps) {
    ts += gap
    if (kind === "login") known = true
    if (kind === "logout") known = false
    if (kind === "rename") person = { ...person, lastName: people[pick % people.length].lastName }
    if (kind === "skip items") itemInSession += 3
    push(kind, pick)
    if (kind === "upgrade") level = "paid"
    if (kind === "downgrade") level = "free"
    itemInSession += 1
  }
  return events
}

const oddTexts = ["", " ", "null", '"', "a, b", "Ã©", "𝄞", "\uffee", "\u0000", "\ufeff", "'", "\\", "\u2028"]

/** Values at and beside the ends of what a column may hold. */
const oddValue = ({ nullable, rule }: EventColumn): fc.Arbitrary<unknown> => {
  const values: Array<unknown> =
    rule.kind === "choice"
      ? [...rule.values]
      : rule.kind === "boolean"
        ? [true, false]
        : rule.kind === "integer"
          ? [0, 1, 299, 300, 499, 500, rule.min, rule.max].filter((n) => n >= rule.min && n <= rule.max)
          : rule.kind === "float"
            ? [0, 5e-324, 0.1, 0.1 + 0.2, 1, rule.min, rule.max]
            : rule.kind === "userId"
              ? [-1, 0, 1, 2, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER]
              : oddTexts
  return fc.constantFrom(...(nullable ? [null, null, ...values] : values))
}

/** Not the domain's derived arbitrary, which takes 0.1 s for an event. */
const arbitraryEvents = topics.map((topic) =>
  fc
    .record(Object.fromEntries(columnsOf(topic).map((column) => [column.name, oddValue(column)])))
    .map((event) => ({ topic, event, partition: 0 }) as unknown as Unplaced)
)

/** An event with extreme values in every field, moved near the others in time so that the span stays small. */
const arbitraryOddEvent: fc.Arbitrary<Unplaced> = fc
  .tuple(
    fc.oneof(...arbitraryEvents),
    fc.integer({ min: 0, max: 3 * hourMs }),
    fc.option(fc.integer({ min: 1, max: 5 }))
  )
  .map(
    ([odd, after, session]) =>
      ({
        ...odd,
        event: { ...odd.event, ts: base + after, sessionId: session ?? odd.event.sessionId }
      }) as Unplaced
  )

/** A retried producer's second copy: the same event, or one of the same natural key whose other fields differ. */
const retry = (one: Unplaced, changed: boolean): Unplaced =>
  (changed ? { ...one, event: { ...one.event, userAgent: "retry", lat: null, tag: "A" } } : one) as Unplaced

const placeInLog = (events: ReadonlyArray<Unplaced>): ReadonlyArray<Logged> => {
  const ends = new Map<string, number>()
  return events.map((event) => {
    const key = `${event.topic} ${event.partition}`
    const offset = ends.get(key) ?? 0
    ends.set(key, offset + 1)
    return { ...event, offset } as Logged
  })
}

/**
 * Small histories in which everything that is rare happens often: three users and five session ids that they share,
 * equal timestamps, guests who log in and out, level changes that fail, renames, skipped songs, sessions over midnight,
 * a week's and a month's end, songs spelled in every known way, retried copies, late events, values at the ends of their
 * ranges. `odd: false` leaves the last out.
 */
export const arbitraryHistory = (options: { readonly odd: boolean } = { odd: true }): fc.Arbitrary<History> =>
  fc
    .record({
      visits: fc.array(arbitraryVisit, { maxLength: 6 }),
      odd: fc.array(arbitraryOddEvent, { maxLength: options.odd ? 3 : 0 }),
      retries: fc.array(fc.tuple(fc.nat(), fc.boolean()), { maxLength: 4 }),
      late: fc.array(fc.tuple(fc.nat(), fc.nat()), { maxLength: 6 }),
      songs: fc.subarray([...trickyCatalog], { minLength: 1 })
    })
    .map(({ late, odd, retries, songs, visits }) => {
      const events = [...visits.flatMap((visit) => play(visit, trickyCatalog)), ...odd]
      events.sort((a, b) => a.event.ts - b.event.ts)
      if (events.length > 0) {
        for (const [at, changed] of retries) events.push(retry(events[at % events.length], changed))
        for (const [from, to] of late) {
          const [moved] = events.splice(from % events.length, 1)
          events.splice(to % (events.length + 1), 0, moved)
        }
      }
      return { events: placeInLog(events), catalog: songs }
    })
