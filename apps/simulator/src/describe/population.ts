import { dailyShifts, makeWeekendShare } from "../calendar.ts"
import type { EventsimConfig } from "../EventsimConfig.ts"
import { yearSeconds } from "../Listeners.ts"
import { type Chain, nextClasses, visitsOf } from "./Chain.ts"
import { dot, exponentialOf, type Matrix, times, zeros } from "./linear.ts"
import { factors } from "./sessionTime.ts"

/** A span of simulated time: from its begin (epoch seconds; undefined: an average time of the year) for so many days. */
export interface Span {
  readonly start: number | undefined
  readonly days: number
}

/** What becomes of the listeners of a span's begin, as shares of them, and how many sessions all have. */
export interface Population {
  /** Sessions within the span per listener of its begin, by class; those who join on the way included. */
  readonly sessions: Float64Array
  /** Mean length of those sessions in seconds, by class. */
  readonly seconds: Float64Array
  /** Share of each class among the listeners at the begin. */
  readonly classes: Float64Array
  readonly churn: { readonly cancelled: number; readonly attrition: number }
  /** Of those who are of level `from` at the begin: who has gone to level `to` at least once. */
  readonly levelChanges: ReadonlyArray<{ readonly from: string; readonly to: string; readonly share: number }>
}

const daySeconds = 86_400
/** Without a begin, weekends and holidays are averaged over these years. */
const averageFrom = Date.UTC(2021, 0, 1) / 1000
const averageDays = 6 * 365

/** Share of the session starts that weekends and holidays refuse, at the times to which the daily rhythm moves them. */
export const refusedShare = (config: EventsimConfig, { days, start }: Span): number => {
  const shifts = dailyShifts(config.damping)
  const weekendShare = makeWeekendShare({
    share: config["weekend-damping"],
    offset: config["weekend-damping-offset"] * 60,
    scale: config["weekend-damping-scale"] * 60,
    uncapped: config["eventsim-compatible"] ?? false
  })
  const from = start ?? averageFrom
  const seconds = (start === undefined ? averageDays : days) * daySeconds
  const step = 900
  let sum = 0
  for (let t = from; t < from + seconds; t += step) {
    const time = t + shifts[((t % daySeconds) + daySeconds) % daySeconds]
    sum += Math.min(1, Math.max(0, weekendShare(time)))
  }
  return sum / Math.ceil(seconds / step)
}

/** The chain without the ways from one level to another: `next` as `nextClasses`, `changes` the sessions that took one. */
const withoutChange = (chain: Chain, from: string, to: string) => {
  const { states } = chain
  const isChange = (i: number, j: number) => states[i].level === from && states[j].level === to
  const ways = chain.ways.map((row, i) => row.map((p, j) => (isChange(i, j) ? 0 : p)))
  const visits = visitsOf(chain, ways)
  const changes = visits.map((row) => {
    let share = 0
    for (let i = 0; i < row.length; i++) {
      for (let j = 0; j < row.length; j++) if (isChange(i, j)) share += row[i] * chain.ways[i][j]
    }
    return share
  })
  return { next: nextClasses(chain, visits), changes }
}

/** Pairs of levels between which a transition leads. */
const levelPairs = (chain: Chain): ReadonlyArray<readonly [from: string, to: string]> => {
  const pairs = new Map<string, readonly [string, string]>()
  for (const [i, row] of chain.ways.entries()) {
    for (let j = 0; j < row.length; j++) {
      const [from, to] = [chain.states[i].level, chain.states[j].level]
      if (row[j] > 0 && from !== to) pairs.set(JSON.stringify([from, to]), [from, to])
    }
  }
  return [...pairs.values()]
}

/**
 * Follows the listeners through a span. A listener of factor L comes again every beta · L + session gap seconds, more
 * often than not refused on weekends, plus the session itself; between sessions only the class counts. That the gaps
 * are exponential makes it a continuous-time chain over the classes for each L; the results are averaged over L and alpha.
 * `seconds` is the expected length of a session for each factor of alpha, by class: who takes long comes less often.
 */
