import { DuckDBInstance } from "@duckdb/node-api"
import { bytesColumn } from "@musify/domain/RecordBatch.ts"
import { encodeHeaders } from "@musify/domain/recordHeaders.ts"
import type { Topic } from "@musify/domain/Topic.ts"
import type { EventLogService } from "@musify/stream/EventLog.ts"
import { Effect } from "effect"
import { Buffer } from "node:buffer"
import { join } from "node:path"
import { expect } from "vitest"

/*
 * Ten kinds of bad events among good ones: what is sent, and where each must land. Used on each log and each bucket.
 */

type Event = Readonly<Record<string, unknown>>

const listener = {
  userId: 42,
  firstName: "Zoë",
  lastName: "O'Neil",
  gender: "F",
  registration: 1_700_000_000_000,
  city: "Zürich",
  state: "OH",
  zip: "00501",
  lat: 40.1,
  lon: -83.2,
  userAgent: '"Mozilla/5.0"'
}
const head = { ts: 1_760_000_000_000, level: "paid", ...listener }

/** A good event of a topic; `item` tells them apart. */
const eventOf: Readonly<Record<Topic, (item: number) => Event>> = {
  listen_events: (item) => ({
    ...{ ...head, sessionId: 7, itemInSession: item, auth: "Logged In" },
    ...{ artist: "Beyoncé", song: "Halo", duration: 261.5 }
  }),
  page_view_events: (item) => ({
    ...{ ...head, sessionId: 7, itemInSession: item, auth: "Logged In" },
    ...{ page: "Home", method: "GET", status: 200 }
  }),
  auth_events: (item) => ({ ...head, sessionId: 7, itemInSession: item, success: true }),
  status_change_events: (item) => ({ ...head, sessionId: 7, itemInSession: item, auth: "Logged In" })
}

const text = (event: Event) => JSON.stringify(event)
const json = (event: Event) => Buffer.from(text(event))

export interface BadEvent {
  readonly name: string
  readonly topic: Topic
  readonly value: Buffer | null
  /** The reason of its dead letter; undefined: by the decoder's rules it is a row. */
  readonly reason: string | undefined
}

const levels = 100_000

/** Bad as a producer's mistakes are, by name. The item of each is one that no good event has. */
const badEvents: ReadonlyArray<BadEvent> = [
  {
    name: "invalid JSON",
    topic: "listen_events",
    value: json(eventOf.listen_events(900)).subarray(0, -1),
    reason: "invalid JSON"
  },
  {
    name: "invalid UTF-8",
    topic: "listen_events",
    value: Buffer.from(text(eventOf.listen_events(901)).replace("Halo", "H\u00ffalo"), "latin1"),
    reason: "invalid UTF-8"
  },
  {
    name: "int64 overflow",
    topic: "page_view_events",
    value: Buffer.from(
      text(eventOf.page_view_events(902)).replace('"sessionId":7', '"sessionId":9223372036854775808')
    ),
    reason: "out of range: sessionId is 9223372036854776000, not in [-9007199254740991, 9007199254740991]"
  },
  {
    name: "schema flip: a number becomes text",
    topic: "listen_events",
    value: json({ ...eventOf.listen_events(903), duration: "261.5" }),
    reason: "wrong type: duration is a string, not a number"
  },
  {
    name: "10 MB",
    topic: "page_view_events",
    value: (() => {
      const event = json({ ...eventOf.page_view_events(904), userAgent: "" })
      const value = json({
        ...eventOf.page_view_events(904),
        userAgent: "x".repeat(10_000_000 - event.length)
      })
      return value
    })(),
    reason: "too large: 10000000 bytes, at most 1048576"
  },
  { name: "tombstone", topic: "auth_events", value: null, reason: "null value" },
  { name: "empty", topic: "auth_events", value: Buffer.alloc(0), reason: "invalid JSON" },
  {
    name: "wrong topic: an auth event among the listens",
    topic: "listen_events",
    value: json(eventOf.auth_events(907)),
    reason: "missing: auth"
  },
  {
    name: "deep nesting in a field",
    topic: "status_change_events",
    value: Buffer.from(
      text({ ...eventOf.status_change_events(908), city: "?" }).replace(
        '"?"',
        `${'{"a":'.repeat(levels)}1${"}".repeat(levels)}`
      )
    ),
    reason: "wrong type: city is an object, not a string"
  },
  {
    // A field that the schema does not know is left out, whatever is in it.
    name: "deep nesting in a field that no schema has",
    topic: "status_change_events",
    value: Buffer.from(
      text({ ...eventOf.status_change_events(909), extra: "?" }).replace(
        '"?"',
        `${"[".repeat(levels)}${"]".repeat(levels)}`
      )
    ),
    reason: undefined
  },
  {
    // JSON.parse would silently take the last one: which of the two was meant, nobody can say.
    name: "duplicate keys",
    topic: "status_change_events",
    value: Buffer.from(
      text(eventOf.status_change_events(910)).replace('"level":', '"level":"free","level":')
    ),
    reason: "duplicate key: level"
  }
]

