import { HelpDoc, Options, ValidationError } from "@effect/cli"
import { Config, Duration, Effect, Either } from "effect"
import { environmentName, SettingSources } from "./settings.ts"

/*
 * A setting is a flag; without the flag the environment variable MUSIFY_NAME; without that the key of musify.json;
 * without that the default. All of them are read by the same parser, and a wrong value names its place.
 */

interface Common {
  /** One sentence for --help. */
  readonly description: string
  /** Other names of the flag; of one letter (`-n`) or more (`--nusers`). */
  readonly alias?: string | ReadonlyArray<string>
}
interface WithDefault<A> extends Common {
  readonly default: A
}
interface Bounds {
  readonly min?: number
  readonly max?: number
}

type Parser<A> = (text: string) => Either.Either<A, string>

const known = new Set<string>()

/** Names of all settings made so far, to tell a mistyped key of musify.json. */
export const knownSettings = (): ReadonlySet<string> => known

const invalid = (message: string) => ValidationError.invalidValue(HelpDoc.p(message))

const aliasesOf = ({ alias }: Common): ReadonlyArray<string> =>
  typeof alias === "string" ? [alias] : (alias ?? [])

const make = <A, B>(
  name: string,
  flag: Options.Options<string | boolean>,
  parser: Parser<A>,
  common: Common,
  fallback: B,
  fallbackText: string
): Options.Options<A | B> => {
  known.add(name)
  const described = flag.pipe(
    Options.withDescription(`${common.description}${fallbackText} [${environmentName(name)}]`)
  )
  const named = aliasesOf(common).reduce((option, alias) => Options.withAlias(option, alias), described)
  return Options.withFallbackConfig(named, Config.succeed(undefined)).pipe(
    Options.mapEffect((given) =>
      Effect.gen(function* () {
        const found =
          given !== undefined
            ? { text: String(given), place: `option --${name}` }
            : (yield* SettingSources).lookup(name)
        if (found === undefined) return fallback
        return yield* Either.mapLeft(parser(found.text), (expected) =>
          invalid(`The ${found.place} is ${JSON.stringify(found.text)}: ${expected} was expected.`)
        )
      })
    )
  )
}

const textFlag = (name: string, kind: string) => Options.text(name).pipe(Options.withPseudoName(kind))

const defaultText = (value: unknown) => ` Default: ${value}.`

const numberParser =
  (kind: "an integer" | "a number", bounds: Bounds): Parser<number> =>
  (text) => {
    const value = text.trim() === "" ? Number.NaN : Number(text)
    const { min = -Infinity, max = Infinity } = bounds
    const fits = Number.isFinite(value) && (kind === "a number" || Number.isSafeInteger(value))
    if (fits && value >= min && value <= max) return Either.right(value)
    const range =
      bounds.min !== undefined && bounds.max !== undefined
        ? ` from ${bounds.min} to ${bounds.max}`
        : bounds.min !== undefined
          ? ` of at least ${bounds.min}`
          : bounds.max !== undefined
            ? ` of at most ${bounds.max}`
            : ""
    return Either.left(kind + range)
  }

const booleanParser: Parser<boolean> = (text) => {
  const lower = text.trim().toLowerCase()
  if (["true", "yes", "on", "1"].includes(lower)) return Either.right(true)
  if (["false", "no", "off", "0"].includes(lower)) return Either.right(false)
  return Either.left("true or false")
}

const units: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** `90s`, `2m`, `1.5h`, `500ms`, `7d`, or a number of seconds. */
export const parseDuration: Parser<Duration.Duration> = (text) => {
  const match = /^(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)?$/.exec(text.trim())
  return match === null
    ? Either.left("a time span like 500ms, 90s, 2m, 1h or 7d")
    : Either.right(Duration.millis(Number(match[1]) * units[match[2] ?? "s"]))
}

/** `2026-11-09`, `2026-11-09T16:00Z`, `2026-11-09T16:00:00.000Z` (UTC, with or without the Z) as epoch ms. */
export const parseTime: Parser<number> = (text) => {
  const match = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?)Z?)?$/.exec(text.trim())
  const time = match === null ? Number.NaN : Date.parse(`${match[1]}T${match[2] ?? "00:00"}Z`)
  // Date.parse takes 30 February for 1 March on some engines.
  return Number.isNaN(time) || !new Date(time).toISOString().startsWith(match?.[1] ?? "-")
    ? Either.left("a UTC date or time like 2026-11-09 or 2026-11-09T16:00Z")
    : Either.right(time)
}

/** A time as a person gives it: epoch ms, or ms back from now. */
export type Moment =
  { readonly kind: "at"; readonly ms: number } | { readonly kind: "back"; readonly ms: number }

const weekMs = 7 * units.d
const wordUnits: Readonly<Record<string, number>> = {
  s: units.s,
  second: units.s,
  m: units.m,
  min: units.m,
  minute: units.m,
  h: units.h,
  hour: units.h,
  d: units.d,
  day: units.d,
  w: weekMs,
  week: weekMs
}

