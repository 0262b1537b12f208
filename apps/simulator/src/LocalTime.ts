import tzLookup from "@photostructure/tz-lookup"
import type { Place, Weighted } from "./Cast.ts"

/** The clocks of the places where listeners live. */
export interface LocalTime {
  /** Seconds by which the clock of place number `place` is ahead of UTC at `utc` (epoch seconds). */
  readonly offset: (place: number, utc: number) => number
}

/** Offsets are looked up per span of 2²⁵ s, somewhat more than a year. */
const spanSeconds = 2 ** 25
const probeSeconds = 10 * 86_400

/** From `times[n]` (epoch seconds) on the offset is `offsets[n]`; the first time is the begin of the span. */
interface Span {
  readonly times: ReadonlyArray<number>
  readonly offsets: ReadonlyArray<number>
}

/** IANA zone of a place; where the coordinates are no place on earth, UTC. */
const zoneOf = (place: Place): string => {
  try {
    return tzLookup(place.lat, place.lon)
  } catch {
    return "Etc/UTC"
  }
}

/** Seconds ahead of UTC by the engine's time zone data; 0 for a zone that it does not know. */
const makeOffsetAt = (zone: string): ((utc: number) => number) => {
  let format: Intl.DateTimeFormat
  try {
    format = new Intl.DateTimeFormat("en-US", { timeZone: zone, timeZoneName: "longOffset", year: "numeric" })
  } catch {
    return () => 0
  }
  return (utc) => {
    const match = /GMT([+-])(\d\d):(\d\d)(?::(\d\d))?/.exec(format.format(new Date(utc * 1000)))
    if (match === null) return 0
    const seconds = Number(match[2]) * 3600 + Number(match[3]) * 60 + Number(match[4] ?? 0)
    return match[1] === "-" ? -seconds : seconds
  }
}

/** The changes of a zone's clock within a span, each to the second. */
const makeSpan = (offsetAt: (utc: number) => number, from: number): Span => {
  const times = [from]
  const offsets = [offsetAt(from)]
  for (let at = from; at < from + spanSeconds; at += probeSeconds) {
    const next = at + probeSeconds
    const after = offsetAt(next)
    if (after === offsets[offsets.length - 1]) continue
    let [before, changed] = [at, next]
    while (changed - before > 1) {
      const middle = Math.floor((before + changed) / 2)
      if (offsetAt(middle) === after) changed = middle
      else before = middle
    }
    times.push(changed)
    offsets.push(after)
  }
  return { times, offsets }
}

/** Clocks of the places, summer time included; what was asked of Intl once is kept. */
export const makeLocalTime = (places: ReadonlyArray<Weighted<Place>>): LocalTime => {
  const zones: Array<{ readonly offsetAt: (utc: number) => number; readonly spans: Map<number, Span> }> = []
  const numbers = new Map<string, number>()
  const zoneOfPlace = Uint16Array.from(places, ({ value }) => {
    const name = zoneOf(value)
    let number = numbers.get(name)
    if (number === undefined) {
      number = zones.push({ offsetAt: makeOffsetAt(name), spans: new Map() }) - 1
      numbers.set(name, number)
    }
    return number
  })
  return {
    offset: (place, utc) => {
      const zone = zones[zoneOfPlace[place]]
      const number = Math.floor(utc / spanSeconds)
      let span = zone.spans.get(number)
      if (span === undefined) {
        span = makeSpan(zone.offsetAt, number * spanSeconds)
        zone.spans.set(number, span)
      }
      let n = span.times.length - 1
      while (n > 0 && span.times[n] > utc) n--
      return span.offsets[n]
    }
  }
}