interface Sent {
  readonly topic: Topic
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: ReadonlyArray<readonly [string, Buffer]>
  readonly bad: BadEvent | undefined
}

const topicsUsed: ReadonlyArray<Topic> = [
  "listen_events",
  "page_view_events",
  "auth_events",
  "status_change_events"
]

/** A topic's records: its bad events with good ones before, between and after them. */
const recordsOf = (topic: Topic): ReadonlyArray<Sent> => {
  let item = 0
  const good = (): ReadonlyArray<Sent> =>
    Array.from({ length: 3 }, () => ({
      topic,
      key: Buffer.from("device-1"),
      value: json(eventOf[topic](item++)),
      headers: [],
      bad: undefined
    }))
  return [
    ...badEvents
      .filter((bad) => bad.topic === topic)
      .flatMap((bad, n) => [
        ...good(),
        {
          topic,
          // Keys and headers are any bytes, or none.
          key: n % 3 === 2 ? null : Buffer.from([0x6b, 0xff, 0x00, n]),
          value: bad.value,
          headers: [
            ["trace", Buffer.from(`Zürich ${n}`)],
            ["trace", Buffer.from([0xff, 0x00, n])]
          ] as const,
          bad
        }
      ]),
    ...good()
  ]
}

/** What was sent, with its place and time in the log. */
export interface Placed extends Sent {
  readonly partition: number
  readonly offset: number
  readonly timestamp: number
}

/** Sends all records, good and bad, to partition 0 of their topics. */
export const sendBadEvents = (log: EventLogService): Promise<ReadonlyArray<Placed>> =>
  Effect.runPromise(
    Effect.forEach(topicsUsed, (topic) =>
      Effect.gen(function* () {
        const records = recordsOf(topic)
        const [base] = yield* log.append([
          {
            topic,
            partition: 0,
            records: {
              count: records.length,
              keys: bytesColumn(records.map(({ key }) => key)),
              values: bytesColumn(records.map(({ value }) => value)),
              headers: bytesColumn(records.map(({ headers }) => encodeHeaders(headers)))
            }
          }
        ])
        const timestamps: Array<number> = []
        while (timestamps.length < records.length) {
          const batch = yield* log.read(topic, 0, base + timestamps.length, 1 << 20)
          timestamps.push(...batch.timestamps)
        }
        return records.map((sent, i): Placed => ({
          ...sent,
          partition: 0,
          offset: base + i,
          timestamp: timestamps[i]
        }))
      })
    ).pipe(Effect.map((lists) => lists.flat()))
  )

const base64 = (bytes: Uint8Array | null) => (bytes === null ? null : Buffer.from(bytes).toString("base64"))

interface Letter {
  readonly place: string
  readonly timestamp: number
  readonly key: string | null
  readonly value: string | null
  readonly headers: ReadonlyArray<readonly [name: string, base64: string]>
  readonly reason: string
}

