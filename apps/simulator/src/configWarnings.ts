import { configFaults, type ConfigRemark, endlessStates, followWays } from "./configFaults.ts"
import { EventsimConfig, type State, stateKey, stateText } from "./EventsimConfig.ts"

const stateFields = ["page", "auth", "status", "method", "level"]
const itemKeys: Readonly<Record<string, ReadonlyArray<string>>> = {
  transitions: ["source", "dest", "p"],
  "new-session": [...stateFields, "weight"],
  "show-user-details": ["auth", "show"],
  auths: ["auth", "weight"],
  levels: ["level", "weight"]
}
/** Keys of Eventsim's own files that Eventsim does not use either. */
const idleKeys: Readonly<Record<string, string>> = {
  upgrades: "is not used, as in Eventsim",
  downgrades: "is not used, as in Eventsim",
  "start-date": "is not used, as in Eventsim: give --start",
  "end-date": "is not used, as in Eventsim: give --end"
}

/** Kinds of warnings are told this often each; the rest is counted. */
const mostOfAKind = 10

const limited = (warnings: ReadonlyArray<ConfigRemark>, kind: string): ReadonlyArray<ConfigRemark> =>
  warnings.length <= mostOfAKind
    ? warnings
    : [
        ...warnings.slice(0, mostOfAKind),
        {
          path: [warnings[0].path[0]],
          message: `has ${warnings.length - mostOfAKind} more ${kind}`
        }
      ]

/** Edit distance of two words, as far as it is at most 2. */
const isNear = (a: string, b: string): boolean => {
  let row = Array.from({ length: b.length + 1 }, (_, n) => n)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      next.push(Math.min(next[j - 1] + 1, row[j] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1)))
    }
    row = next
  }
  return row[b.length] <= 2
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** Keys that mean nothing, each name once. */
const unknownKeys = (raw: unknown): ReadonlyArray<ConfigRemark> => {
  const warnings = new Map<string, { remark: ConfigRemark; more: number }>()
  const known = Object.keys(EventsimConfig.fields)
  const unknown = (path: ReadonlyArray<PropertyKey>, expected: ReadonlyArray<string>) => {
    const key = String(path[path.length - 1])
    const id = JSON.stringify(path.filter((part) => typeof part !== "number"))
    const before = warnings.get(id)
    if (before !== undefined) {
      before.more++
      return
    }
    const near = expected.find((name) => isNear(name, key))
    const hint = near === undefined ? "" : `; did you mean ${near}?`
    const message = (path.length === 1 ? idleKeys[key] : undefined) ?? `is unknown and not used${hint}`
    warnings.set(id, { remark: { path, message }, more: 0 })
  }
  const check = (value: unknown, path: ReadonlyArray<PropertyKey>, expected: ReadonlyArray<string>) => {
    if (!isObject(value)) return
    for (const key of Object.keys(value)) if (!expected.includes(key)) unknown([...path, key], expected)
  }
  check(raw, [], known)
  for (const [list, expected] of Object.entries(itemKeys)) {
    const items = isObject(raw) ? raw[list] : undefined
    if (!Array.isArray(items)) continue
    for (const [i, item] of items.entries()) {
      check(item, [list, i], expected)
      if (list !== "transitions" || !isObject(item)) continue
      for (const end of ["source", "dest"]) check(item[end], [list, i, end], stateFields)
    }
  }
  return [...warnings.values()].map(({ remark, more }) =>
    more === 0 ? remark : { ...remark, message: `${remark.message} (and ${more} more of this name)` }
  )
}

/**
 * What a config says in vain or by mistake, though it can be run: unknown keys, states that nobody reaches, states
 * without a way out that are no end, endless sessions, transitions that are named twice. `raw` is the file's content.
 */
export const configWarnings = (raw: unknown, config: EventsimConfig): ReadonlyArray<ConfigRemark> => {
  const warnings = [...unknownKeys(raw)]
  // With faults it is not known what is reached.
  if (configFaults(config).length > 0) return warnings

  const places = new Map<string, { readonly path: ReadonlyArray<PropertyKey>; readonly state: State }>()
  const ways = new Map<string, number>()
  const seen = new Map<string, number>()
  const twice: Array<ConfigRemark> = []
  for (const [i, { source, dest, p }] of config.transitions.entries()) {
    for (const [end, state] of [["source", source] as const, ["dest", dest] as const]) {
      const key = stateKey(state)
      if (!places.has(key)) places.set(key, { path: ["transitions", i, end], state })
    }
    ways.set(stateKey(source), (ways.get(stateKey(source)) ?? 0) + p)
    const pair = stateKey(source) + stateKey(dest)
    const earlier = seen.get(pair)
    if (earlier !== undefined) {
      twice.push({
        path: ["transitions", i],
        message: `is between the same states as transitions[${earlier}]: the later one counts, and the share of the earlier one ends the session, as in Eventsim`
      })
    }
    seen.set(pair, i)
  }
  warnings.push(...limited(twice, "such transitions"))

  const canJoin = config["new-session"].some(
    (s) => s.auth === config["new-user-auth"] && s.level === config["new-user-level"] && s.weight > 0
  )
  const { reached } = followWays(config, canJoin)
  const unreachable: Array<ConfigRemark> = []
  const deadEnds: Array<ConfigRemark> = []
  for (const [key, { path, state }] of places) {
    if (!reached.has(key))
      unreachable.push({ path, message: `is ${stateText(state)}, which nobody ever reaches` })
    else if ((ways.get(key) ?? 0) === 0 && state.auth !== config["churned-state"]) {
      deadEnds.push({
        path,
        message: `is ${stateText(state)}, a state without a way out: the session ends there, and another one follows`
      })
    }
  }
  warnings.push(
    ...limited(unreachable, "states that nobody reaches"),
    ...limited(deadEnds, "states without a way out")
  )
  const [endless] = endlessStates(config, reached)
  if (endless !== undefined) {
    warnings.push({
      path: ["transitions"],
      message: `let sessions go on for ever from ${stateText(endless)}: no way leads to an end`
    })
  }
  return warnings
}
