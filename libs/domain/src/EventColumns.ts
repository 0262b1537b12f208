import type { EventColumn } from "./columns.ts"

import type { Topic } from "./Topic.ts"

/**
 * The values of one column. Numbers (timestamps in epoch ms) lie in typed arrays; `nulls[i] === 1` marks a null, whose
 * value is then 0. Booleans are 0 or 1. A string column holds null itself.
 */
export type Values =
  | {
      readonly type: "timestamp" | "int64" | "float64"
      readonly values: Float64Array
      readonly nulls: Uint8Array | undefined
    }
  | { readonly type: "int32"; readonly values: Int32Array; readonly nulls: Uint8Array | undefined }
  | { readonly type: "boolean"; readonly values: Uint8Array; readonly nulls: Uint8Array | undefined }
  | { readonly type: "string"; readonly values: ReadonlyArray<string | null> }

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

const pickFloat64 = (from: Float64Array, rows: ArrayLike<number>): Float64Array => {
  const to = new Float64Array(rows.length)
  for (let i = 0; i < rows.length; i++) to[i] = from[rows[i]]
  return to
}

const pickBytes = (from: Uint8Array, rows: ArrayLike<number>): Uint8Array => {
  const to = new Uint8Array(rows.length)
  for (let i = 0; i < rows.length; i++) to[i] = from[rows[i]]
  return to
}

const pick = (from: Values, rows: ArrayLike<number>): Values => {
  if (from.type === "string") {
    const values: Array<string | null> = []
    for (let i = 0; i < rows.length; i++) values.push(from.values[rows[i]])
    return { type: "string", values }
  }
  const nulls = from.nulls === undefined ? undefined : pickBytes(from.nulls, rows)
  if (from.type === "boolean") return { type: from.type, values: pickBytes(from.values, rows), nulls }
  if (from.type === "int32") {
    const values = new Int32Array(rows.length)
    for (let i = 0; i < rows.length; i++) values[i] = from.values[rows[i]]
    return { type: from.type, values, nulls }
  }
  return { type: from.type, values: pickFloat64(from.values, rows), nulls }
}

/** The rows of the given indices, in the order given (to cut by hour, or to sort). `unknownFields` is 0. */
export const selectRows = (events: EventColumns, rows: ArrayLike<number>): EventColumns => ({
  topic: events.topic,
  count: rows.length,
  columns: events.columns,
  values: events.values.map((values) => pick(values, rows)),
  ts: pickFloat64(events.ts, rows),
  offsets: pickFloat64(events.offsets, rows),
  unknownFields: 0
})

/** Indices of all rows ordered by (ts, offset): the row order of a lake file. */
export const rowOrder = (events: EventColumns): Uint32Array => {
  const { count, ts, offsets } = events
  const rows = new Uint32Array(count)
  for (let i = 0; i < count; i++) rows[i] = i
  return rows.sort((a, b) => ts[a] - ts[b] || offsets[a] - offsets[b])
}

/** The columns of a lake file (`lakeColumnsOf(topic)`, in this order): the fields, then `_partition`, `_offset`. */
export const lakeValues = (events: EventColumns, partition: number): ReadonlyArray<Values> => [
  ...events.values,
  { type: "int32", values: new Int32Array(events.count).fill(partition), nulls: undefined },
  { type: "int64", values: events.offsets, nulls: undefined }
]

/** Value `row` of a column as the Schema's type side has it: number, string, boolean or null. */
export const valueAt = (values: Values, row: number): number | string | boolean | null => {
  if (values.type === "string") return values.values[row]
  if (values.nulls?.[row] === 1) return null
  return values.type === "boolean" ? values.values[row] === 1 : values.values[row]
}

/** Row `row` as an object. For tests and people, not for the hot path. */
export const rowAt = (events: EventColumns, row: number): Record<string, number | string | boolean | null> =>
  Object.fromEntries(events.columns.map((column, c) => [column.name, valueAt(events.values[c], row)]))