const rows = async (sql: string): Promise<ReadonlyArray<ReadonlyArray<unknown>>> => {
  const instance = await DuckDBInstance.create(":memory:")
  const connection = await instance.connect()
  try {
    return (await connection.runAndReadAll(sql)).getRowsJS()
  } finally {
    connection.closeSync()
    instance.closeSync()
  }
}

const parquet = (bucket: string, path: string) =>
  `read_parquet('${join(bucket, path).replaceAll("'", "''")}', hive_partitioning = false, union_by_name = true)`

const deadLetters = async (bucket: string): Promise<ReadonlyArray<Letter>> => {
  const found = await rows(
    `SELECT topic, _partition, _offset::INTEGER, epoch_ms(timestamp)::DOUBLE, key, value, headers, reason
     FROM ${parquet(bucket, "dead-letters/**/*.parquet")} ORDER BY topic, _partition, _offset`
  )
  return found.map(([topic, partition, offset, timestamp, key, value, headers, reason]) => ({
    place: `${String(topic)}/${String(partition)} ${String(offset)}`,
    timestamp: Number(timestamp),
    key: base64(key as Uint8Array | null),
    value: base64(value as Uint8Array | null),
    // Text where the value is UTF-8, else base64.
    headers: (
      JSON.parse(String(headers)) as ReadonlyArray<{ name: string; value?: string; base64?: string }>
    ).map(
      (header) => [header.name, header.base64 ?? Buffer.from(header.value ?? "").toString("base64")] as const
    ),
    reason: String(reason)
  }))
}

/** Where and as what the lake has its rows. */
const lakeRows = async (bucket: string): Promise<ReadonlyArray<string>> => {
  const lists = await Promise.all(
    topicsUsed.map((topic) =>
      rows(
        `SELECT '${topic}', _partition, _offset::INTEGER, epoch_ms(ts)::DOUBLE, sessionId::INTEGER, itemInSession,
                level, userId::INTEGER, city, zip, lat, lon
         FROM ${parquet(bucket, `lake/${topic}/**/*.parquet`)} ORDER BY _partition, _offset`
      )
    )
  )
  return lists.flat().map((row) => JSON.stringify(row))
}

/** Holds what the bucket shows to what was sent: dead letters bit for bit, and all else as rows. */
export const expectBadEventsApart = async (bucket: string, placed: ReadonlyArray<Placed>): Promise<void> => {
  const isLetter = ({ bad }: Placed) => bad?.reason !== undefined
  const found = await deadLetters(bucket)
  const expected = placed
    .filter(isLetter)
    .map(({ bad, headers, key, offset, partition, timestamp, topic, value }): Letter => ({
      place: `${topic}/${partition} ${offset}`,
      timestamp,
      key: base64(key),
      value: base64(value),
      headers: headers.map(([name, bytes]) => [name, bytes.toString("base64")] as const),
      reason: bad?.reason ?? ""
    }))
  const brief = (letters: ReadonlyArray<Letter>) =>
    letters.map(({ place, reason }) => `${place}: ${reason}`).sort()
  expect(brief(found)).toEqual(brief(expected))
  const byPlace = (a: Letter, b: Letter) => (a.place < b.place ? -1 : 1)
  // Not toEqual on the whole: a difference in ten million bytes could not be shown.
  const sorted = [found, expected].map((letters) => [...letters].sort(byPlace))
  sorted[0].forEach((letter, i) => {
    expect({ ...letter, value: letter.value?.length }).toEqual({
      ...sorted[1][i],
      value: sorted[1][i].value?.length
    })
    expect(letter.value === sorted[1][i].value, `${letter.place}: the value's bytes`).toBe(true)
  })
  const wanted = placed
    .filter((one) => !isLetter(one))
    .map(({ offset, partition, topic, value }) => {
      const event = JSON.parse(Buffer.from(value ?? []).toString()) as Event
      const fields = ["ts", "sessionId", "itemInSession", "level", "userId", "city", "zip", "lat", "lon"]
      return JSON.stringify([topic, partition, offset, ...fields.map((field) => event[field])])
    })
  expect(await lakeRows(bucket)).toEqual(wanted)
}
