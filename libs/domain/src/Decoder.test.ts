import { Either, Schema } from "effect"
import * as fc from "fast-check"
import { Buffer } from "node:buffer"
import { describe, expect, it } from "vitest"
import { arbitraryEvent, arbitraryMutant } from "./arbitraries.ts"
import { decodeEvent } from "./decodeEvent.ts"
import { defaultDecoderOptions, makeDecoder } from "./Decoder.ts"
import { rowAt } from "./EventColumns.ts"
import { eventSchemas } from "./events.ts"
import { maxTimestamp } from "./fields.ts"
import type { Topic } from "./Topic.ts"
import { topics } from "./Topic.ts"

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

/** The hot decoder's answer: the row, or the reason. */
const hot = (topic: Topic, value: Uint8Array | null, logTime = maxTimestamp) => {
  const decoder = makeDecoder(topic)
  const reason = decoder.decode(value, logTime, 0)
  const taken = decoder.take()
  expect(taken.count).toBe(reason === undefined ? 1 : 0)
  return reason ?? rowAt(taken, 0)
}

const listen = {
  artist: "Sinch",
  song: "Plasma",
  duration: 300.7212,
  ts: 1433116910000,
  sessionId: 511,
  auth: "Logged In",
  level: "paid",
  itemInSession: 6
}
const listenText = (changes: Record<string, unknown> = {}) => JSON.stringify({ ...listen, ...changes })
const rawListen = (members: string) => bytes(`${JSON.stringify(listen).slice(0, -1)},${members}}`)

describe.each(topics)("%s", (topic) => {
  const encode = Schema.encodeSync(eventSchemas[topic] as unknown as Schema.Schema<object>)

  it("encode → decode is the identity, for the Schema and for the hot decoder", () => {
    const bySchema = decodeEvent(topic)
    fc.assert(
      fc.property(arbitraryEvent(topic), (event) => {
        const value = bytes(JSON.stringify(encode(event)))
        expect(Either.getOrThrow(bySchema(value, maxTimestamp))).toStrictEqual(event)
        expect(hot(topic, value)).toStrictEqual(event)
      }),
      { numRuns: 300 }
    )
  })

  it("the hot decoder accepts what the Schema accepts, as the same row, alone and in a batch, and nothing else", () => {
    const bySchema = decodeEvent(topic)
    const batch = makeDecoder(topic)
    const rows: Array<unknown> = []
    const offsets: Array<number> = []
    let rejected = 0
    fc.assert(
      fc.property(
        arbitraryMutant(topic),
        fc.constantFrom(Date.UTC(2020, 0), Date.UTC(2030, 0), maxTimestamp),
        (value, logTime) => {
          const answer = hot(topic, value, logTime)
          const expected = bySchema(value, logTime)
          if (Either.isRight(expected)) {
            expect(answer).toStrictEqual(expected.right)
            expect(batch.decode(value, logTime, offsets.length + rejected)).toBeUndefined()
            rows.push(answer)
            offsets.push(offsets.length + rejected)
          } else {
            expect(answer, expected.left).toBeTypeOf("string")
            expect(batch.decode(value, logTime, offsets.length + rejected)).toBe(answer)
            rejected++
          }
        }
      ),
      { numRuns: 500 }
    )
    // Rejected values leave no trace in the batch that they came in.
    const taken = batch.take()
    expect(Array.from({ length: taken.count }, (_, i) => rowAt(taken, i))).toStrictEqual(rows)
    expect([...taken.offsets]).toStrictEqual(offsets)
    // A property over mutants says little unless both happen often.
    expect(rows.length).toBeGreaterThan(50)
    expect(rejected).toBeGreaterThan(50)
  })
})

