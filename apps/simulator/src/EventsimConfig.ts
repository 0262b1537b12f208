import { Schema } from "effect"

const expecting = (text: string) => (): { readonly message: string; readonly override: true } => ({
  message: text,
  override: true
})

const numberWhere = (text: string, accepts: (n: number) => boolean) =>
  Schema.Number.pipe(Schema.filter((n) => Number.isFinite(n) && accepts(n))).annotations({
    message: expecting(text)
  })

const text = Schema.String.annotations({ message: expecting("a text") })
const probability = numberWhere("a number from 0 to 1", (n) => n >= 0 && n <= 1)
const positive = numberWhere("a number above 0", (n) => n > 0)
const notNegative = numberWhere("a number of at least 0", (n) => n >= 0)
const weight = numberWhere("a whole number of at least 0", (n) => Number.isInteger(n) && n >= 0)
const whole = (least: number) =>
  numberWhere(`a whole number of at least ${least}`, (n) => Number.isSafeInteger(n) && n >= least)

/** A state of a listener as Eventsim's config files write it; all five fields are needed. */
export const State = Schema.Struct({
  page: text,
  auth: text,
  status: numberWhere("an HTTP status (100 to 599)", (n) => Number.isInteger(n) && n >= 100 && n <= 599),
  method: text,
  level: text
})
export type State = typeof State.Type

const flag = Schema.Boolean.annotations({ message: expecting("true or false") })

const list = <S extends Schema.Schema.Any>(item: S) => Schema.Array(item)

/**
 * Eventsim's own config file, key by key as it is written; defaults as Eventsim's (`new-user-level` is "free" here:
 * Eventsim's "Free" matches no config). Unknown keys are ignored. Times are seconds, except where noted.
 */
export const EventsimConfig = Schema.Struct({
  transitions: list(Schema.Struct({ source: State, dest: State, p: probability })),
  "new-session": list(Schema.Struct({ ...State.fields, weight })),
  "show-user-details": list(Schema.Struct({ auth: text, show: flag })),
  auths: list(Schema.Struct({ auth: text, weight })),
  levels: list(Schema.Struct({ level: text, weight })),
  "new-user-auth": Schema.optionalWith(text, { default: () => "Guest" }),
  "new-user-level": Schema.optionalWith(text, { default: () => "free" }),
  "churned-state": Schema.optional(text),
  /** Mean seconds between actions, over listeners. */
  alpha: Schema.optionalWith(positive, { default: () => 60 }),
  /** Mean seconds between sessions, over listeners. */
  beta: Schema.optionalWith(positive, { default: () => 259_200 }),
  /** Strength of the daily rhythm, as a share of a day. */
  damping: Schema.optionalWith(
    numberWhere("a number from 0 to below 0.15", (n) => n >= 0 && n < 0.15),
    { default: () => 0.0625 }
  ),
  /** Share of the session starts that is refused on weekends and holidays. */
  "weekend-damping": Schema.optionalWith(
    numberWhere("a number from 0 to below 1", (n) => n >= 0 && n < 1),
    { default: () => 0.5 }
  ),
  /** Minutes. */
  "weekend-damping-offset": Schema.optionalWith(
    numberWhere("a number of minutes from 0 to 720", (n) => n >= 0 && n <= 720),
    { default: () => 6 }
  ),
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
