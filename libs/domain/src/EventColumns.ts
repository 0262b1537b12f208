import type { EventColumn } from "./columns.ts"
import type { NumberSpellings } from "./scanner/NumberSpellings.ts"
import type { TextDictionary } from "./scanner/TextDictionary.ts"
import type { Topic } from "./Topic.ts"

/** The codes of a column's values, row by row; 0 is null. */
export type Codes = Uint16Array | Uint32Array

/**
 * The values of one column. Numbers (timestamps in epoch ms) lie in typed arrays; `nulls[i] === 1` marks a null, whose
 * value is then 0. Booleans are 0 or 1. A string column holds null itself. Where values repeat, strings and fractions are
 * held as codes: the dictionary says what a code stands for, and may hold more than the codes use.
 */
export type Values = PlainNumbers | PlainTexts | CodedNumbers | CodedTexts

export type PlainNumbers =
  | {
      readonly type: "timestamp" | "int64" | "float64"
      readonly values: Float64Array
      readonly nulls: Uint8Array | undefined
      readonly codes?: undefined
    }
  | {
      readonly type: "int32"
      readonly values: Int32Array
      readonly nulls: Uint8Array | undefined
      readonly codes?: undefined
    }
  | {
      readonly type: "boolean"
      readonly values: Uint8Array
      readonly nulls: Uint8Array | undefined
      readonly codes?: undefined
    }

export interface PlainTexts {
  readonly type: "string"
  readonly values: ReadonlyArray<string | null>
  readonly codes?: undefined
}

export interface CodedTexts {
  readonly type: "string"
  readonly codes: Codes
  readonly dictionary: TextDictionary
}

export interface CodedNumbers {
  readonly type: "float64"
  readonly codes: Codes
  readonly dictionary: NumberSpellings
}

/** Decoded events of one topic as columns. */
export interface EventColumns {
  readonly topic: Topic
  readonly count: number
  /** The topic's columns (`columnsOf(topic)`), in this order in `values`. */
  readonly columns: ReadonlyArray<EventColumn>
  readonly values: ReadonlyArray<Values>
  /** Event time of each row, epoch ms (the values of column `ts`). */
  readonly ts: Float64Array
  /** Offset in the log of each row. */
  readonly offsets: Float64Array
  /** Fields that no Schema names and that were left out, over all rows. */
  readonly unknownFields: number
}

/** Value `row` of a column as the Schema's type side has it: number, string, boolean or null. */
export const valueAt = (values: Values, row: number): number | string | boolean | null => {
  if (values.codes !== undefined) {
    const code = values.codes[row]
    if (code === 0) return null
    return values.type === "string" ? values.dictionary.textOf(code) : values.dictionary.numberOf(code)
  }
  if (values.type === "string") return values.values[row]
  if (values.nulls?.[row] === 1) return null
  return values.type === "boolean" ? values.values[row] === 1 : values.values[row]
}

/** Row `row` as an object. For tests and people, not for the hot path. */
export const rowAt = (events: EventColumns, row: number): Record<string, number | string | boolean | null> =>
  Object.fromEntries(events.columns.map((column, c) => [column.name, valueAt(events.values[c], row)]))
