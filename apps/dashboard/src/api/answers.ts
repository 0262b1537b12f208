import { Schema } from "effect"

const { Boolean, Int, NullOr, Number, String, Struct } = Schema
const Span = Struct({ from: String, to: String })

/** Totals of a period; seconds are seconds listened. */
const totals = { listeners: Int, plays: Int, seconds: Int, paidListeners: Int, newListeners: Int }
export const Totals = Struct(totals)
export type Totals = typeof Totals.Type

/**
 * The whole period, and the two equal spans that a change is measured on: `compared` (the closed hours of the period)
 * and `previous`; null when the data do not reach back that far or no hour is closed.
 */
export const SummaryRow = Struct({
  span: Schema.Literal("period", "compared", "previous"),
  from: String,
  to: String,
  ...totals
})
export type SummaryRow = typeof SummaryRow.Type

/** `at`: start of the hour or day. `open`: it can still grow. */
export const TrendRow = Struct({ at: String, open: Boolean, ...totals })
export type TrendRow = typeof TrendRow.Type

/** `plays` is null for hours that are not built yet; `open`: the hour is still filling; `late`: when it was rebuilt. */
export const ActivityRow = Struct({
  hour: Int,
  plays: NullOr(Int),
  previousPlays: NullOr(Int),
  open: Boolean,
  rebuiltAt: NullOr(Number)
})
export type ActivityRow = typeof ActivityRow.Type

/** `state` is null for plays from nowhere known. */
export const StateRow = Struct({ state: NullOr(String), listeners: Int, plays: Int })
export type StateRow = typeof StateRow.Type

/** `previousRank` is null when the song had no play in the previous period, or that is before the data. */
export const SongRow = Struct({
  rank: Int,
  previousRank: NullOr(Int),
  songKey: String,
  title: String,
  artist: String,
  plays: Int
})
export type SongRow = typeof SongRow.Type

export const ArtistRow = Struct({
  rank: Int,
  previousRank: NullOr(Int),
  artistKey: String,
  artist: String,
  plays: Int
})
export type ArtistRow = typeof ArtistRow.Type

/** `gender` is null when the profile has none. */
export const GenderRow = Struct({ gender: NullOr(String), listeners: Int, plays: Int })
export type GenderRow = typeof GenderRow.Type

export const LevelByGenderRow = Struct({ level: String, gender: NullOr(String), listeners: Int, plays: Int })
export type LevelByGenderRow = typeof LevelByGenderRow.Type

/** `weekday` 1 (Monday) to 7, `hours`: closed hours of this kind in the period, `plays` in them. */
export const HeatmapRow = Struct({ weekday: Int, hour: Int, hours: Int, plays: Int })
export type HeatmapRow = typeof HeatmapRow.Type

export const ActiveUsersRow = Struct({ date: String, dau: Int, wau: Int, mau: Int })
export type ActiveUsersRow = typeof ActiveUsersRow.Type

/**
 * Changes of level that happened, by the level before; `listeners` at that level in the same days; `meanDays` at it
 * before the change, null for cancellations.
 */
export const LevelChangeRow = Struct({
  change: Schema.Literal("upgrades", "downgrades", "cancellations"),
  level: String,
  changes: Int,
  listeners: Int,
  meanDays: NullOr(Number)
})
export type LevelChangeRow = typeof LevelChangeRow.Type

/** `cohort`: Monday of the week in which its `users` played first; `returned` of them played `week` weeks later. `open`: that week is not over. */
export const RetentionRow = Struct({ cohort: String, week: Int, users: Int, returned: Int, open: Boolean })
export type RetentionRow = typeof RetentionRow.Type

export const SkipsRow = Struct({ level: String, plays: Int, skips: Int })
export type SkipsRow = typeof SkipsRow.Type

/** The names are null for plays without a user agent, "other" for one that is not known. */
export const DeviceRow = Struct({
  browser: NullOr(String),
  os: NullOr(String),
  form: NullOr(String),
  listeners: Int,
  plays: Int,
  skips: Int
})
export type DeviceRow = typeof DeviceRow.Type

/** What every answer carries beside its rows. */
const answer = {
  /** The published version it was computed from. */
  version: String,
  /** Every event up to this time (epoch ms) that the lake holds is in. */
  through: NullOr(Number),
  /** The period: hours from `from` on, before `to`. */
  period: Span,
  /** State that it is limited to ("none": plays without a state), or null for all. */
  state: NullOr(String),
  /** The query as it ran, over the published tables. */
  sql: String
}
export const Answer = <A, I>(row: Schema.Schema<A, I>) => Struct({ ...answer, rows: Schema.Array(row) })
export interface Answer<A> extends Schema.Simplify<Schema.Struct.Type<typeof answer>> {
  readonly rows: ReadonlyArray<A>
}

/** What is published: freshness, audits, the span of the data. */
export const Status = Struct({
  version: NullOr(String),
  publishedAt: NullOr(Number),
  through: NullOr(Number),
  firstHour: NullOr(Int),
  lastHour: NullOr(Int),
  lateHours: Schema.Array(Struct({ hour: Int, rebuiltAt: Number })),
  audits: Struct({ passed: Int, total: Int, failed: Schema.Array(String) }),
  rows: Schema.Record({ key: String, value: Int }),
  /** Why the latest version cannot be read, if so; the version before it goes on answering. */
  problem: NullOr(String)
})
export type Status = typeof Status.Type

/** One message of the live stream. Times are the pipeline's clock, epoch ms. */
export const Live = Struct({
  at: Number,
  /** Events per second that the log acknowledged, over the last seconds; null until it is known. */
  eventsPerSecond: NullOr(Number),
  /** Events in the log, all topics. */
  logEvents: NullOr(Number),
  version: NullOr(String),
  publishedAt: NullOr(Number),
  through: NullOr(Number)
})
export type Live = typeof Live.Type

/** RFC 9457 problem details. */
export const Problem = Struct({ type: String, title: String, status: Int, detail: String })
export type Problem = typeof Problem.Type
