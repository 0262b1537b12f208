import { dayMs, dayText, hourOf, hourStart } from "@musify/domain/Hour.ts"
import type { Logged } from "./logged.ts"

/** A row of dim_datetime: one UTC hour. */
export interface DatetimeRow {
  /** Whole hours since the epoch. */
  readonly hour_key: number
  readonly hour_start: number
  /** `2026-11-23` */
  readonly date: string
  readonly year: number
  readonly quarter: number
  readonly month: number
  readonly day: number
  readonly hour: number
  /** Monday = 1 to Sunday = 7. */
  readonly iso_weekday: number
  readonly iso_week: number
  readonly is_weekend: boolean
}

/** `2026-11-23`: the UTC day of a time (epoch ms). */
export const dateOf = (ts: number): string => dayText(hourOf(ts))

/** Midnight of a `2026-11-23`, epoch ms. */
export const midnight = (date: string): number => Date.parse(`${date}T00:00:00Z`)

/** Monday = 1 to Sunday = 7. 1970-01-01 was a Thursday. */
export const isoWeekday = (ts: number): number => ((((Math.floor(ts / dayMs) + 3) % 7) + 7) % 7) + 1

/** The Monday of a time's ISO week. */
export const mondayOf = (ts: number): string => dateOf(ts - (isoWeekday(ts) - 1) * dayMs)

/** ISO 8601: week 1 is the one that holds the year's first Thursday. */
const isoWeek = (ts: number): number => {
  const thursday = ts + (4 - isoWeekday(ts)) * dayMs
  const newYear = Date.UTC(new Date(thursday).getUTCFullYear(), 0, 1)
  return Math.floor((thursday - newYear) / (7 * dayMs)) + 1
}

const datetimeRow = (hour: number): DatetimeRow => {
  const start = hourStart(hour)
  const time = new Date(start)
  const weekday = isoWeekday(start)
  return {
    hour_key: hour,
    hour_start: start,
    date: dateOf(start),
    year: time.getUTCFullYear(),
    quarter: Math.floor(time.getUTCMonth() / 3) + 1,
    month: time.getUTCMonth() + 1,
    day: time.getUTCDate(),
    hour: time.getUTCHours(),
    iso_weekday: weekday,
    iso_week: isoWeek(start),
    is_weekend: weekday > 5
  }
}

/** The rows of dim_datetime: every hour from the first event's to the last one's, whatever lies between. */
export const datetimeRows = (events: Iterable<Logged>): ReadonlyArray<DatetimeRow> => {
  let first = Infinity
  let last = -Infinity
  for (const { event } of events) {
    first = Math.min(first, hourOf(event.ts))
    last = Math.max(last, hourOf(event.ts))
  }
  const rows: Array<DatetimeRow> = []
  for (let hour = first; hour <= last; hour++) rows.push(datetimeRow(hour))
  return rows
}
