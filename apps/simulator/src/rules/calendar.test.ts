import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { dailyShifts, isOffDay, makeWeekendShare } from "../calendar.ts"

const dayOf = (text: string) => Date.parse(text) / 86_400_000
const at = (text: string) => Date.parse(`${text}Z`) / 1000

describe("days off", () => {
  it("are weekends and the seven US holidays on their own dates, no others, over 28 years", () => {
    const holidays = (year: number) => {
      const monday = (month: number, from: number) => {
        for (let d = from; ; d++) if (new Date(Date.UTC(year, month, d)).getUTCDay() === 1) return d
      }
      let thursdays = 0
      let thanksgiving = 0
      for (let d = 1; thursdays < 4; d++) {
        if (new Date(Date.UTC(year, 10, d)).getUTCDay() === 4) [thursdays, thanksgiving] = [thursdays + 1, d]
      }
      return new Set([
        Date.UTC(year, 0, 1),
        Date.UTC(year, 4, monday(4, 25)),
        Date.UTC(year, 6, 4),
        Date.UTC(year, 8, monday(8, 1)),
        Date.UTC(year, 10, 11),
        Date.UTC(year, 10, thanksgiving),
        Date.UTC(year, 11, 25)
      ])
    }
    for (let year = 2000; year < 2028; year++) {
      const off = holidays(year)
      for (let day = dayOf(`${year}-01-01`); day < dayOf(`${year + 1}-01-01`); day++) {
        const weekday = new Date(day * 86_400_000).getUTCDay()
        expect(isOffDay(day)).toBe(weekday === 0 || weekday === 6 || off.has(day * 86_400_000))
      }
    }
    expect(["2026-05-25", "2015-09-07", "2024-11-28", "2026-07-03"].map((d) => isOffDay(dayOf(d)))).toEqual([
      true,
      true,
      true,
      false
    ])
  })
})

describe("weekend damping", () => {
  // Friday 12 to Monday 15 June 2026; Thanksgiving is Thursday 26 November.
  const share = makeWeekendShare({ share: 0.4, offset: 180 * 60, scale: 360 * 60 })
  it("rises and falls linearly around a run of days off", () => {
    expect(share(at("2026-06-12T20:59:59"))).toBe(0)
    expect(share(at("2026-06-12T22:30:00"))).toBeCloseTo(0.1, 12)
    expect(share(at("2026-06-13T00:00:00"))).toBeCloseTo(0.2, 12)
    expect(share(at("2026-06-13T03:00:00"))).toBeCloseTo(0.4, 12)
    expect(share(at("2026-06-14T12:00:00"))).toBe(0.4)
    expect(share(at("2026-06-13T23:59:59"))).toBe(0.4)
    expect(share(at("2026-06-14T21:00:00"))).toBeCloseTo(0.4, 12)
    expect(share(at("2026-06-15T00:00:00"))).toBeCloseTo(0.2, 12)
    expect(share(at("2026-06-15T02:59:59"))).toBeCloseTo(0.4 / 21_600, 12)
    expect(share(at("2026-06-15T03:00:00"))).toBe(0)
  })

  it("does both on a day off between working days", () => {
    expect(share(at("2026-11-25T21:00:00"))).toBe(0)
    expect(share(at("2026-11-26T00:00:00"))).toBeCloseTo(0.2, 12)
    expect(share(at("2026-11-26T12:00:00"))).toBe(0.4)
    expect(share(at("2026-11-27T01:30:00"))).toBeCloseTo(0.1, 12)
    // The next weekend.
    expect(share(at("2026-11-27T22:30:00"))).toBeCloseTo(0.1, 12)
  })

  it("stays within its share, but for Eventsim's ramps of working days that begin early", () => {
    const damping = { share: 0.4, offset: 600 * 60, scale: 120 * 60 }
    const evening = at("2026-06-12T20:00:00")
    expect(makeWeekendShare(damping)(evening)).toBe(0.4)
    expect(makeWeekendShare({ ...damping, uncapped: true })(evening)).toBeCloseTo(1.2, 12)
    expect(makeWeekendShare({ ...damping, uncapped: true })(at("2026-06-13T01:00:00"))).toBe(0.4)
    fc.assert(
      fc.property(
        fc.integer({ min: at("2026-01-01"), max: at("2027-01-01") }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.integer({ min: 0, max: 2000 }),
        fc.integer({ min: 0, max: 2000 }),
        (time, w, offset, scale) => {
          const value = makeWeekendShare({ share: w, offset: offset * 60, scale: scale * 60 })(time)
          expect(value).toBeGreaterThanOrEqual(0)
          expect(value).toBeLessThanOrEqual(w)
        }
      )
    )
  })
})

describe("the daily rhythm", () => {
  it("moves 21:00 by a share of a day and leaves 03:00 and 15:00 alone", () => {
    const shifts = dailyShifts(0.0625)
    expect(shifts[3 * 3600]).toBe(0)
    expect(shifts[15 * 3600]).toBe(0)
    expect(shifts[9 * 3600]).toBe(5400)
    expect(shifts[21 * 3600]).toBe(-5400)
    // Cut towards zero, on both sides.
    expect(shifts[3 * 3600 + 1]).toBe(0)
    expect(shifts[3 * 3600 - 1]).toBe(0)
    expect(shifts[6 * 3600]).toBe(Math.trunc(5400 * Math.SQRT1_2))
    expect(shifts[0]).toBe(Math.trunc(-5400 * Math.SQRT1_2))
  })
})
