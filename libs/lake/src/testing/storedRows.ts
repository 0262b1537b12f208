import { parquetMetadata } from "hyparquet"
import { readColumn } from "hyparquet/src/column.js"
import { DEFAULT_PARSERS } from "hyparquet/src/convert.js"
import { getSchemaPath } from "hyparquet/src/schema.js"
import { compressors } from "hyparquet-compressors"

/** Offset of a stored row, and which record it says it is: its session, or the key of a dead letter. */
export interface StoredRow {
  readonly offset: number
  readonly id: number
}

// Objects never change, so each is read once, however often it is looked at.
const known = new WeakMap<Uint8Array, ReadonlyArray<StoredRow>>()

/**
 * The rows of a data or dead-letter file, by a reader that is not ours, in one step (its own functions are
 * asynchronous, and a simulation is one synchronous course). Throws when the bytes are no whole file.
 */
export const storedRows = (bytes: Uint8Array, isDeadLetters: boolean): ReadonlyArray<StoredRow> => {
  const rows = known.get(bytes) ?? readStoredRows(bytes, isDeadLetters)
  known.set(bytes, rows)
  return rows
}

const readStoredRows = (bytes: Uint8Array, isDeadLetters: boolean): ReadonlyArray<StoredRow> => {
  const file = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer
  const metadata = parquetMetadata(file)
  const columnOf = (name: string): ReadonlyArray<unknown> => {
    const values: Array<unknown> = []
    for (const group of metadata.row_groups) {
      const meta = group.columns.find((column) => column.meta_data?.path_in_schema[0] === name)!.meta_data!
      const start = Number(meta.dictionary_page_offset ?? meta.data_page_offset)
      const rows = Number(group.num_rows)
      const schemaPath = getSchemaPath(metadata.schema, meta.path_in_schema)
      const { data } = readColumn(
        { view: new DataView(file, start, Number(meta.total_compressed_size)), offset: 0 },
        { groupStart: 0, selectStart: 0, selectEnd: rows, groupRows: rows },
        {
          pathInSchema: meta.path_in_schema,
          element: schemaPath[schemaPath.length - 1].element,
          schemaPath,
          parsers: DEFAULT_PARSERS,
          compressors,
          utf8: false,
          ...meta
        }
      )
      for (const chunk of data) values.push(...(chunk as Iterable<unknown>))
    }
    return values
  }
  const offsets = columnOf("_offset")
  const ids = columnOf(isDeadLetters ? "key" : "sessionId")
  return offsets.map((offset, row) => ({
    offset: Number(offset),
    id: Number(isDeadLetters ? text.decode((ids[row] as Uint8Array | null) ?? noKey) : ids[row])
  }))
}

const text = new TextDecoder()
const noKey = new Uint8Array(0)
