import { type EventsimConfig, type State, stateKey } from "../EventsimConfig.ts"
import { type Matrix, solveLeft, zeros } from "./linear.ts"

/** What decides in which state a session begins. */
export interface ListenerClass {
  readonly auth: string
  readonly level: string
}

/**
 * A config as a Markov chain: states with the probabilities between them, and classes (auth, level) from which
 * sessions begin. Read off the config itself, not off what the simulation compiles from it, so that each checks the
 * other.
 */
export interface Chain {
  readonly states: ReadonlyArray<State>
  /** `ways[s][t]`: probability of going from s to t; what is missing to 1 ends the session. */
  readonly ways: Matrix
  readonly ends: Float64Array
  readonly classes: ReadonlyArray<ListenerClass>
  /** Class of each state. */
  readonly classOf: Int32Array
  /** `starts[c][s]`: probability that a session of class c begins in s; all 0 where none can. */
  readonly starts: Matrix
  /** Share of each class among the initial listeners. */
  readonly initial: Float64Array
  /** Class of those who join. */
  readonly joining: number
  readonly isRedirect: (state: number) => boolean
  readonly isSong: (state: number) => boolean
  /** Whoever ends a session there is gone for good. */
  readonly isChurned: (state: number) => boolean
}

export const makeChain = (config: EventsimConfig): Chain => {
  const states: Array<State> = []
  const numbers = new Map<string, number>()
  const numberOf = (s: State): number => {
    let n = numbers.get(stateKey(s))
    if (n === undefined) {
      n = states.push(s) - 1
      numbers.set(stateKey(s), n)
    }
    return n
  }
  const pairs = config.transitions.map(
    ({ dest, p, source }) => [numberOf(source), numberOf(dest), p] as const
  )
  const ways = zeros(states.length, states.length)
  // Of two transitions between the same states the later one counts.
  for (const [source, dest, p] of pairs) ways[source][dest] = p

  const classes: Array<ListenerClass> = []
  const classNumber = (auth: string, level: string): number => {
    const found = classes.findIndex((c) => c.auth === auth && c.level === level)
    return found === -1 ? classes.push({ auth, level }) - 1 : found
  }
  const classOf = Int32Array.from(states, (s) => classNumber(s.auth, s.level))
  const shares = new Map<number, number>()
  const weightOf = (list: ReadonlyArray<{ readonly weight: number }>) =>
    list.reduce((sum, { weight }) => sum + weight, 0)
  for (const { auth, weight } of config.auths) {
    for (const { level, weight: levelWeight } of config.levels) {
      const share = (weight / weightOf(config.auths)) * (levelWeight / weightOf(config.levels))
      if (share === 0) continue
      const c = classNumber(auth, level)
      shares.set(c, (shares.get(c) ?? 0) + share)
    }
  }
  const joining = classNumber(config["new-user-auth"], config["new-user-level"])

  const starts = zeros(classes.length, states.length)
  for (const [c, { auth, level }] of classes.entries()) {
    const entries = config["new-session"].filter((s) => s.auth === auth && s.level === level && s.weight > 0)
    for (const entry of entries) starts[c][numberOf(entry)] += entry.weight / weightOf(entries)
  }
  return {
    states,
    ways,
    ends: Float64Array.from(ways, (row) => Math.max(0, 1 - row.reduce((a, b) => a + b, 0))),
    classes,
    classOf,
    starts,
    initial: Float64Array.from(classes, (_, c) => shares.get(c) ?? 0),
    joining,
    isRedirect: (s) => states[s].status >= 300 && states[s].status < 399,
    isSong: (s) => states[s].page === "NextSong",
    isChurned: (s) => states[s].auth === config["churned-state"]
  }
}

/** Expected visits of each state in a session of each class, where only `ways` are gone (all, or some taken out). */
export const visitsOf = (chain: Chain, ways: Matrix = chain.ways): Matrix => {
  const n = chain.states.length
  const a = zeros(n, n)
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) a[i][j] = (i === j ? 1 : 0) - ways[i][j]
  }
  return solveLeft(a, chain.starts)
}

/** `K[c][d]`: probability that a session of class c ends in class d and that the listener comes again. */
export const nextClasses = (chain: Chain, visits: Matrix): Matrix => {
  const next = zeros(chain.classes.length, chain.classes.length)
  for (const [c, row] of visits.entries()) {
    for (let s = 0; s < row.length; s++) {
      if (!chain.isChurned(s)) next[c][chain.classOf[s]] += row[s] * chain.ends[s]
    }
  }
  return next
}
