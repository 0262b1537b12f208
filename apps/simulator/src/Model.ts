import type { EventsimConfig, State } from "./EventsimConfig.ts"
import { dailyShifts, makeWeekendShare } from "./calendar.ts"

const two32 = 4294967296

/**
 * A config compiled for the hot loop. States are numbered; `classes` are the (auth, level) pairs from which sessions
 * begin. The transitions of state s are entries [first[s], first[s + 1]): the first whose `limits` is above 32 random
 * bits is taken, its `dests` is the state entered, and no entry (or dest -1) ends the session.
 */
export interface Model {
  readonly states: ReadonlyArray<State>
  readonly first: Int32Array
  /** Upper ends of the intervals, times 2³² (doubles: 2³² itself must fit). */
  readonly limits: Float64Array
  readonly dests: Int32Array
  readonly isRedirect: Uint8Array
  readonly isSong: Uint8Array
  readonly isLogin: Uint8Array
  readonly isStatusChange: Uint8Array
  readonly isLoggedIn: Uint8Array
  readonly isChurned: Uint8Array
  readonly showsUser: Uint8Array
  /** (auth, level) class of each state. */
  readonly classOf: Int32Array
  /** New-session choices per class, laid out as the transitions are. */
  readonly startFirst: Int32Array
  readonly startLimits: Float64Array
  readonly startStates: Int32Array
  /** Draws of auth and level of the initial listeners: limits times 2³², and the class for [auth][level]. */
  readonly authLimits: Float64Array
  readonly levelLimits: Float64Array
  readonly initialClass: ReadonlyArray<Int32Array>
  readonly newUserClass: number
  readonly alpha: number
  readonly beta: number
  readonly sessionGap: number
  readonly shifts: Int32Array
  /** Greatest entry of `shifts`, seconds. */
  readonly greatestShift: number
  readonly weekendShare: (time: number) => number
  /** Eventsim's own behaviour where ours differs on purpose. */
  readonly eventsimCompatible: boolean
}

const flags = (states: ReadonlyArray<State>, test: (s: State) => boolean): Uint8Array =>
  Uint8Array.from(states, (s) => (test(s) ? 1 : 0))

/** Cumulated weights, scaled so that the last is 2³². */
const weightLimits = (weights: ReadonlyArray<number>): Float64Array => {
  const total = weights.reduce((a, b) => a + b, 0)
  let sum = 0
  return Float64Array.from(weights, (w) => ((sum += w) / total) * two32)
}

/** Compiles a checked config. */
export const compileModel = (config: EventsimConfig): Model => {
  const numbers = new Map<string, number>()
  const states: Array<State> = []
  const numberOf = (s: State): number => {
    const key = JSON.stringify([s.page, s.auth, s.status, s.method, s.level])
    let n = numbers.get(key)
    if (n === undefined) {
      n = states.push(s) - 1
      numbers.set(key, n)
    }
    return n
  }
  const classes = new Map<string, number>()
  const classOf = (auth: string, level: string): number => {
    const key = JSON.stringify([auth, level])
    if (!classes.has(key)) classes.set(key, classes.size)
    return classes.get(key)!
  }

  const outgoing: Array<Array<{ dest: number; limit: number }>> = []
  const sums: Array<number> = []
  for (const { source, dest, p } of config.transitions) {
    const s = numberOf(source)
    const d = numberOf(dest)
    const list = (outgoing[s] ??= [])
    // Of two transitions between the same states the later one counts; the earlier one's share ends the session.
    for (const earlier of list) if (earlier.dest === d) earlier.dest = -1
    sums[s] = (sums[s] ?? 0) + p
    list.push({ dest: d, limit: sums[s] > 1 - 1e-12 ? two32 : sums[s] * two32 })
  }
  const first = new Int32Array(states.length + 1)
  const limits: Array<number> = []
  const dests: Array<number> = []
  for (let s = 0; s < states.length; s++) {
    for (const { dest, limit } of outgoing[s] ?? []) {
      limits.push(limit)
      dests.push(dest)
    }
    first[s + 1] = limits.length
  }

  const auths = config.auths.map((entry) => entry.auth)
  const levels = config.levels.map((entry) => entry.level)
  const initialClass = auths.map((auth) => Int32Array.from(levels, (level) => classOf(auth, level)))
  const newUserClass = classOf(config["new-user-auth"], config["new-user-level"])
  const stateClass = Int32Array.from(states, (s) => classOf(s.auth, s.level))
  const startFirst = new Int32Array(classes.size + 1)
  const startLimits: Array<number> = []
  const startStates: Array<number> = []
  for (const [key, c] of classes) {
    const [auth, level] = JSON.parse(key) as [string, string]
    const entries = config["new-session"].filter((s) => s.auth === auth && s.level === level && s.weight > 0)
    startLimits.push(...weightLimits(entries.map((entry) => entry.weight)))
    startStates.push(...entries.map(numberOf))
    startFirst[c + 1] = startStates.length
  }

  const shown = new Set(config["show-user-details"].filter((entry) => entry.show).map((entry) => entry.auth))
  const shifts = dailyShifts(config.damping)
  return {
    states,
    first,
    limits: Float64Array.from(limits),
    dests: Int32Array.from(dests),
    isRedirect: flags(states, (s) => s.status >= 300 && s.status < 399),
    isSong: flags(states, (s) => s.page === "NextSong"),
    isLogin: flags(states, (s) => s.page === "Login"),
    isStatusChange: flags(states, (s) => s.page === "Submit Upgrade" || s.page === "Submit Downgrade"),
    isLoggedIn: flags(states, (s) => s.auth === "Logged In"),
    isChurned: flags(states, (s) => s.auth === config["churned-state"]),
    showsUser: flags(states, (s) => shown.has(s.auth)),
    classOf: stateClass,
    startFirst,
    startLimits: Float64Array.from(startLimits),
    startStates: Int32Array.from(startStates),
    authLimits: weightLimits(config.auths.map((entry) => entry.weight)),
    levelLimits: weightLimits(config.levels.map((entry) => entry.weight)),
    initialClass,
    newUserClass,
    alpha: config.alpha,
    beta: config.beta,
    sessionGap: config["session-gap"],
    shifts,
    greatestShift: shifts.reduce((a, b) => Math.max(a, b), 0),
    weekendShare: makeWeekendShare({
      share: config["weekend-damping"],
      offset: config["weekend-damping-offset"] * 60,
      scale: config["weekend-damping-scale"] * 60,
      uncapped: config["eventsim-compatible"] ?? false
    }),
    eventsimCompatible: config["eventsim-compatible"] ?? false
  }
}
