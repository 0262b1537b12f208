import { UserError } from "@musify/runtime/UserError.ts"
import { Effect, Either, ParseResult, Schema } from "effect"
import { findNodeAtLocation, parse, parseTree, type ParseError, printParseErrorCode } from "jsonc-parser"
import { readFile } from "node:fs/promises"
import { EventsimConfig, type State } from "./EventsimConfig.ts"

/** `Home (GET 200, Logged In, free)`, a state as people read it. */
export const stateText = (s: State): string => `${s.page} (${s.method} ${s.status}, ${s.auth}, ${s.level})`

const stateKey = (s: State): string => JSON.stringify([s.page, s.auth, s.status, s.method, s.level])

/** Sums of probabilities are allowed this much above 1: the rounding of doubles. */
const rounding = 1e-12

/**
 * Reads the text of a config file. `file` is how messages name it. Fails with one message (exit 2): file, line, key
 * path, what was found, what was expected.
 */
export const parseConfig = (text: string, file: string): Either.Either<EventsimConfig, UserError> => {
  const lineOf = (offset: number) => text.slice(0, offset).split("\n").length
  const where = (path: ReadonlyArray<PropertyKey>) => {
    const tree = parseTree(text)
    // A missing key is not in the file: its parent's line is the nearest thing to show.
    for (let length = path.length; tree !== undefined && length >= 0; length--) {
      const node = findNodeAtLocation(tree, path.slice(0, length) as Array<string | number>)
      if (node !== undefined) return `${file}:${lineOf(node.offset)}`
    }
    return file
  }
  const refuse = (path: ReadonlyArray<PropertyKey>, message: string) =>
    Either.left(
      new UserError({
        message: `${where(path)}: ${path.length === 0 ? "the file" : pathText(path)} ${message}`,
        exitCode: 2
      })
    )

  const errors: Array<ParseError> = []
  const raw: unknown = parse(text.replace(/^\uFEFF/, " "), errors, { disallowComments: true })
  if (errors.length > 0) {
    const { offset, error } = errors[0]
    const column = offset - text.lastIndexOf("\n", offset - 1)
    return Either.left(
      new UserError({
        message: `${file}:${lineOf(offset)}:${column}: this is not JSON (line ${lineOf(offset)}, column ${column}): ${printParseErrorCode(error)}; expected an Eventsim config file`,
        exitCode: 2
      })
    )
  }
  const decoded = Schema.decodeUnknownEither(EventsimConfig, { onExcessProperty: "ignore" })(raw)
  if (Either.isLeft(decoded)) {
    const issue = ParseResult.ArrayFormatter.formatErrorSync(decoded.left)[0]
    const found = issue.path.reduce<unknown>(
      (value, key) => (value as Record<PropertyKey, unknown>)?.[key],
      raw
    )
    return refuse(
      issue.path,
      found === undefined
        ? `is missing${issue._tag === "Missing" ? "" : `, expected ${issue.message}`}`
        : `is ${short(found)}, expected ${issue.message.replace(/^Expected /, "").replace(/, actual .*$/s, "")}`
    )
  }
  const problem = contradiction(decoded.right)
  return problem === undefined ? Either.right(decoded.right) : refuse(problem.path, problem.message)
}

/** Reads a config file from disk. */
export const readConfig = (file: string): Effect.Effect<EventsimConfig, UserError> =>
  Effect.tryPromise({
    try: () => readFile(file, "utf8"),
    catch: (cause) =>
      new UserError({
        message: `The config file ${file} cannot be read: ${cause instanceof Error ? cause.message : String(cause)}. Give --config a file in Eventsim's format, or leave it out.`,
        exitCode: 2
      })
  }).pipe(Effect.flatMap((text) => parseConfig(text, file)))

const pathText = (path: ReadonlyArray<PropertyKey>): string =>
  path
    .map((key) => (typeof key === "number" ? `[${key}]` : `.${String(key)}`))
    .join("")
    .replace(/^\./, "")

const short = (value: unknown): string => {
  const json = JSON.stringify(value)
  return json.length > 80 ? `${json.slice(0, 77)}...` : json
}

interface Problem {
  readonly path: ReadonlyArray<PropertyKey>
  readonly message: string
}

