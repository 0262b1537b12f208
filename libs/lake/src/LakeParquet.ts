import type { Column } from "@musify/domain/columns.ts"
import { lakeColumnsOf } from "@musify/domain/columns.ts"
import type { EventColumns, Values } from "@musify/domain/EventColumns.ts"
import type { Topic } from "@musify/domain/Topic.ts"
import type { FileIdentity } from "./FileIdentity.ts"
import { identityText } from "./FileIdentity.ts"
import type { ColumnData } from "./parquetFile.ts"
import { encodeParquet } from "./parquetFile.ts"

/** Key of the footer's metadata under which a file's identity lies. */
export const identityKey = "musify"

/** Rows picked from decoded chunks: row `i` is row `rows[i]` of `chunks[chunkOf[i]]`. */
export interface PickedRows {
  readonly chunks: ReadonlyArray<EventColumns>
  readonly chunkOf: ArrayLike<number>
  readonly rows: ArrayLike<number>
}

/** The bytes of a data file: the topic's fields, `_partition` and `_offset`, in the order of the rows given. */
export const encodeDataFile = (topic: Topic, identity: FileIdentity, picked: PickedRows): Uint8Array => {
  const columns = lakeColumnsOf(topic)
  const count = picked.rows.length
  const fields = columns.length - 2
  const data: Array<ColumnData> = []
  for (let c = 0; c < fields; c++) data.push({ column: columns[c], data: pickColumn(columns[c], c, picked) })
  const offsets = new BigInt64Array(count)
  for (let i = 0; i < count; i++)
    offsets[i] = BigInt(picked.chunks[picked.chunkOf[i]].offsets[picked.rows[i]])
  data.push({ column: columns[fields], data: new Int32Array(count).fill(identity.partition) })
  data.push({ column: columns[fields + 1], data: offsets })
  return encodeParquet(data, { [identityKey]: identityText(identity) })
}

const pickColumn = (column: Column, c: number, { chunks, chunkOf, rows }: PickedRows): ColumnData["data"] => {
  const count = rows.length
  const values = chunks.map((chunk) => chunk.values[c])
  if (column.type === "string") {
    const texts: Array<string | null> = new Array(count)
    for (let i = 0; i < count; i++) texts[i] = (values[chunkOf[i]] as TextValues).values[rows[i]]
    return texts
  }
  const numbers = values as ReadonlyArray<NumberValues>
  const wide = column.type === "timestamp" || column.type === "int64"
  // Event times are whole ms and at most 2^53, so the product is made as a bigint.
  const micros = column.type === "timestamp"
  const valueAt = (i: number): bigint | number | boolean => {
    const value = numbers[chunkOf[i]].values[rows[i]]
    if (wide) return micros ? BigInt(value) * 1000n : BigInt(value)
    return column.type === "boolean" ? value === 1 : value
  }
  const anyNull = numbers.some(({ nulls }) => nulls !== undefined)
  if (!anyNull && wide) {
    const typed = new BigInt64Array(count)
    for (let i = 0; i < count; i++) typed[i] = valueAt(i) as bigint
    return typed
  }
  const out: Array<bigint | number | boolean | null> = new Array(count)
  for (let i = 0; i < count; i++) out[i] = numbers[chunkOf[i]].nulls?.[rows[i]] === 1 ? null : valueAt(i)
  return out
}

type TextValues = Extract<Values, { readonly type: "string" }>
type NumberValues = Exclude<Values, TextValues>
