import type { FileMetaData, RowGroup } from "hyparquet"
import { ByteWriter } from "hyparquet-writer"
import { writeMetadata } from "hyparquet-writer/src/metadata.js"
import type { ColumnValues } from "./columnValues.ts"
import { countOf } from "./columnValues.ts"
import { encodeColumn } from "./encodeColumn.ts"
import type { FileColumn } from "./parquetFile.ts"
import { schemaElement } from "./parquetFile.ts"

const parquetMagic = 0x31524150
const magicBytes = 4

/** A row group whose bytes lie in a file at `from`. */
export interface PlacedRowGroup {
  readonly bytes: Uint8Array
  readonly group: RowGroup
}

/**
 * The bytes of a Parquet file piece by piece, for files that grow: head, row groups, foot. A file of the head, any
 * number of row groups and their foot is whole; memory is that of one row group, and some bytes for each of the others.
 */
export class RowGroups {
  /** Bytes before the first row group. */
  static readonly head: Uint8Array = Uint8Array.of(0x50, 0x41, 0x52, 0x31)
  private readonly elements: ReadonlyArray<ReturnType<typeof schemaElement>>
  private readonly groups: Array<RowGroup> = []
  private position = magicBytes

  constructor(columns: ReadonlyArray<FileColumn>) {
    this.elements = columns.map(schemaElement)
  }

  /** Rows in the groups that were added. */
  get rows(): number {
    return this.groups.reduce((sum, { num_rows }) => sum + Number(num_rows), 0)
  }

  /** The bytes of a row group behind those that were added; it is added only by `add`. */
  encode(values: ReadonlyArray<ColumnValues>): PlacedRowGroup {
    const writer = new ByteWriter(64 * 1024)
    writer.offset = this.position
    const columns = values.map((column, c) => encodeColumn(writer, this.elements[c], column))
    const bytes = writer.getBytes()
    return {
      bytes,
      group: {
        columns,
        num_rows: BigInt(countOf(values[0])),
        total_byte_size: columns.reduce((sum, { meta_data }) => sum + meta_data!.total_uncompressed_size, 0n),
        total_compressed_size: BigInt(bytes.length)
      }
    }
  }

  /** What was encoded last now lies in the file. */
  add({ bytes, group }: PlacedRowGroup): void {
    this.groups.push(group)
    this.position += bytes.length
  }

  /** The end of a file of the groups that were added, and of `last`, which was not. */
  foot(last: PlacedRowGroup | undefined, metadata: Readonly<Record<string, string>>): Uint8Array {
    const groups = last === undefined ? this.groups : [...this.groups, last.group]
    const writer = new ByteWriter(16 * 1024)
    writeMetadata(writer, {
      version: 2,
      created_by: "musify",
      schema: [{ name: "schema", num_children: this.elements.length }, ...this.elements],
      num_rows: groups.reduce((sum, { num_rows }) => sum + num_rows, 0n),
      row_groups: groups,
      key_value_metadata: Object.entries(metadata).map(([key, value]) => ({ key, value }))
    } as unknown as FileMetaData)
    writer.appendUint32(parquetMagic)
    return writer.getBytes()
  }
}
