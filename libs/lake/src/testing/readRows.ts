import { parquetMetadata, parquetReadObjects } from "hyparquet"
import { compressors } from "hyparquet-compressors"

/** All rows of any Parquet file, by hyparquet, and the footer's key-value metadata. */
export const readRows = async (
  bytes: Uint8Array
): Promise<{
  readonly rows: ReadonlyArray<Record<string, unknown>>
  readonly metadata: Readonly<Record<string, string>>
}> => {
  const file = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer
  const footer = parquetMetadata(file)
  return {
    rows: await parquetReadObjects({ file, metadata: footer, compressors }),
    metadata: Object.fromEntries(
      (footer.key_value_metadata ?? []).map(({ key, value }) => [key, value ?? ""])
    )
  }
}
