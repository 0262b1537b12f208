import { Either } from "effect"
import fc from "fast-check"
import { expect, test } from "vitest"
import {
  comparison,
  dataSpan,
  hourIso,
  parsePeriod,
  presetPeriod,
  presets,
  previousPeriod
} from "./period.ts"
import type { DataSpan } from "./period.ts"

const spans = fc
  .record({
    first: fc.integer({ min: 400_000, max: 500_000 }),
    hours: fc.integer({ min: 1, max: 2000 }),
    open: fc.boolean()
  })
  .map(({ first, hours, open }): DataSpan => ({
    first,
    end: first + hours,
    closed: first + hours - (open ? 1 : 0)
  }))

test("a preset ends with the latest data and begins at the start of a UTC day", () =>
  fc.assert(
    fc.property(spans, fc.constantFrom(...presets), (span, preset) => {
      const { from, to } = presetPeriod(preset, span)
      expect(to).toBe(span.end)
      expect(preset === "all" ? from - span.first : from % 24).toBe(0)
      const days = { today: 1, "7d": 7, "14d": 14, "30d": 30, all: 0 }[preset]
      if (days > 0) expect(Math.floor((to - 1) / 24) - from / 24 + 1).toBe(days)
    })
  ))

test("the previous period has the same length, the same end of day, and does not overlap", () =>
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 9999 }), fc.integer({ min: 1, max: 999 }), (from, length) => {
      const period = { from, to: from + length }
      const before = previousPeriod(period)
      expect(before.to - before.from).toBe(length)
      expect((period.to - before.to) % 24).toBe(0)
      expect(before.to).toBeLessThanOrEqual(from)
      expect(from - before.to).toBeLessThan(24)
    })
  ))

test("a change compares closed hours with equally many hours that have data", () =>
  fc.assert(
    fc.property(spans, fc.constantFrom(...presets), (span, preset) => {
      const period = presetPeriod(preset, span)
      const compared = comparison(period, span)
      if (compared === undefined) return
      expect(compared.current.from).toBe(period.from)
      expect(compared.current.to).toBe(Math.min(period.to, span.closed))
      expect(compared.previous.to - compared.previous.from).toBe(compared.current.to - compared.current.from)
      expect(compared.previous.from).toBeGreaterThanOrEqual(span.first)
    })
  ))

test("from and to are both included, as days or hours", () => {
  const span = { first: 0, end: 1, closed: 1 }
  const parsed = Either.getOrThrow(parsePeriod({ from: "2026-11-17", to: "2026-11-18T08" }, span))
  expect([hourIso(parsed.from), hourIso(parsed.to)]).toEqual(["2026-11-17T00:00Z", "2026-11-18T09:00Z"])
})

test.each([
  { range: "8d" },
  { from: "2026-11-17" },
  { from: "2026-02-30", to: "2026-03-01" },
  { from: "2026-11-18", to: "2026-11-17" },
  { from: "1990-01-01", to: "2026-01-01" },
  { range: "7d", from: "2026-11-17", to: "2026-11-17" }
])("%j is refused with a reason", (query) => {
  expect(Either.isLeft(parsePeriod(query, { first: 0, end: 1, closed: 1 }))).toBe(true)
})

test("an hour is open until the watermark has passed it", () => {
  const hour = 494_000
  const span = (through: number) => dataSpan({ firstHour: 0, lastHour: hour, through })
  expect(span(hour * 36e5 + 42 * 60_000)?.closed).toBe(hour)
  expect(span((hour + 1) * 36e5 - 1)?.closed).toBe(hour + 1)
})
