import { Schema } from "effect"

/** How a field is stored: one of the six column types that Parquet, DuckDB and BigQuery share. */
export type ColumnType = "timestamp" | "int64" | "int32" | "float64" | "string" | "boolean"

/**
 * What a field accepts, as data: the hot decoder is derived from this, the Schema beside it says the same, and a
 * property test holds the two together.
 */
export type Rule =
  | { readonly kind: "integer"; readonly min: number; readonly max: number }
  | { readonly kind: "float"; readonly min: number; readonly max: number }
  | { readonly kind: "text" }
  | { readonly kind: "choice"; readonly values: ReadonlyArray<string> }
  | { readonly kind: "boolean" }
  /** A postal code: text, or an integer, which becomes its decimal text. */
  | { readonly kind: "zip" }
  /** An integer, or the same as decimal text; "" is null (the original Eventsim hides users so). */
  | { readonly kind: "userId" }

/** What a Schema field carries about its column, under `columnAnnotation`. */
export interface FieldColumn {
  readonly type: ColumnType
  readonly rule: Rule
}

/** Annotation key under which a field's Schema names its column. */
export const columnAnnotation = Symbol.for("@musify/domain/column")

/** 2000-01-01T00:00Z, epoch ms: an earlier event is malformed. */
export const earliestTs = 946_684_800_000
/** 0001-01-01T00:00Z and 9999-12-31T23:59:59.999Z, epoch ms: what a BigQuery TIMESTAMP can hold. */
export const minTimestamp = -62_135_596_800_000
export const maxTimestamp = 253_402_300_799_999
/** A play longer than a year (seconds) is malformed: sums of seconds stay far from the end of an int64. */
export const maxDuration = 31_557_600

const int32 = { min: -2_147_483_648, max: 2_147_483_647 }
const int64 = { min: Number.MIN_SAFE_INTEGER, max: Number.MAX_SAFE_INTEGER }

/** Canonical decimal integers: no sign for zero, no leading zeros, no blanks. */
export const integerText = /^(?:0|-?[1-9][0-9]{0,15})$/

/** Half of a surrogate pair: has no UTF-8, so no file could hold the string unchanged. */
export const loneSurrogate = /\p{Surrogate}/u

/** Strings that have a UTF-8 form. */
export const Text = Schema.String.pipe(
  Schema.filter((text) => !loneSurrogate.test(text), {
    message: () => "a string with a lone surrogate",
    jsonSchema: {},
    arbitrary: () => (fc) =>
      fc.oneof(
        { weight: 3, arbitrary: fc.string({ maxLength: 12 }) },
        fc.fullUnicodeString({ maxLength: 8 }),
        fc.constantFrom("", "null", '"a, b"', "Beyoncé", "Ã©", "\u0000", "\ufeff", "𝄞", "\u2028", "\\", "'")
      )
  })
)

/** −0 is read as 0: the two are one number in JSON text, and integers have no −0. */
const withoutNegativeZero = (range: Schema.Schema<number>) =>
  Schema.transform(range, Schema.typeSchema(range), {
    strict: true,
    decode: (n) => n + 0,
    encode: (n) => n
  })

/** Integers in [min, max]. JSON text is read as an IEEE double first, so `1.0` and `1e3` are integers. */
export const Integer = (min: number, max: number) =>
  withoutNegativeZero(
    Schema.Number.pipe(Schema.int(), Schema.between(min, max)).annotations({
      arbitrary: () => (fc) =>
        fc.oneof(
          { weight: 4, arbitrary: fc.integer({ min: Math.max(min, -5), max: Math.min(max, 100_000) }) },
          fc.integer({ min, max }),
          fc.constantFrom(min, max)
        )
    })
  )

/** Finite doubles in [min, max]. */
export const Float = (min: number, max: number) =>
  withoutNegativeZero(
    Schema.Number.pipe(Schema.finite(), Schema.between(min, max)).annotations({
      arbitrary: () => (fc) =>
        fc.oneof(
          fc.double({ min, max, noNaN: true }).map((n) => n + 0),
          fc.float({ min: Math.fround(min + 1), max: Math.fround(max - 1), noNaN: true }).map((n) => n + 0)
        )
    })
  )

