import type { Topic } from "@musify/domain/Topic.ts"
import { Buffer } from "node:buffer"

/** Header of what the producer writes: whether the record is an event, or belongs among the dead letters. */
export const kindHeader = "chaos-kind"

/** A record as it is produced. */
export interface ChaosRecord {
  readonly kind: "event" | "bad"
  readonly key: Buffer | null
  readonly value: Buffer | null
}

type Random = () => number

const hourMs = 3_600_000
const pick = <A>(random: Random, list: ReadonlyArray<A>): A => list[Math.floor(random() * list.length)]

const cities = ["Zürich", "Columbus, Ohio", "São Paulo", "東京", "O'Fallon", 'A "quoted" town', "tab\there"]
const artists = ["Beyoncé", "Sigur Rós", "🎷 Quartet", "The\u0000Null", "AC/DC", "\\Back\\slash"]

/**
 * The event number `n` of a run: an event as Eventsim and others write it, with (sessionId, itemInSession) that no other
 * has. Most are of this hour, some late by hours, a few by weeks.
 */
export const chaosEvent = (topic: Topic, n: number, now: number, random: Random): Record<string, unknown> => {
  const late = random()
  const ago = late < 0.9 ? 0 : late < 0.99 ? Math.floor(random() * 4) : Math.floor(random() * 24 * 21)
  const isGuest = random() < 0.1
  const listener = isGuest
    ? { userId: pick(random, ["", null]) }
    : {
        userId: random() < 0.5 ? Math.floor(random() * 5000) : String(Math.floor(random() * 5000)),
        firstName: "Zoë",
        lastName: pick(random, ["O'Neil", "Müller", ""]),
        gender: pick(random, ["M", "F"]),
        registration: now - Math.floor(random() * 1e10),
        city: pick(random, cities),
        state: "OH",
        zip: pick<string | number>(random, ["00501", "43004", 90210]),
        lat: (random() - 0.5) * 180,
        lon: (random() - 0.5) * 360,
        userAgent: '"Mozilla/5.0 (X11; Linux x86_64)"'
      }
  const song = {
    artist: pick(random, artists),
    song: `Song ${Math.floor(random() * 1000)}`,
    duration: 30 + random() * 300
  }
  return {
    ts: now - ago * hourMs - Math.floor(random() * 1000),
    sessionId: Math.floor(n / 7),
    itemInSession: n % 7,
    level: pick(random, ["free", "paid"]),
    ...(topic === "auth_events" ? { success: random() < 0.9 } : { auth: isGuest ? "Guest" : "Logged In" }),
    ...listener,
    ...(topic === "listen_events" ? song : {}),
    ...(topic === "page_view_events"
      ? { page: "NextSong", method: "PUT", status: 200, ...(random() < 0.5 ? song : {}) }
      : {}),
    // A field that no schema knows is left out of the row.
    ...(random() < 0.1 ? { extra: { nested: [1, 2] } } : {})
  }
}

const bad: ReadonlyArray<(event: Record<string, unknown>, random: Random) => Buffer | null> = [
  () => null,
  () => Buffer.alloc(0),
  (event) => Buffer.from(JSON.stringify(event).slice(0, -2)),
  (event) => Buffer.concat([Buffer.from(JSON.stringify(event)).subarray(0, -1), Buffer.from([0xff, 0xfe])]),
  (event) => Buffer.from(JSON.stringify({ ...event, level: 7 })),
  (event) =>
    Buffer.from(
      JSON.stringify({ ...event, sessionId: 0 }).replace('"sessionId":0', '"sessionId":9223372036854775808')
    ),
  () => Buffer.from("[]"),
  (_, random) => Buffer.from(Array.from({ length: 40 }, () => Math.floor(random() * 256))),
  (event) => Buffer.from(JSON.stringify({ ...event, city: "x".repeat(1_100_000) }))
]
/** The last one is large: rarely. */
const smallBad = bad.length - 1

/** The record number `n` of a run, one in a hundred of them bad. */
export const chaosRecord = (topic: Topic, n: number, now: number, random: Random): ChaosRecord => {
  const event = chaosEvent(topic, n, now, random)
  const key = random() < 0.05 ? null : Buffer.from(`device-${n % 997}`)
  if (random() >= 0.01) return { kind: "event", key, value: Buffer.from(JSON.stringify(event)) }
  const make = bad[random() < 0.02 ? smallBad : Math.floor(random() * smallBad)]
  return { kind: "bad", key, value: make(event, random) }
}
