import * as fc from "fast-check"
import { describe, expect, it, vi } from "vitest"
import { arbitraryEvent, arbitraryMutant } from "../arbitraries.ts"
import type { Decoder } from "../Decoder.ts"
import { defaultDecoderOptions } from "../Decoder.ts"
import type { EventColumns } from "../EventColumns.ts"
import { rowAt } from "../EventColumns.ts"
import { maxTimestamp } from "../fields.ts"
import { makePlainDecoder } from "../PlainDecoder.ts"
import type { LogBatch } from "../RecordBatch.ts"
import { bytesColumn } from "../RecordBatch.ts"
import type { Topic } from "../Topic.ts"
import { topics } from "../Topic.ts"
import { defaultDictionaryLimits, type DictionaryLimits } from "./CodedColumn.ts"
import { makeScanningDecoder } from "./ScanningDecoder.ts"

const encoder = new TextEncoder()

/** Spellings of numbers that a scanner may take for others. */
const oddNumbers = [
  "0", "-0", "-0.0", "0.0", "1.0", "1e0", "1E+2", "1e-2", "12e400", "-1e400", "5e-324", "01", "-01", "00", "1.", ".5", "-", "+1",
  "1e", "1e+", "0x10", "1_000", "NaN", "-Infinity", "9007199254740991", "9007199254740992", "9007199254740993",
  "-9007199254740991", "123456789012345", "1234567890123456", "99999999999999999999", "0.1000000000000000055511151231257827",
  "1.7976931348623157e308", "1767571202000", "1767571202000.0", "2147483647", "2147483648", "-2147483648", "90.0", "180", "31557600"
] // prettier-ignore

/** Spellings of texts, without their quotation marks. */
const oddTexts = [
  "", "a", "\\\\", "\\\"", "\\/", "\\b\\f\\n\\r\\t", "\\u0041", "\\u000a", "\\ud83d\\ude00", "\\ud800", "\\udc00\\ud800", "\\u12", "\\x",
  "\\", "\n", "\t", "\u0000", "\u007f", "\u0080", "\u2028", "\ufeff", "𝄞", "Beyoncé", "a\\n", "a\\\\n", "\\\\\\\"", "free", "paid", "Free", "fr\\u0065e",
  "02138", "88", "-88", "088", "x".repeat(70), "é".repeat(200), "{", "}", ",", "\",\"", "\"}"
] // prettier-ignore

const spelledText = fc
  .oneof(
    fc.constantFrom(...oddTexts),
    fc.string({ maxLength: 9 }).map((text) => JSON.stringify(text).slice(1, -1))
  )
  .map((text) => `"${text}"`)

const spelledValue = fc.oneof(
  { weight: 3, arbitrary: spelledText },
  { weight: 3, arbitrary: fc.constantFrom(...oddNumbers) },
  { weight: 1, arbitrary: fc.double().map(String) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      "null",
      "true",
      "false",
      "nul",
      "[]",
      "{}",
      '{"a":[1]}',
      "tru",
      "falsy",
      "",
      '""'
    )
  }
)

type Member = readonly [name: string, value: string]

const write = (members: ReadonlyArray<Member>): Uint8Array =>
  encoder.encode(`{${members.map(([name, value]) => `"${name}":${value}`).join(",")}}`)

/** The spelling of a text with every character escaped. */
const escaped = (value: string): string =>
  value.startsWith('"')
    ? `"${Array.from({ length: (JSON.parse(value) as string).length }, (_, i) => `\\u${(JSON.parse(value) as string).charCodeAt(i).toString(16).padStart(4, "0")}`).join("")}"`
    : value

/**
 * Events as a producer writes them, of few listeners and songs, so that combinations come again; in one of some orders,
 * now and then with a field in another spelling, left out, null, twice, or unknown.
 */
