import fc from "fast-check"
import { expect, it } from "vitest"
import { makeLocalTime } from "./LocalTime.ts"

const at = (lat: number, lon: number) => ({
  value: { city: "", zip: "", state: "", lat, lon },
  weight: 1
})
const cities = [
  at(40.71, -74.01), // New York
  at(34.05, -118.24), // Los Angeles
  at(33.45, -112.07), // Phoenix: no summer time
  at(21.31, -157.86), // Honolulu
  at(61.22, -149.9) // Anchorage
]
const utc = (text: string) => Date.parse(text) / 1000

it("knows the zone of a place and changes to summer time at the second", () => {
  const { offset } = makeLocalTime(cities)
  expect(cities.map((_, n) => offset(n, utc("2026-01-15T12:00Z")) / 3600)).toEqual([-5, -8, -7, -10, -9])
  expect(cities.map((_, n) => offset(n, utc("2026-07-15T12:00Z")) / 3600)).toEqual([-4, -7, -7, -10, -8])
  expect(offset(0, utc("2026-03-08T06:59:59Z"))).toBe(-5 * 3600)
  expect(offset(0, utc("2026-03-08T07:00:00Z"))).toBe(-4 * 3600)
  expect(offset(1, utc("2015-11-01T08:59:59Z"))).toBe(-7 * 3600)
  expect(offset(1, utc("2015-11-01T09:00:00Z"))).toBe(-8 * 3600)
})

it("is what Intl's own clock shows, whenever it is asked", () => {
  const { offset } = makeLocalTime(cities)
  const zones = [
    "America/New_York",
    "America/Los_Angeles",
    "America/Phoenix",
    "Pacific/Honolulu",
    "America/Anchorage"
  ]
  const clocks = zones.map(
    (timeZone) => new Intl.DateTimeFormat("sv-SE", { timeZone, dateStyle: "short", timeStyle: "medium" })
  )
  fc.assert(
    fc.property(
      fc.nat({ max: cities.length - 1 }),
      fc.integer({ min: utc("2000-01-01"), max: utc("2040-01-01") }),
      (place, time) => {
        const shown = new Date((time + offset(place, time)) * 1000)
        expect(shown.toISOString().slice(0, 19)).toBe(
          clocks[place].format(new Date(time * 1000)).replace(" ", "T")
        )
      }
    ),
    { numRuns: 300 }
  )
})

it("takes coordinates that are nowhere for UTC", () => {
  expect(makeLocalTime([at(123, 456)]).offset(0, 0)).toBe(0)
})
