import type { ColumnValues } from "./columnValues.ts"
import { countOf } from "./columnValues.ts"
import { encodeColumn } from "./encodeColumn.ts"
import type { FileColumn } from "./FileColumn.ts"
import { writeFooter, type WrittenGroup } from "./footer.ts"
import { Page } from "./Page.ts"

/** A row group whose bytes lie in a file at `from`. */
export interface PlacedRowGroup {
  readonly bytes: Uint8Array
  readonly group: WrittenGroup
}

/**
 * The bytes of a Parquet file piece by piece, for files that grow: head, row groups, foot. A file of the head, any
 * number of row groups and their foot is whole; memory is that of one row group, and some bytes for each of the others.
 */
export class RowGroups {
  /** Bytes before the first row group. */
  static readonly head: Uint8Array = Uint8Array.of(0x50, 0x41, 0x52, 0x31)
  private readonly columns: ReadonlyArray<FileColumn>
  private readonly groups: Array<WrittenGroup> = []
  private position = RowGroups.head.length

  constructor(columns: ReadonlyArray<FileColumn>) {
    this.columns = columns
  }

  /** Rows in the groups that were added. */
  get rows(): number {
    return this.groups.reduce((sum, { rows }) => sum + rows, 0)
  }

  /** The bytes of a row group behind those that were added; it is added only by `add`. */
  encode(values: ReadonlyArray<ColumnValues>): PlacedRowGroup {
    const page = new Page()
    const columns = values.map((column, c) => encodeColumn(page, this.position, this.columns[c], column))
    return { bytes: page.written, group: { columns, rows: countOf(values[0]) } }
  }

  /** What was encoded last now lies in the file. */
  add({ bytes, group }: PlacedRowGroup): void {
    this.groups.push(group)
    this.position += bytes.length
  }

  /** The end of a file of the groups that were added, and of `last`, which was not. */
  foot(last: PlacedRowGroup | undefined, metadata: Readonly<Record<string, string>>): Uint8Array {
    const groups = last === undefined ? this.groups : [...this.groups, last.group]
    const page = new Page()
    writeFooter(page, this.columns, groups, metadata)
    return page.written
  }
}
