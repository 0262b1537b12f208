import { arbitraryEvent, arbitraryMutant } from "@musify/domain/arbitraries.ts"
import { columnsOf } from "@musify/domain/columns.ts"
import { decodeEvent } from "@musify/domain/decodeEvent.ts"
import type { Topic } from "@musify/domain/Topic.ts"
import { topics } from "@musify/domain/Topic.ts"
import { Either } from "effect"
import * as fc from "fast-check"
import { Buffer } from "node:buffer"
import { describe, expect, test } from "vitest"
import { makeContentCheck, type Stored } from "./contentCheck.ts"

const check = (topic: Topic, value: Uint8Array, row: Readonly<Record<string, unknown>>) => {
  const columns = new Map(columnsOf(topic).map(({ name }) => [name, [(row[name] ?? null) as Stored]]))
  return makeContentCheck(topic)([5], columns, new Map([[5, { value, time: 0 }]]))
}
const json = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value))

/** The members of a value as they stand, as a careless writer would store them. */
const asItStands = (value: Uint8Array): Readonly<Record<string, unknown>> => {
  try {
    // A file holds text as UTF-8.
    const stored = (_: string, one: unknown) => (typeof one === "string" ? Buffer.from(one).toString() : one)
    return { ...(JSON.parse(Buffer.from(value).toString(), stored) as object) }
  } catch {
    return {}
  }
}

const generous = { maxBytes: Infinity, maxAheadMs: Infinity }

describe("a stored row and the record it was made from", () => {
  test.each(topics)("%s: what the Schema makes of a record is equal, and nothing else is", (topic) => {
    const fields = columnsOf(topic)
    let events = 0
    let malformed = 0
    fc.assert(
      fc.property(
        fc.oneof(arbitraryEvent(topic).map(json), arbitraryMutant(topic)),
        fc.nat(fields.length - 1),
        fc.constantFrom(null, 7, "x", true),
        (value, which, other) => {
          const event = decodeEvent(topic)(value, 0, generous)
          if (Either.isLeft(event)) {
            malformed++
            expect(check(topic, value, asItStands(value))).toMatch(/malformed on the log/)
            return
          }
          events++
          const row = event.right as unknown as Readonly<Record<string, unknown>>
          expect(check(topic, value, row)).toBe(undefined)
          const { name } = fields[which]
          if (row[name] !== other)
            expect(check(topic, value, { ...row, [name]: other })).toContain(
              `offset 5, ${name}: the log says`
            )
        }
      ),
      { seed: 5, numRuns: 300 }
    )
    expect([events > 100, malformed > 50]).toEqual([true, true])
  })

  test("a row of a record that is no event is told, though each of its values is the record's", () => {
    const event = { ts: 1_767_600_000_000, sessionId: 1, itemInSession: 0, level: "free", success: true }
    const nothing = Object.fromEntries(columnsOf("auth_events").map(({ name }) => [name, null]))
    for (const wrong of [
      { level: "gold" },
      { ts: 12 },
      { itemInSession: 2 ** 31 },
      { sessionId: 0.5 },
      { success: null },
      { firstName: 7 }
    ]) {
      const value = { ...event, ...wrong }
      expect(check("auth_events", json(value), { ...nothing, ...value })).toMatch(/malformed on the log/)
    }
    expect(check("auth_events", json(event), { ...nothing, ...event })).toBe(undefined)
    expect(makeContentCheck("auth_events")([5], new Map(), new Map())).toBe("offset 5 is not on the log")
  })
})