describe("reasons", () => {
  it.each<[string, Uint8Array | null, string]>([
    ["null value", null, "null value"],
    ["empty value", bytes(""), "invalid JSON"],
    ["invalid UTF-8", Uint8Array.from([0x7b, 0xff, 0x7d]), "invalid UTF-8"],
    ["overlong UTF-8", Uint8Array.from([0x7b, 0xc0, 0x80, 0x7d]), "invalid UTF-8"],
    ["a surrogate in UTF-8", Uint8Array.from([0x22, 0xed, 0xa0, 0x80, 0x22]), "invalid UTF-8"],
    ["a byte order mark", bytes(`\ufeff${listenText()}`), "invalid JSON"],
    ["cut off", bytes(listenText().slice(0, -1)), "invalid JSON"],
    ["an array", bytes("[]"), "not an object"],
    ["null in JSON", bytes("null"), "not an object"],
    ["a number", bytes("1"), "not an object"],
    ["missing", bytes(listenText({ artist: undefined })), "missing: artist"],
    ["null where required", bytes(listenText({ artist: null })), "wrong type: artist is null"],
    ["wrong type", bytes(listenText({ ts: "1" })), "wrong type: ts is a string, not an integer"],
    ["fraction", bytes(listenText({ sessionId: 1.5 })), "wrong type: sessionId is a number, not an integer"],
    [
      "int32",
      bytes(listenText({ itemInSession: 2 ** 31 })),
      "out of range: itemInSession is 2147483648, not in [-2147483648, 2147483647]"
    ],
    [
      "huge float",
      bytes(listenText().replace("300.7212", "1e400")),
      "out of range: duration is Infinity, not in [0, 31557600]"
    ],
    ["level", bytes(listenText({ level: "Free" })), "out of range: level is none of free, paid"],
    ["a key twice", rawListen('"level":"paid"'), "duplicate key: level"],
    ["a key twice, spelled in two ways", rawListen('"le\\u0076el":"free"'), "duplicate key: level"],
    ["an unknown key twice", rawListen('"x":1,"x":2'), "duplicate key: x"],
    ["an odd key twice", rawListen('"\\ud800":1,"\\ud800":2'), "duplicate key"],
    ["lone surrogate", rawListen('"city":"\\ud800"'), "invalid text: city has a lone surrogate"],
    [
      "too early",
      bytes(listenText({ ts: 946_684_799_999 })),
      "out of range: ts is 946684799999, not in [946684800000, 253402300799999]"
    ]
  ])("%s", (_, value, reason) => {
    expect(hot("listen_events", value)).toBe(reason)
  })

  it("a ts may lie a day past the log time, not a millisecond more", () => {
    const day = defaultDecoderOptions.maxAheadMs
    expect(hot("listen_events", bytes(listenText()), listen.ts - day)).toBeTypeOf("object")
    expect(hot("listen_events", bytes(listenText()), listen.ts - day - 1)).toBe(
      `out of range: ts is ${listen.ts}, more than ${day} ms past the log time ${listen.ts - day - 1}`
    )
  })

  it("a value of 10 MB is refused unread; at the bound it is taken", () => {
    const big = bytes(listenText({ city: "x".repeat(10_000_000) }))
    expect(hot("listen_events", big)).toBe(`too large: ${big.length} bytes, at most 1048576`)
    const room = 1048576 - bytes(listenText({ city: "" })).length
    expect(hot("listen_events", bytes(listenText({ city: "x".repeat(room) })))).toBeTypeOf("object")
    expect(hot("listen_events", bytes(listenText({ city: "x".repeat(room + 1) })))).toBeTypeOf("string")
  })

  it("deep nesting in an unknown field is left out like any other", () => {
    const depth = 100_000
    const value = rawListen(`"deep":${"[".repeat(depth)}${"]".repeat(depth)}`)
    expect(hot("listen_events", value)).toStrictEqual(hot("listen_events", bytes(listenText())))
  })
})

describe("tolerance", () => {
  /** The row of an event with these members, instead of the field that they are about. */
  const row = (members: string, name: string) => {
    const others = listenText({ [name]: undefined }).slice(0, -1)
    return hot("listen_events", bytes(`${others},${members}}`)) as Record<string, unknown>
  }

  it.each([
    ['"zip":"00501"', "zip", "00501"],
    ['"zip":2138', "zip", "2138"],
    ['"zip":-0', "zip", "0"],
    ['"userId":"88"', "userId", 88],
    ['"userId":""', "userId", null],
    ['"userId":null', "userId", null],
    ['"tag":null', "tag", null],
    ['"lat":-0', "lat", 0],
    ['"sessionId":-0', "sessionId", 0],
    ['"sessionId":1e3', "sessionId", 1000],
    ['"level":"free"', "level", "free"],
    ['"__proto__":{"tag":"x"}', "tag", null]
  ])("%s", (members, name, expected) => {
    expect(row(members, name)[name]).toBe(expected)
  })

  it("counts unknown fields of accepted rows", () => {
    const decoder = makeDecoder("listen_events")
    decoder.decode(rawListen('"x":1,"__proto__":3,"length":4,"tag":null'), maxTimestamp, 0)
    decoder.decode(rawListen('"x":1,"tag":5'), maxTimestamp, 1)
    expect(decoder.take()).toMatchObject({ count: 1, unknownFields: 3 })
    expect(decoder.take()).toMatchObject({ count: 0, unknownFields: 0 })
  })

  it("keeps columns of more rows than it first has room for, and hands over what later rows do not change", () => {
    const decoder = makeDecoder("auth_events")
    const event = (i: number) =>
      bytes(
        JSON.stringify({
          ts: listen.ts + i,
          sessionId: i,
          itemInSession: i,
          level: "free",
          success: i % 2 === 0,
          ...(i % 3 === 0 ? { userId: i, city: `c${i}`, lat: i / 100 } : {})
        })
      )
    const n = 3000
    for (let i = 0; i < n; i++) expect(decoder.decode(event(i), maxTimestamp, i)).toBeUndefined()
    const taken = decoder.take()
    decoder.decode(event(1), maxTimestamp, 0)
    for (let i = 0; i < n; i++)
      expect(rowAt(taken, i)).toMatchObject({
        ts: listen.ts + i,
        sessionId: i,
        itemInSession: i,
        success: i % 2 === 0,
        userId: i % 3 === 0 ? i : null,
        city: i % 3 === 0 ? `c${i}` : null,
        lat: i % 3 === 0 ? i / 100 : null
      })
  })

  it("reads values that are views into a larger buffer", () => {
    const whole = Buffer.concat([Buffer.from("xx"), Buffer.from(listenText()), Buffer.from("\n")])
    expect(hot("listen_events", whole.subarray(2))).toMatchObject({ artist: "Sinch" })
  })
})