const usualEvents = (topic: Topic): fc.Arbitrary<Uint8Array> => {
  const pool = fc
    .sample(arbitraryEvent(topic), { numRuns: 12, seed: 7 })
    .map((event) => Object.entries(event).map(([name, value]) => [name, JSON.stringify(value)] as const))
  const names = pool[0].map(([name]) => name)
  const songNames = new Set(["artist", "song", "duration"])
  const listenerNames = new Set([
    "userId",
    "firstName",
    "lastName",
    "gender",
    "city",
    "zip",
    "state",
    "lat",
    "lon",
    "userAgent"
  ])
  const orders = [names, [...names].reverse(), [...names].sort()]
  const from = fc.nat(pool.length - 1)
  return fc
    .record({
      listener: from,
      song: from,
      rest: from,
      order: fc.nat(2),
      field: fc.nat(names.length - 1),
      change: fc.oneof(
        { weight: 12, arbitrary: fc.constant("none" as const) },
        { weight: 6, arbitrary: fc.constantFrom("absent", "null", "twice", "unknown", "escaped" as const) },
        { weight: 6, arbitrary: fc.constant("other" as const) }
      ),
      other: spelledValue
    })
    .map(({ change, field, listener, order, other, rest, song }) => {
      const members = orders[order].flatMap((name): ReadonlyArray<Member> => {
        const n = names.indexOf(name)
        const [, value] = pool[songNames.has(name) ? song : listenerNames.has(name) ? listener : rest][n]
        if (n !== field || change === "none") return value === "null" && order > 0 ? [] : [[name, value]]
        switch (change) {
          case "absent":
            return []
          case "null":
            return [[name, "null"]]
          case "twice":
            return [
              [name, other],
              [name, value]
            ]
          case "unknown":
            return [
              [name, value],
              [`${name}x`, other]
            ]
          case "escaped":
            return [[name, escaped(value)]]
          default:
            return [[name, other]]
        }
      })
      return write(members)
    })
}

/** A byte of a usual event is another one, or it ends early. */
const damagedEvents = (topic: Topic): fc.Arbitrary<Uint8Array> =>
  fc
    .tuple(
      usualEvents(topic),
      fc.nat(),
      fc.oneof(fc.nat(255), fc.constantFrom(0x22, 0x5c, 0x2c, 0x7d, 0xc3, 0xff, 0x0a)),
      fc.boolean()
    )
    .map(([bytes, at, byte, cut]) => {
      const damaged = bytes.slice(0, cut ? at % bytes.length : bytes.length)
      if (damaged.length > 0) damaged[at % damaged.length] = byte
      return damaged
    })

const batchOf = (values: ReadonlyArray<Uint8Array | null>, logTime: number, slackBytes: number): LogBatch => {
  const column = bytesColumn(values)
  const data = new Uint8Array(column.data.length + slackBytes).fill(0x22)
  data.set(column.data)
  return {
    count: values.length,
    keys: bytesColumn(values.map(() => null)),
    values: { ...column, data },
    offsets: Float64Array.from(values, (_, i) => 7 + 2 * i),
    timestamps: new Float64Array(values.length).fill(logTime)
  }
}

/** Rows and all that is said of them. */
const contents = (events: EventColumns) => ({
  count: events.count,
  rows: Array.from({ length: events.count }, (_, i) => rowAt(events, i)),
  ts: [...events.ts],
  offsets: [...events.offsets],
  unknownFields: events.unknownFields
})

const limitsToTry: Readonly<Record<string, DictionaryLimits>> = {
  "dictionaries without end": defaultDictionaryLimits,
  "dictionaries that are full and renewed": { texts: 3, bytes: 60, renewalRows: 25 }
}

