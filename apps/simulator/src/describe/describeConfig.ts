import { endlessStates, followWays } from "../configFaults.ts"
import { type EventsimConfig, type State, stateKey } from "../EventsimConfig.ts"
import { makeChain, nextClasses, visitsOf } from "./Chain.ts"
import { followPopulation, perSession, type Span } from "./population.ts"
import { type Duration, sessionSeconds } from "./sessionTime.ts"

/** Expectations for one session; minutes are those from its first to its last event. */
export interface SessionFigures {
  readonly items: number
  readonly songs: number
  readonly minutes: number
}

/** The sessions of listeners with one auth and level. */
export interface ClassFigures extends SessionFigures {
  readonly auth: string
  readonly level: string
  /** Share among the listeners at the begin of the span, and among the sessions within it. */
  readonly listeners: number
  readonly sessions: number
  /** How a session ends: with which auth and level the listener comes again, or not at all. */
  readonly endsAs: ReadonlyArray<{ readonly auth: string; readonly level: string; readonly share: number }>
  readonly leaves: number
}

/** What a config makes its listeners do, on average. Shares are from 0 to 1. */
export interface Description {
  readonly states: number
  readonly transitions: number
  /** Length of the span that the following are about. */
  readonly days: number
  readonly session: SessionFigures
  readonly sessionsPerListener: number
  /** Share of the page views, the most frequent first. */
  readonly pages: ReadonlyArray<{ readonly page: string; readonly share: number }>
  readonly classes: ReadonlyArray<ClassFigures>
  /** Of the listeners of a level at the begin, who changes to another one within the span; by share. */
  readonly levelChanges: ReadonlyArray<{ readonly from: string; readonly to: string; readonly share: number }>
  /** The change from free to paid and back; null where the config has none. */
  readonly conversion: number | null
  readonly downgrade: number | null
  /** Share of the listeners who leave within the span. */
  readonly churn: { readonly total: number; readonly cancelled: number; readonly attrition: number }
}

const sum = (values: Iterable<number>): number => {
  let total = 0
  for (const value of values) total += value
  return total
}

/** The states from which a session cannot end; where there are any, lengths and shares have no expectation. */
export const endless = (config: EventsimConfig): ReadonlyArray<State> =>
  endlessStates(config, followWays(config, (config["growth-rate"] ?? 0) > 0).reached)

/**
 * Works out what to expect of a config from its Markov chain. The config's sessions must be able to end (`endless`).
 */
export const describeConfig = (
  config: EventsimConfig,
  durations: ReadonlyArray<Duration>,
  span: Span
): Description => {
  const chain = reachable(config)
  const visits = visitsOf(chain)
  const lengths = sessionSeconds(chain, visits, config.alpha, durations)
  const population = followPopulation(config, chain, visits, lengths, span)
  const items = visits.map(sum)
  const songs = visits.map((row) => sum(row.map((v, s) => (chain.isSong(s) ? v : 0))))
  const { churn, levelChanges, seconds, sessions } = population
  const next = nextClasses(chain, visits)

  const pages = new Map<string, number>()
  for (const [c, row] of visits.entries()) {
    for (const [s, { page }] of chain.states.entries()) {
      pages.set(page, (pages.get(page) ?? 0) + sessions[c] * row[s])
    }
  }
  const views = sum(pages.values())
  const change = (from: string, to: string) =>
    levelChanges.find((entry) => entry.from === from && entry.to === to)?.share ?? null
  return {
    states: new Set(config.transitions.flatMap((t) => [stateKey(t.source), stateKey(t.dest)])).size,
    transitions: config.transitions.length,
    days: span.days,
    session: {
      items: perSession(sessions, items),
      songs: perSession(sessions, songs),
      minutes: perSession(sessions, seconds) / 60
    },
    sessionsPerListener: sum(sessions),
    pages: [...pages]
      .map(([page, n]) => ({ page, share: n / views }))
      .filter(({ share }) => share > 0)
      .sort((a, b) => b.share - a.share),
    classes: chain.classes
      .map(({ auth, level }, c) => ({
        auth,
        level,
        listeners: population.classes[c],
        sessions: sessions[c] / sum(sessions),
        items: items[c],
        songs: songs[c],
        minutes: seconds[c] / 60,
        endsAs: chain.classes
          .map((end, d) => ({ auth: end.auth, level: end.level, share: next[c][d] }))
          .filter(({ share }) => share > 0)
          .sort((a, b) => b.share - a.share),
        leaves: Math.max(0, 1 - sum(next[c]))
      }))
      .filter((figures) => figures.items > 0 && (figures.sessions > 0 || figures.listeners > 0))
      .sort((a, b) => b.sessions - a.sessions),
    levelChanges,
    conversion: change("free", "paid"),
    downgrade: change("paid", "free"),
    churn: { ...churn, total: churn.cancelled + churn.attrition }
  }
}

/** The chain of the states that are ever reached: what is not could be endless, and counts for nothing. */
const reachable = (config: EventsimConfig) => {
  const { reached } = followWays(config, (config["growth-rate"] ?? 0) > 0)
  return makeChain({
    ...config,
    transitions: config.transitions.filter(({ source }) => reached.has(stateKey(source))),
    "new-session": config["new-session"].filter((state) => reached.has(stateKey(state)))
  })
}