export const followPopulation = (
  config: EventsimConfig,
  chain: Chain,
  visits: Matrix,
  seconds: ReadonlyArray<ArrayLike<number>>,
  span: Span
): Population => {
  const count = chain.classes.length
  const t = span.days * daySeconds
  const next = nextClasses(chain, visits)
  const refused = refusedShare(config, span)
  const growth = (config["growth-rate"] ?? 0) / yearSeconds
  const attrition = (config["attrition-rate"] ?? 0) / yearSeconds
  const changes = levelPairs(chain).map(([from, to]) => ({
    from,
    to,
    ...withoutChange(chain, from, to),
    before: 0,
    changed: 0
  }))
  const sessions = new Float64Array(count)
  const lengths = new Float64Array(count)
  const classes = new Float64Array(count)
  let [before, after, cancelled] = [0, 0, 0]

  const pairs = factors.flatMap((alpha, n) =>
    factors.map(({ share, value }) => ({
      share: share * alpha.share,
      beta: config.beta * value,
      length: seconds[n]
    }))
  )
  for (const { beta, length, share } of pairs) {
    if (share < 1e-8) continue
    const gap = (beta + config["session-gap"]) / (1 - refused)
    const rate = Float64Array.from({ length: count }, (_, c) => 1 / (gap + length[c]))
    /** At a session's end a listener stays with probability exp(−rate · time since the last one), on average. */
    const stays = rate.map((r) => 1 / (1 + attrition / r))
    const generator = (matrix: Matrix, staying: boolean) =>
      matrix.map((row, c) => row.map((p, d) => rate[c] * (p * (staying ? stays[c] : 1) - (c === d ? 1 : 0))))
    // The listeners of the begin have come and gone for one beta before it, when nobody leaves by attrition.
    const now = times(chain.initial, exponentialOf(generator(next, false), beta))

    // Classes, sessions begun by class, listeners who left by cancelling, and those joining (growing exponentially).
    const size = 2 * count + 2
    const [cancel, source] = [2 * count, 2 * count + 1]
    const all = zeros(size, size)
    const g = generator(next, true)
    const leaves = next.map((row) => Math.max(0, 1 - row.reduce((a, b) => a + b, 0)))
    for (let c = 0; c < count; c++) {
      for (let d = 0; d < count; d++) all[c][d] = g[c][d]
      all[c][count + c] = rate[c]
      all[c][cancel] = rate[c] * leaves[c]
    }
    // Those who join begin a session at once.
    all[source][source] = growth
    for (let d = 0; d < count; d++) all[source][d] = growth * next[chain.joining][d]
    all[source][count + chain.joining] = growth
    const passed = exponentialOf(all, t)
    const y = times([...now, ...new Float64Array(count), 0, 0], passed)
    const joined = times([...new Float64Array(2 * count), 0, 1], passed)
    for (let c = 0; c < count; c++) {
      classes[c] += share * now[c]
      const begun = share * (y[count + c] + joined[count + c])
      sessions[c] += begun
      lengths[c] += begun * length[c]
      before += share * now[c]
      after += share * y[c]
    }
    cancelled += share * y[cancel]

    for (const change of changes) {
      const rows = zeros(count + 1, count + 1)
      const taboo = generator(change.next, true)
      const of = Float64Array.from({ length: count + 1 }, (_, c) =>
        c < count && chain.classes[c].level === change.from ? now[c] : 0
      )
      for (let c = 0; c < count; c++) {
        for (let d = 0; d < count; d++) rows[c][d] = taboo[c][d]
        rows[c][count] = rate[c] * change.changes[c]
      }
      change.before += share * of.reduce((a, b) => a + b, 0)
      change.changed += share * times(of, exponentialOf(rows, t))[count]
    }
  }
  return {
    sessions: sessions.map((n) => n / before),
    seconds: lengths.map((sum, c) => (sessions[c] === 0 ? 0 : sum / sessions[c])),
    classes: classes.map((n) => n / before),
    churn: {
      cancelled: cancelled / before,
      attrition: Math.max(0, (before - after - cancelled) / before)
    },
    levelChanges: changes
      .filter((change) => change.before > 0)
      .map(({ before: all, changed, from, to }) => ({ from, to, share: changed / all }))
  }
}

/** Expected value over all sessions of what is `perClass`. */
export const perSession = (sessions: ArrayLike<number>, perClass: ArrayLike<number>): number =>
  dot(sessions, perClass) / Array.from(sessions).reduce((a, b) => a + b, 0)