/** Times, epoch ms, in [min, max]. */
const Time = (min: number) =>
  withoutNegativeZero(
    Schema.Number.pipe(Schema.int(), Schema.between(min, maxTimestamp)).annotations({
      arbitrary: () => (fc) =>
        fc.oneof(
          { weight: 4, arbitrary: fc.integer({ min: Date.UTC(2015, 0), max: Date.UTC(2030, 0) }) },
          fc.integer({ min, max: maxTimestamp })
        )
    })
  )

const Zip = Schema.transform(
  Schema.Union(Text, Integer(int64.min, int64.max)),
  Schema.typeSchema(
    Text.annotations({
      arbitrary: () => (fc) => fc.oneof(fc.stringMatching(/^[0-9]{5}$/), fc.constantFrom("00501", "", "E3 2"))
    })
  ),
  { strict: true, decode: (zip) => (typeof zip === "number" ? String(zip) : zip), encode: (zip) => zip }
)

const UserIdText = Schema.String.pipe(
  Schema.filter((text) => text === "" || (integerText.test(text) && Number.isSafeInteger(Number(text))), {
    message: () => "a string that is no integer",
    jsonSchema: { pattern: "^(?:0|-?[1-9][0-9]{0,15})?$" }
  })
)
const SafeInteger = Integer(int64.min, int64.max)
const UserId = Schema.transform(
  Schema.Union(SafeInteger, UserIdText, Schema.Null),
  Schema.NullOr(Schema.typeSchema(SafeInteger)),
  {
    strict: true,
    decode: (id) => (typeof id === "string" ? (id === "" ? null : Number(id)) : id),
    encode: (id) => id
  }
)

const required = <A, I>(schema: Schema.Schema<A, I>, column: FieldColumn, description: string) =>
  Schema.propertySignature(schema).annotations({ [columnAnnotation]: column, description })

/** Absent or null is null. */
const nullable = <A, I>(schema: Schema.Schema<A, I>, column: FieldColumn, description: string) =>
  Schema.optionalWith(Schema.NullOr(schema), { exact: true, default: () => null }).annotations({
    [columnAnnotation]: column,
    description
  })

const integerColumn = (type: "timestamp" | "int64" | "int32", min: number, max: number): FieldColumn => ({
  type,
  rule: { kind: "integer", min, max }
})
const floatColumn = (min: number, max: number): FieldColumn => ({
  type: "float64",
  rule: { kind: "float", min, max }
})
const textColumn: FieldColumn = { type: "string", rule: { kind: "text" } }

export const ts = required(
  Time(earliestTs),
  integerColumn("timestamp", earliestTs, maxTimestamp),
  "Time of the event, epoch ms"
)
export const int64Field = (description: string) =>
  required(SafeInteger, integerColumn("int64", int64.min, int64.max), description)
export const int32Field = (description: string) =>
  required(Integer(int32.min, int32.max), integerColumn("int32", int32.min, int32.max), description)
export const choiceField = <const L extends ReadonlyArray<string>>(values: L, description: string) =>
  required(Schema.Literal(...values), { type: "string", rule: { kind: "choice", values } }, description)
export const booleanField = (description: string) =>
  required(Schema.Boolean, { type: "boolean", rule: { kind: "boolean" } }, description)
export const textField = (description: string) => required(Text, textColumn, description)
export const nullableText = (description: string) => nullable(Text, textColumn, description)
export const floatField = (min: number, max: number, description: string) =>
  required(Float(min, max), floatColumn(min, max), description)
export const nullableFloat = (min: number, max: number, description: string) =>
  nullable(Float(min, max), floatColumn(min, max), description)
export const nullableTime = (description: string) =>
  nullable(Time(minTimestamp), integerColumn("timestamp", minTimestamp, maxTimestamp), description)
export const nullableZip = (description: string) =>
  nullable(Zip, { type: "string", rule: { kind: "zip" } }, description)
export const nullableUserId = (description: string) =>
  Schema.optionalWith(UserId, { exact: true, default: () => null }).annotations({
    [columnAnnotation]: { type: "int64", rule: { kind: "userId" } } satisfies FieldColumn,
    description
  })
