import { Schema } from "effect"

const expecting = (text: string) => (): { readonly message: string; readonly override: true } => ({
  message: text,
  override: true
})

/** A key that must be there; `expected` says what belongs there when it is missing or something else. */
const needed = <A, I>(schema: Schema.Schema<A, I>, expected: string) =>
  Schema.propertySignature(schema).annotations({ missingMessage: () => expected })

const numberWhere = (expected: string, accepts: (n: number) => boolean) =>
  Schema.Number.pipe(Schema.filter((n) => Number.isFinite(n) && accepts(n))).annotations({
    message: expecting(expected)
  })

const aText = "a text"
const text = Schema.String.annotations({ message: expecting(aText) })
const aProbability = "a number from 0 to 1"
const probability = numberWhere(aProbability, (n) => n >= 0 && n <= 1)
const positive = numberWhere("a number above 0", (n) => n > 0)
const notNegative = numberWhere("a number of at least 0", (n) => n >= 0)
const aWeight = "a whole number of at least 0"
const weight = numberWhere(aWeight, (n) => Number.isInteger(n) && n >= 0)
const whole = (least: number) =>
  numberWhere(`a whole number of at least ${least}`, (n) => Number.isSafeInteger(n) && n >= least)
const aFlag = "true or false"
const flag = Schema.Boolean.annotations({ message: expecting(aFlag) })

const aState = "a state {page, auth, status, method, level}"
const aStatus = "a status code, a whole number from 0 to 999"

/** A state of a listener as Eventsim's config files write it; all five fields are needed. */
export const State = Schema.Struct({
  page: needed(text, aText),
  auth: needed(text, aText),
  status: needed(
    numberWhere(aStatus, (n) => Number.isInteger(n) && n >= 0 && n <= 999),
    aStatus
  ),
  method: needed(text, aText),
  level: needed(text, aText)
}).annotations({ message: () => aState })
export type State = typeof State.Type

/** One way from a state to another, taken with probability `p`. */
export const Transition = Schema.Struct({
  source: needed(State, aState),
  dest: needed(State, aState),
  p: needed(probability, aProbability)
}).annotations({ message: () => "a transition {source, dest, p}" })
export type Transition = typeof Transition.Type

const listOf = <A, I>(item: Schema.Schema<A, I>, items: string) => {
  const expected = `a list of ${items}`
  return needed(Schema.Array(item).annotations({ message: () => expected }), expected)
}

/**
 * Eventsim's own config file, key by key as it is written; defaults as Eventsim's (`new-user-level` is "free" here:
 * Eventsim's "Free" matches no config). Unknown keys are ignored. Times are seconds, except where noted.
 */
export const EventsimConfig = Schema.Struct({
  transitions: listOf(Transition, "transitions {source, dest, p}"),
  "new-session": listOf(
    Schema.Struct({ ...State.fields, weight: needed(weight, aWeight) }).annotations({
      message: () => "a state with a weight {page, auth, status, method, level, weight}"
    }),
    "states with a weight"
  ),
  "show-user-details": listOf(
    Schema.Struct({ auth: needed(text, aText), show: needed(flag, aFlag) }).annotations({
      message: () => "{auth, show}"
    }),
    "{auth, show}"
  ),
  auths: listOf(
    Schema.Struct({ auth: needed(text, aText), weight: needed(weight, aWeight) }).annotations({
      message: () => "{auth, weight}"
    }),
    "{auth, weight}"
  ),
  levels: listOf(
    Schema.Struct({ level: needed(text, aText), weight: needed(weight, aWeight) }).annotations({
      message: () => "{level, weight}"
    }),
    "{level, weight}"
  ),
  "new-user-auth": Schema.optionalWith(text, { default: () => "Guest" }),
  "new-user-level": Schema.optionalWith(text, { default: () => "free" }),
  "churned-state": Schema.optional(text),
  /** Mean seconds between actions, over listeners. */
  alpha: Schema.optionalWith(positive, { default: () => 60 }),
  /** Mean seconds between sessions, over listeners. */
  beta: Schema.optionalWith(positive, { default: () => 259_200 }),
  /** Strength of the daily rhythm, as a share of a day. */
  damping: Schema.optionalWith(
    numberWhere("a number from -1 to 1", (n) => n >= -1 && n <= 1),
    { default: () => 0.0625 }
  ),
  /** Share of the session starts that is refused on weekends and holidays. */
  "weekend-damping": Schema.optionalWith(probability, { default: () => 0.5 }),
  /** Minutes. */
  "weekend-damping-offset": Schema.optionalWith(notNegative, { default: () => 6 }),
  /** Minutes. */
  "weekend-damping-scale": Schema.optionalWith(notNegative, { default: () => 6 }),
  "session-gap": Schema.optionalWith(whole(0), { default: () => 1800 }),
  seed: Schema.optional(numberWhere("a whole number", (n) => Number.isSafeInteger(n))),
  "n-users": Schema.optional(whole(1)),
  "first-user-id": Schema.optional(whole(0)),
  /** Growth of the number of listeners per year: 0.01 = 1 %. */
  "growth-rate": Schema.optional(notNegative),
  /** Share of the listeners that leaves per year (not a key of Eventsim's, which has it as an option only). */
  "attrition-rate": Schema.optional(notNegative),
  tag: Schema.optional(text),
  /** Eventsim's own behaviour where ours differs on purpose (not a key of Eventsim's); see docs/simulator. */
  "eventsim-compatible": Schema.optional(flag),
  /** Daily rhythm and weekends by each listener's own clock instead of UTC (not a key of Eventsim's). */
  "local-time": Schema.optional(flag)
})
export type EventsimConfig = typeof EventsimConfig.Type
export type EventsimConfigFile = typeof EventsimConfig.Encoded

/** `Home (GET 200, Logged In, free)`, a state as people read it. */
export const stateText = (s: State): string => `${s.page} (${s.method} ${s.status}, ${s.auth}, ${s.level})`

/** The same text for the same state, whatever else its object holds. */
export const stateKey = (s: State): string => JSON.stringify([s.page, s.auth, s.status, s.method, s.level])
