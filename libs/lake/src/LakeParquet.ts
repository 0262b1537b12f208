import { lakeColumnsOf } from "@musify/domain/columns.ts"
import type { Topic } from "@musify/domain/Topic.ts"
import type { ColumnValues } from "./columnValues.ts"
import type { FileIdentity } from "./FileIdentity.ts"
import { identityText } from "./FileIdentity.ts"
import { encodeParquet } from "./parquetFile.ts"
import { pickColumn, type PickedRows, pickOffsets } from "./pickColumn.ts"

/** Key of the footer's metadata under which a file's identity lies. */
export const identityKey = "musify"

/** The bytes of a data file: the topic's fields, `_partition` and `_offset`, in the order of the rows given. */
export const encodeDataFile = (topic: Topic, identity: FileIdentity, picked: PickedRows): Uint8Array => {
  const columns = lakeColumnsOf(topic)
  const position: ReadonlyArray<() => ColumnValues> = [
    () => ({
      type: "int32",
      values: new Int32Array(picked.runs.count).fill(identity.partition),
      nulls: undefined
    }),
    () => ({ type: "int64", values: pickOffsets(picked), nulls: undefined })
  ]
  const fields = columns.length - position.length
  return encodeParquet(
    columns.map((column, c) => ({
      column,
      values: c < fields ? () => pickColumn(c, picked) : position[c - fields]
    })),
    { [identityKey]: identityText(identity) }
  )
}
