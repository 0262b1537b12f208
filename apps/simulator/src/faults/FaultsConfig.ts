import { parseDuration } from "@musify/runtime/setting.ts"
import { Duration, Either, Schema } from "effect"
import { removableFields } from "./damage.ts"
import { damageKinds, usualDamageKinds } from "./damageKinds.ts"

const expecting = (text: string) => (): { readonly message: string; readonly override: true } => ({
  message: text,
  override: true
})

/** Whole seconds of a time span as the file has it: a number of seconds, or a text like 90s, 2m, 1h, 7d. */
const secondsOf = (span: number | string): number => {
  if (typeof span === "number") return span
  const parsed = parseDuration(span)
  return Either.isRight(parsed) ? Math.floor(Duration.toSeconds(parsed.right)) : Number.NaN
}

const span = (least: number, most: number, text: string) =>
  Schema.Union(Schema.Number, Schema.String).pipe(
    Schema.filter((value) => {
      const seconds = secondsOf(value)
      return Number.isInteger(seconds) && seconds >= least && seconds <= most
    }),
    Schema.annotations({ message: expecting(text) }),
    Schema.transform(Schema.Number, { strict: true, decode: secondsOf, encode: (n) => n })
  )

const day = 86_400
const longest = 30 * day
const delaySpan = span(1, longest, "a time span from 1 s to 30 d, as 90s, 2m, 1h or a number of seconds")

const share = Schema.Number.pipe(
  Schema.filter((n) => n >= 0 && n <= 1),
  Schema.annotations({ message: expecting("a share from 0 to 1") })
)

const text = <A extends string>(values: ReadonlyArray<A>) =>
  Schema.Literal(...values).annotations({ message: expecting(`one of ${values.join(", ")}`) })

/** A list without repetition of at least one of `values`. */
const listOf = <A extends string>(values: ReadonlyArray<A>) => Schema.NonEmptyArray(text(values))

/**
 * How long a late event is held back. Whole seconds of event time; `exponential` (mean) is cut at `at-most`, `uniform`
 * lies between `at-least` and `at-most`.
 */
const Delay = Schema.Struct({
  distribution: Schema.optionalWith(text(["exponential", "uniform"]), { default: () => "exponential" }),
  mean: Schema.optionalWith(delaySpan, { default: () => 3600 }),
  "at-least": Schema.optionalWith(delaySpan, { default: () => 1 }),
  "at-most": Schema.optionalWith(delaySpan, { default: () => day })
})

/**
 * Faults on purpose, as `--faults FILE` has them. A fault may also be given as its share alone. Shares are of records,
 * except that of `clock-skew`, which is of devices.
 */
export const FaultsConfig = Schema.Struct({
  seed: Schema.optional(
    Schema.Number.pipe(
      Schema.filter((n) => Number.isSafeInteger(n)),
      Schema.annotations({ message: expecting("a whole number") })
    )
  ),
  duplicates: Schema.optionalWith(
    Schema.Struct({
      share,
      "at-most": Schema.optionalWith(
        span(0, longest, "a time span from 0 s to 30 d, as 90s, 2m, 1h or a number of seconds"),
        { default: () => 60 }
      )
    }),
    { default: () => ({ share: 0, "at-most": 60 }) }
  ),
  late: Schema.optionalWith(
    Schema.Struct({
      share,
      delay: Schema.optionalWith(Delay, { default: () => Schema.decodeSync(Delay)({}) })
    }),
    { default: () => ({ share: 0, delay: Schema.decodeSync(Delay)({}) }) }
  ),
  "out-of-order": Schema.optionalWith(
    Schema.Struct({
      share,
      "at-most": Schema.optionalWith(delaySpan, { default: () => 30 })
    }),
    { default: () => ({ share: 0, "at-most": 30 }) }
  ),
  malformed: Schema.optionalWith(
    Schema.Struct({
      share,
      kinds: Schema.optionalWith(listOf(damageKinds), { default: () => usualDamageKinds })
    }),
    { default: () => ({ share: 0, kinds: usualDamageKinds }) }
  ),
  "missing-fields": Schema.optionalWith(
    Schema.Struct({
      share,
      fields: Schema.optionalWith(listOf(removableFields), { default: () => removableFields })
    }),
    { default: () => ({ share: 0, fields: removableFields }) }
  ),
  "clock-skew": Schema.optionalWith(
    Schema.Struct({
      share,
      "at-most": Schema.optionalWith(
        // A clock that is a day ahead would make its events malformed, which is another fault.
        span(1, day / 2, "a time span from 1 s to 12 h, as 90s, 2m, 1h or a number of seconds"),
        { default: () => 3600 }
      )
    }),
    { default: () => ({ share: 0, "at-most": 3600 }) }
  )
})
export type FaultsConfig = typeof FaultsConfig.Type

/** The faults whose share is of records: at most one of them befalls a record, so their shares add up to 1 at most. */
export const recordFaults = ["duplicates", "late", "out-of-order", "malformed", "missing-fields"] as const

/** The faults that have a share. */
export const faultNames = [...recordFaults, "clock-skew"] as const
export type FaultName = (typeof faultNames)[number]

/** No fault at all. */
export const noFaults: FaultsConfig = Schema.decodeSync(FaultsConfig)({})

/** Whether anything is to be done. */
export const hasFaults = (config: FaultsConfig): boolean => faultNames.some((name) => config[name].share > 0)