describe.each(Object.entries(limitsToTry))("%s", (_, limits) => {
  it.each(topics)("%s: the same rows, reasons and unknown fields as the plain decoder", (topic) => {
    const scanning = makeScanningDecoder(topic, defaultDecoderOptions, limits)
    const plain = makePlainDecoder(topic, defaultDecoderOptions)
    let rows = 0
    let letters = 0
    const value = fc.oneof(
      { weight: 6, arbitrary: usualEvents(topic) },
      { weight: 3, arbitrary: damagedEvents(topic) },
      { weight: 2, arbitrary: arbitraryMutant(topic) },
      { weight: 1, arbitrary: fc.constant(null) }
    )
    // What was taken earlier must stay as it was.
    let earlier: { readonly taken: EventColumns; readonly contents: unknown } | undefined
    fc.assert(
      fc.property(
        fc.array(value, { maxLength: 12 }),
        fc.constantFrom(maxTimestamp, Date.UTC(2020, 0)),
        fc.constantFrom(0, 3, 31, 32, 100),
        fc.nat(12),
        (values, logTime, slackBytes, cut) => {
          const batch = batchOf(values, logTime, slackBytes)
          const middle = Math.min(cut, values.length)
          const decode = (decoder: Decoder) => [
            ...decoder.decodeBatch(batch, 0, middle),
            ...decoder.decodeBatch(batch, middle, values.length)
          ]
          const reasons = decode(plain)
          expect(decode(scanning)).toStrictEqual(reasons)
          const taken = scanning.take()
          const expected = contents(plain.take())
          expect(contents(taken)).toStrictEqual(expected)
          if (earlier !== undefined) expect(contents(earlier.taken)).toStrictEqual(earlier.contents)
          earlier = { taken, contents: expected }
          rows += expected.count
          letters += reasons.length - expected.count
        }
      ),
      { numRuns: 1500 }
    )
    // The property says little unless both happen often.
    expect(rows).toBeGreaterThan(1500)
    expect(letters).toBeGreaterThan(1500)
  })
})

it.each(topics)("%s: nothing that a producer usually writes is parsed by JSON.parse", (topic) => {
  const values = fc
    .sample(arbitraryEvent(topic), { numRuns: 8000, seed: 5 })
    .map((event) => JSON.stringify(event))
    .filter((text) => !text.includes("\\") && !/[0-9]{16}/.test(text))
    .map((text) => encoder.encode(text))
  expect(values.length).toBeGreaterThan(100)
  const decoder = makeScanningDecoder(topic, defaultDecoderOptions)
  const parse = vi.spyOn(JSON, "parse")
  decoder.decodeBatch(batchOf(values, maxTimestamp, 0), 0, values.length)
  expect(parse).not.toHaveBeenCalled()
  parse.mockRestore()
  expect(decoder.count).toBe(values.length)
})

it("blocks of many records: the same as the plain decoder, with dead letters that are found late among them", () => {
  const topic = "listen_events"
  const scanning = makeScanningDecoder(topic, defaultDecoderOptions)
  const plain = makePlainDecoder(topic, defaultDecoderOptions)
  const kinds = fc.sample(fc.oneof(usualEvents(topic), damagedEvents(topic)), { numRuns: 1200, seed: 3 })
  const batch = batchOf(kinds, maxTimestamp, 0)
  expect(scanning.decodeBatch(batch, 0, kinds.length)).toStrictEqual(
    plain.decodeBatch(batch, 0, kinds.length)
  )
  expect(scanning.count).toBe(plain.count)
  expect(contents(scanning.take())).toStrictEqual(contents(plain.take()))
})

it("more distinct values than a dictionary holds: rows as they were, and what is held beyond it goes with the rows", () => {
  const topic = "status_change_events"
  const scanning = makeScanningDecoder(topic, defaultDecoderOptions)
  const event = (i: number) =>
    write([
      ["ts", "1767571202000"],
      ["sessionId", String(i)],
      ["itemInSession", "0"],
      ["level", '"free"'],
      ["auth", `"auth ${i}"`],
      ["lat", String(i / 1e6)]
    ])
  const rows = 60_000
  const chunk = 3000
  for (let from = 0; from < rows; from += chunk) {
    const batch = batchOf(
      Array.from({ length: chunk }, (_, i) => event(from + i)),
      maxTimestamp,
      0
    )
    expect(scanning.decodeBatch(batch, 0, chunk).every((reason) => reason === undefined)).toBe(true)
    const taken = scanning.take()
    for (let i = 0; i < chunk; i += 97)
      expect(rowAt(taken, i)).toMatchObject({
        sessionId: from + i,
        auth: `auth ${from + i}`,
        lat: (from + i) / 1e6
      })
    const auth = taken.values[taken.columns.findIndex(({ name }) => name === "auth")]
    if (from >= 51_000)
      expect(auth.type === "string" && auth.codes && auth.dictionary.size).toBeLessThan(chunk * 16)
  }
})
