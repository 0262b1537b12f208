import { type EventsimConfig, type State, stateKey, stateText, type Transition } from "./EventsimConfig.ts"

/** Something about a key of a config, as a sentence that begins with the key. */
export interface ConfigRemark {
  readonly path: ReadonlyArray<PropertyKey>
  readonly message: string
}

/** Sums of probabilities are allowed this much above 1: the rounding of doubles. */
const rounding = 1e-12

/** Where sessions never end, or sessions follow at once, listeners whose clocks hardly move would never let a second pass. */
const leastEndlessAlpha = 5
const leastGaplessBeta = 3600

const quoted = (value: unknown): string => JSON.stringify(value)

/** Transitions (with their place in the file) by source. */
const bySource = (transitions: Iterable<readonly [number, Transition]>) => {
  const groups = new Map<string, Array<readonly [number, Transition]>>()
  for (const entry of transitions) {
    const key = stateKey(entry[1].source)
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [entry])
    else group.push(entry)
  }
  return groups
}

/** States whose ways out add up to more than 1: one fault each, at the transition that goes beyond. */
export const sumFaults = (transitions: Iterable<readonly [number, Transition]>): Array<ConfigRemark> => {
  const faults: Array<ConfigRemark> = []
  for (const group of bySource(transitions).values()) {
    let sum = 0
    let beyond: number | undefined
    for (const [i, { p }] of group) {
      sum += p
      if (sum > 1 + rounding) beyond ??= i
    }
    if (beyond === undefined) continue
    const [, last] = group.find(([i]) => i === beyond)!
    faults.push({
      path: ["transitions", beyond, "p"],
      message: `is ${last.p}, with which the transitions from ${stateText(last.source)} add up to ${Number(sum.toPrecision(12))}, expected at most 1`
    })
  }
  return faults
}

/** What the states of a config lead to. */
export interface Reach {
  /** Keys of the states that a listener can be in. */
  readonly reached: ReadonlySet<string>
  readonly faults: ReadonlyArray<ConfigRemark>
}

/**
 * Follows every way a listener can take and looks for sessions that cannot begin and auths without visibility. Without
 * growth nobody joins: what only new listeners would need is no fault then.
 */
export const followWays = (config: EventsimConfig, joining: boolean): Reach => {
  const groups = bySource(config.transitions.entries())
  const shown = new Set(config["show-user-details"].map((entry) => entry.auth))
  const faults: Array<ConfigRemark> = []
  const begun = new Set<string>()
  const reached = new Set<string>()
  const walk: Array<State> = []
  const begin = (auth: string, level: string) => {
    const key = JSON.stringify([auth, level])
    if (begun.has(key)) return
    begun.add(key)
    const entries = config["new-session"].filter((s) => s.auth === auth && s.level === level && s.weight > 0)
    walk.push(...entries)
    if (entries.length > 0) return
    faults.push({
      path: ["new-session"],
      message: `has no state for listeners with auth ${quoted(auth)} and level ${quoted(level)}, expected one of weight above 0: their sessions could not begin`
    })
  }
  for (const { auth, weight } of config.auths) {
    for (const { level, weight: levelWeight } of config.levels) {
      if (weight > 0 && levelWeight > 0) begin(auth, level)
    }
  }
  if (joining) begin(config["new-user-auth"], config["new-user-level"])
  for (let state = walk.pop(); state !== undefined; state = walk.pop()) {
    const key = stateKey(state)
    if (reached.has(key)) continue
    reached.add(key)
    if (!shown.has(state.auth)) {
      shown.add(state.auth)
      faults.push({
        path: ["show-user-details"],
        message: `says nothing about auth ${quoted(state.auth)}, expected {"auth": ${quoted(state.auth)}, "show": true or false}`
      })
    }
    let sum = 0
    for (const [, { dest, p }] of groups.get(key) ?? []) {
      sum += p
      if (p > 0) walk.push(dest)
    }
    if (sum < 1 - rounding && state.auth !== config["churned-state"]) begin(state.auth, state.level)
  }
  return { reached, faults }
}

/** States from which a session can never end, among those that can be reached. */
export const endlessStates = (config: EventsimConfig, reached: ReadonlySet<string>): ReadonlyArray<State> => {
  const states = new Map<string, State>()
  for (const { source, dest } of config.transitions) {
    for (const state of [source, dest]) if (reached.has(stateKey(state))) states.set(stateKey(state), state)
  }
  const groups = bySource(config.transitions.entries())
  const ends = new Set<string>()
  for (let grew = true; grew;) {
    grew = false
    for (const key of states.keys()) {
      if (ends.has(key)) continue
      const group = groups.get(key) ?? []
      const last = new Map(group.map(([, { dest, p }]) => [stateKey(dest), p]))
      const sum = [...last.values()].reduce((a, b) => a + b, 0)
      if (sum < 1 - rounding || [...last].some(([dest, p]) => p > 0 && ends.has(dest))) {
        ends.add(key)
        grew = true
      }
    }
  }
  return [...states].filter(([key]) => !ends.has(key)).map(([, state]) => state)
}

/** What a config of the right form can still get wrong, all of it. */
export const configFaults = (config: EventsimConfig): Array<ConfigRemark> => {
  const faults = sumFaults(config.transitions.entries())
  const described = new Set(
    config.transitions.flatMap(({ source, dest }) => [stateKey(source), stateKey(dest)])
  )
  for (const [i, state] of config["new-session"].entries()) {
    if (described.has(stateKey(state))) continue
    faults.push({
      path: ["new-session", i],
      message: `is ${stateText(state)}, expected a state that occurs in transitions`
    })
  }
  for (const key of ["auths", "levels"] as const) {
    if (config[key].some((entry) => entry.weight > 0)) continue
    faults.push({ path: [key], message: "has no entry of weight above 0, expected one at least" })
  }
  const { faults: wayFaults, reached } = followWays(config, (config["growth-rate"] ?? 0) > 0)
  faults.push(...wayFaults)
  if (config["session-gap"] === 0 && config.beta < leastGaplessBeta) {
    faults.push({
      path: ["beta"],
      message: `is ${config.beta}, expected at least ${leastGaplessBeta} where session-gap is 0: some listeners would come again and again within one second`
    })
  }
  if (config.alpha < leastEndlessAlpha && endlessStates(config, reached).length > 0) {
    faults.push({
      path: ["alpha"],
      message: `is ${config.alpha}, expected at least ${leastEndlessAlpha} where sessions can go on for ever: some listeners would do endlessly much within one second`
    })
  }
  return faults
}