/** `30d`, `-30d`, `36 hours`, `2 weeks ago`, `P30D`, `-PT36H` as ms; undefined for anything else. */
const parsePeriod = (text: string): number | undefined => {
  const words = /^-?(\d+(?:\.\d+)?)\s*([a-z]+)(?:\s+ago)?$/i.exec(text)
  if (words !== null) {
    const unit = words[2].toLowerCase()
    const size = wordUnits[unit] ?? wordUnits[unit.replace(/s$/, "")]
    return size === undefined ? undefined : Number(words[1]) * size
  }
  const iso = /^-?P(?=\d|T\d)(?:(\d+)W)?(?:(\d+)D)?(?:T(?=\d)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?$/i.exec(text)
  if (iso === null) return undefined
  const [weeks, days, hours, minutes, seconds] = iso.slice(1).map((part) => Number(part ?? 0))
  return weeks * weekMs + days * units.d + hours * units.h + minutes * units.m + seconds * units.s
}

/** A time as `parseTime` takes it, also with an offset (`+02:00`); `now`; or a period back from now (`30d`, `P30D`). */
export const parseMoment: Parser<Moment> = (text) => {
  const trimmed = text.trim()
  const offset = /^(.+T.+)([+-])(\d\d):(\d\d)$/.exec(trimmed)
  const time = parseTime(offset === null ? trimmed : offset[1])
  if (Either.isRight(time)) {
    const ahead =
      offset === null
        ? 0
        : (Number(offset[3]) * units.h + Number(offset[4]) * units.m) * (offset[2] === "-" ? -1 : 1)
    return Either.right({ kind: "at", ms: time.right - ahead })
  }
  const back = trimmed.toLowerCase() === "now" ? 0 : parsePeriod(trimmed)
  return back === undefined
    ? Either.left(
        "a UTC date or time like 2026-11-09 or 2026-11-09T16:00Z, or a period back from now like 30d or P30D"
      )
    : Either.right({ kind: "back", ms: back })
}

const durationText = (duration: Duration.Duration): string => Duration.format(duration)

const anyText: Parser<string> = Either.right

const choiceParser =
  <A extends string>(choices: ReadonlyArray<A>): Parser<A> =>
  (text) => {
    const found = choices.find((choice) => choice === text)
    return found === undefined ? Either.left(`one of ${choices.join(", ")}`) : Either.right(found)
  }

/** Makers of settings: each is an @effect/cli option that falls back to environment, musify.json and default. */
export const setting = {
  integer: (name: string, options: WithDefault<number> & Bounds): Options.Options<number> =>
    make(
      name,
      textFlag(name, "integer"),
      numberParser("an integer", options),
      options,
      options.default,
      defaultText(options.default)
    ),
  optionalInteger: (name: string, options: Common & Bounds): Options.Options<number | undefined> =>
    make(name, textFlag(name, "integer"), numberParser("an integer", options), options, undefined, ""),
  number: (name: string, options: WithDefault<number> & Bounds): Options.Options<number> =>
    make(
      name,
      textFlag(name, "number"),
      numberParser("a number", options),
      options,
      options.default,
      defaultText(options.default)
    ),
  optionalNumber: (name: string, options: Common & Bounds): Options.Options<number | undefined> =>
    make(name, textFlag(name, "number"), numberParser("a number", options), options, undefined, ""),
  text: (name: string, options: WithDefault<string>): Options.Options<string> =>
    make(name, textFlag(name, "text"), anyText, options, options.default, defaultText(options.default)),
  optionalText: (name: string, options: Common): Options.Options<string | undefined> =>
    make(name, textFlag(name, "text"), anyText, options, undefined, ""),
  /** `--once`, `--once=false`. */
  boolean: (
    name: string,
    options: Common & {
      readonly default?: boolean
      /** Another flag that says no. */
      readonly negation?: string
    }
  ): Options.Options<boolean> =>
    make(
      name,
      // Aliases given later would become names of the negation, too.
      Options.boolean(name, {
        aliases: aliasesOf(options),
        negationNames: options.negation === undefined ? [] : [options.negation]
      }),
      booleanParser,
      { description: options.description },
      options.default ?? false,
      options.default === true ? defaultText(true) : ""
    ),
  choice: <const A extends string>(
    name: string,
    choices: ReadonlyArray<A>,
    options: WithDefault<NoInfer<A>>
  ): Options.Options<A> =>
    make(
      name,
      textFlag(name, choices.join("|")),
      choiceParser(choices),
      options,
      options.default,
      defaultText(options.default)
    ),
  optionalChoice: <const A extends string>(
    name: string,
    choices: ReadonlyArray<A>,
    options: Common
  ): Options.Options<A | undefined> =>
    make(name, textFlag(name, choices.join("|")), choiceParser(choices), options, undefined, ""),
  /** See `parseDuration`. */
  duration: (
    name: string,
    options: WithDefault<Duration.DurationInput>
  ): Options.Options<Duration.Duration> =>
    make(
      name,
      textFlag(name, "duration"),
      parseDuration,
      options,
      Duration.decode(options.default),
      defaultText(durationText(Duration.decode(options.default)))
    ),
  optionalDuration: (name: string, options: Common): Options.Options<Duration.Duration | undefined> =>
    make(name, textFlag(name, "duration"), parseDuration, options, undefined, ""),
  /** A date or time, or a period back from now; see `parseMoment`. */
  optionalMoment: (name: string, options: Common): Options.Options<Moment | undefined> =>
    make(name, textFlag(name, "time"), parseMoment, options, undefined, ""),
  /** Epoch ms of a UTC date or time; see `parseTime`. */
  optionalTime: (name: string, options: Common): Options.Options<number | undefined> =>
    make(name, textFlag(name, "time"), parseTime, options, undefined, "")
}

/** `--data`: the folder that holds all state of the embedded parts. */
export const dataOption: Options.Options<string> = setting.text("data", {
  default: ".musify/",
  description: "Folder that holds all state: log, bucket, warehouse."
})

/** `--json`: print one JSON object for programs instead of text for people. */
export const jsonOption: Options.Options<boolean> = setting.boolean("json", {
  description: "Print the summary as one JSON object; no progress lines."
})
