import { lakeColumnsOf } from "@musify/domain/columns.ts"
import type { EventColumns, Values } from "@musify/domain/EventColumns.ts"
import type { Topic } from "@musify/domain/Topic.ts"
import type { FileIdentity } from "./FileIdentity.ts"
import { identityText } from "./FileIdentity.ts"
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
  const { chunkOf, chunks, rows } = picked
  const columns = lakeColumnsOf(topic)
  const offsets = new Float64Array(rows.length)
  for (let i = 0; i < rows.length; i++) offsets[i] = chunks[chunkOf[i]].offsets[rows[i]]
  const position: ReadonlyArray<Values> = [
    { type: "int32", values: new Int32Array(rows.length).fill(identity.partition), nulls: undefined },
    { type: "int64", values: offsets, nulls: undefined }
  ]
  const fields = columns.length - position.length
  return encodeParquet(
    columns.map((column, c) => ({
      column,
      values: c < fields ? pickColumn(c, picked) : position[c - fields]
    })),
    { [identityKey]: identityText(identity) }
  )
}

type Texts = Extract<Values, { readonly type: "string" }>
type Numbers = Exclude<Values, Texts>

/** Column `c` of the picked rows. */
const pickColumn = (c: number, { chunkOf, chunks, rows }: PickedRows): Values => {
  const count = rows.length
  const from = chunks.map((chunk) => chunk.values[c])
  const { type } = from[chunkOf[0]]
  if (type === "string") {
    const texts: Array<string | null> = []
    for (let i = 0; i < count; i++) texts[i] = (from[chunkOf[i]] as Texts).values[rows[i]]
    return { type, values: texts }
  }
  const numbers = from as ReadonlyArray<Numbers>
  const values =
    type === "int32"
      ? new Int32Array(count)
      : type === "boolean"
        ? new Uint8Array(count)
        : new Float64Array(count)
  for (let i = 0; i < count; i++) values[i] = numbers[chunkOf[i]].values[rows[i]]
  let nulls: Uint8Array | undefined
  if (numbers.some((column) => column.nulls !== undefined)) {
    nulls = new Uint8Array(count)
    for (let i = 0; i < count; i++) nulls[i] = numbers[chunkOf[i]].nulls?.[rows[i]] ?? 0
  }
  return { type, values, nulls } as Numbers
}
