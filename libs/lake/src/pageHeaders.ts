import type { WrittenEncoding } from "./footer.ts"
import { encodings } from "./footer.ts"
import type { Page } from "./Page.ts"
import { ThriftWriter } from "./ThriftWriter.ts"

const dictionaryPage = 2
const dataPageV2 = 3

/** Appends PageHeader of parquet.thrift for a page of `size` plain values; lengths in bytes. */
export const writeDictionaryPageHeader = (
  page: Page,
  uncompressed: number,
  compressed: number,
  size: number
): void => {
  const thrift = new ThriftWriter(page)
  thrift.int32s(1, [dictionaryPage, uncompressed, compressed])
  thrift.begin(7)
  thrift.int32s(1, [size, encodings.PLAIN])
  thrift.end()
  thrift.end()
}

/** A data page; lengths in bytes, those of the values without the levels. */
export interface DataPage {
  readonly rows: number
  readonly nullCount: number
  readonly encoding: WrittenEncoding
  readonly levels: number
  readonly uncompressed: number
  readonly compressed: number
  readonly isCompressed: boolean
}

/** Appends PageHeader of parquet.thrift for a data page of version 2. */
export const writeDataPageHeader = (page: Page, of: DataPage): void => {
  const thrift = new ThriftWriter(page)
  thrift.int32s(1, [dataPageV2, of.levels + of.uncompressed, of.levels + of.compressed])
  thrift.begin(8)
  // Nothing is repeated: as many rows as values, and no bytes of repetition levels.
  thrift.int32s(1, [of.rows, of.nullCount, of.rows, encodings[of.encoding], of.levels, 0])
  // The default is true.
  if (!of.isCompressed) thrift.boolean(7, false)
  thrift.end()
  thrift.end()
}