/** Checks a config that was changed after it was read (`--growth-rate` and the like). */
export const checkConfig = (
  config: EventsimConfig,
  file: string
): Either.Either<EventsimConfig, UserError> => {
  const problem = contradiction(config)
  return problem === undefined
    ? Either.right(config)
    : Either.left(
        new UserError({ message: `${file}: ${pathText(problem.path)} ${problem.message}`, exitCode: 2 })
      )
}

/** What a file of the right form can still get wrong: probabilities, states that lead nowhere, auths without rule. */
const contradiction = (config: EventsimConfig): Problem | undefined => {
  const states = new Map<string, State>()
  const outgoing = new Map<string, Map<string, number>>()
  const sums = new Map<string, number>()
  for (const [i, { source, dest, p }] of config.transitions.entries()) {
    states.set(stateKey(source), source).set(stateKey(dest), dest)
    const key = stateKey(source)
    const sum = (sums.get(key) ?? 0) + p
    sums.set(key, sum)
    if (sum > 1 + rounding) {
      return {
        path: ["transitions", i, "p"],
        message: `is ${p}, which brings the transitions from ${stateText(source)} to ${Number(sum.toPrecision(12))}, expected a sum of at most 1`
      }
    }
    const to = outgoing.get(key) ?? new Map<string, number>()
    outgoing.set(key, to.set(stateKey(dest), p))
  }
  for (const [i, state] of config["new-session"].entries()) {
    if (!states.has(stateKey(state))) {
      return {
        path: ["new-session", i],
        message: `is ${stateText(state)}, expected a state that occurs in transitions`
      }
    }
  }
  for (const key of ["auths", "levels"] as const) {
    if (!config[key].some((entry) => entry.weight > 0)) {
      return { path: [key], message: "has no entry of weight above 0, expected one at least" }
    }
  }
  return unreachableRules(config, states, outgoing)
}

/** Follows every way a listener can take and looks for a session without start or an auth without visibility. */
const unreachableRules = (
  config: EventsimConfig,
  states: ReadonlyMap<string, State>,
  outgoing: ReadonlyMap<string, ReadonlyMap<string, number>>
): Problem | undefined => {
  const shown = new Set(config["show-user-details"].map((entry) => entry.auth))
  const begun = new Set<string>()
  const seen = new Set<string>()
  const walk: Array<State> = []
  const begin = (auth: string, level: string): Problem | undefined => {
    const key = JSON.stringify([auth, level])
    if (begun.has(key)) return undefined
    begun.add(key)
    const entries = config["new-session"].filter((s) => s.auth === auth && s.level === level && s.weight > 0)
    if (entries.length === 0) {
      return {
        path: ["new-session"],
        message: `has no state for listeners with auth ${short(auth)} and level ${short(level)}, expected one of weight above 0: their sessions could not begin`
      }
    }
    walk.push(...entries)
    return undefined
  }
  const starts = [{ auth: config["new-user-auth"], level: config["new-user-level"] }]
  for (const { auth, weight } of config.auths) {
    for (const { level, weight: levelWeight } of config.levels) {
      if (weight > 0 && levelWeight > 0) starts.push({ auth, level })
    }
  }
  // Without growth nobody joins, so the rules for new listeners need not be there.
  if (config["growth-rate"] === undefined || config["growth-rate"] === 0) starts.shift()
  for (const { auth, level } of starts) {
    const problem = begin(auth, level)
    if (problem !== undefined) return problem
  }
  for (let state = walk.pop(); state !== undefined; state = walk.pop()) {
    const key = stateKey(state)
    if (seen.has(key)) continue
    seen.add(key)
    if (!shown.has(state.auth)) {
      return {
        path: ["show-user-details"],
        message: `says nothing about auth ${short(state.auth)}, expected {"auth": ${short(state.auth)}, "show": true or false}`
      }
    }
    let sum = 0
    for (const [to, p] of outgoing.get(key) ?? []) {
      sum += p
      if (p > 0) walk.push(states.get(to)!)
    }
    if (sum < 1 - rounding && state.auth !== config["churned-state"]) {
      const problem = begin(state.auth, state.level)
      if (problem !== undefined) return problem
    }
  }
  return undefined
}
