import { hourOf, hourStart, hourText } from "@musify/domain/Hour.ts"
import type { Hour } from "@musify/domain/Hour.ts"
import { Either } from "effect"

/** A half-open span [from, to) of whole UTC hours. */
export interface Period {
  readonly from: Hour
  readonly to: Hour
}

/** The ranges that have a name. All of them end with the latest built hour, not at the wall clock. */
export const presets = ["today", "7d", "14d", "30d", "all"] as const
export type Preset = (typeof presets)[number]

/** What is built: [first, end) hours, of which those before `closed` cannot grow any more but by late events. */
export interface DataSpan {
  readonly first: Hour
  readonly end: Hour
  readonly closed: Hour
}

const day = 24
const startOfDay = (hour: Hour): Hour => Math.floor(hour / day) * day
const presetDays: Readonly<Record<Exclude<Preset, "all">, number>> = {
  today: 1,
  "7d": 7,
  "14d": 14,
  "30d": 30
}

/** The span of what is published; undefined before the first hour. */
export const dataSpan = (manifest: {
  readonly firstHour: number | null
  readonly lastHour: number | null
  readonly through: number | null
}): DataSpan | undefined => {
  if (manifest.firstHour === null || manifest.lastHour === null) return undefined
  const end = manifest.lastHour + 1
  return {
    first: manifest.firstHour,
    end,
    closed: manifest.through === null ? end : Math.min(end, hourOf(manifest.through + 1))
  }
}

/** A named range over the data: whole UTC days, the last of them as far as it is built. */
export const presetPeriod = (preset: Preset, span: DataSpan): Period =>
  preset === "all"
    ? { from: span.first, to: span.end }
    : { from: startOfDay(span.end - 1) - (presetDays[preset] - 1) * day, to: span.end }

/** `2026-11-23` or `2026-11-23T16`: the first hour and the hour after the last one that the text names. */
const parseBound = (text: string): Period | undefined => {
  const match = /^(\d{4}-\d\d-\d\d)(?:T(\d\d))?$/.exec(text)
  if (match === null) return undefined
  const time = Date.parse(`${match[1]}T${match[2] ?? "00"}:00Z`)
  if (Number.isNaN(time) || !new Date(time).toISOString().startsWith(text)) return undefined
  const from = hourOf(time)
  return { from, to: from + (match[2] === undefined ? day : 1) }
}

/** The longest custom range, in hours: ten years. */
const longest = 3660 * day

/**
 * The period that query parameters ask for: a preset, or `from` and `to` (UTC days or hours, both included).
 * Left: what was wrong and what was expected. Without parameters: the last 7 days.
 */
export const parsePeriod = (
  query: {
    readonly range?: string | undefined
    readonly from?: string | undefined
    readonly to?: string | undefined
  },
  span: DataSpan
): Either.Either<Period, string> => {
  const { range, from, to } = query
  if (from === undefined && to === undefined) {
    const preset = presets.find((name) => name === (range ?? "7d"))
    return preset === undefined
      ? Either.left(
          `range is ${JSON.stringify(range)}: one of ${presets.join(", ")} was expected, or from and to.`
        )
      : Either.right(presetPeriod(preset, span))
  }
  if (range !== undefined) return Either.left("Give either range, or from and to, not both.")
  const first = parseBound(from ?? "")
  const last = parseBound(to ?? "")
  if (first === undefined || last === undefined) {
    const [name, value] = first === undefined ? ["from", from] : ["to", to]
    return Either.left(
      `${name} is ${JSON.stringify(value ?? null)}: a UTC day like 2026-11-23 or an hour like 2026-11-23T16 was expected.`
    )
  }
  if (last.to <= first.from) return Either.left(`to (${to}) lies before from (${from}).`)
  if (last.to - first.from > longest) return Either.left("The period is longer than ten years.")
  return Either.right({ from: first.from, to: last.to })
}

/** The period before, of the same length and the same end of day: earlier by the length rounded up to whole days. */
export const previousPeriod = (period: Period): Period => {
  const shift = Math.ceil((period.to - period.from) / day) * day
  return { from: period.from - shift, to: period.to - shift }
}

/**
 * What a change is measured on: the closed hours of the period, and the same hours of the previous period. Undefined
 * when there is no closed hour yet, or when the data begin after the previous period does.
 */
export const comparison = (
  period: Period,
  span: DataSpan
): { readonly current: Period; readonly previous: Period } | undefined => {
  const current = { from: period.from, to: Math.min(period.to, span.closed) }
  const shifted = previousPeriod(period)
  const previous = { from: shifted.from, to: shifted.from + (current.to - current.from) }
  return current.to <= current.from || previous.from < span.first ? undefined : { current, previous }
}

/** The day (hours [d, d + 24)) in which a period ends. */
export const lastDay = (period: Period): Period => {
  const from = startOfDay(period.to - 1)
  return { from, to: from + day }
}

/** `2026-11-23T16:00Z` */
export const hourIso = (hour: Hour): string => `${hourText(hour)}:00Z`

/** `TIMESTAMP '2026-11-23 16:00:00'`, an hour as DuckDB writes it. */
export const hourSql = (hour: Hour): string =>
  `TIMESTAMP '${new Date(hourStart(hour)).toISOString().slice(0, 19).replace("T", " ")}'`
