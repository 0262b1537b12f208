import { parquetElement, type ParquetElement } from "@musify/domain/columnTypes.ts"
import type { Column } from "@musify/domain/columns.ts"

/** A column of a file: a domain column, or one of raw bytes. */
export type FileColumn = Omit<Column, "type"> & { readonly type: Column["type"] | "bytes" }

/** The Parquet schema element of a column. */
export const schemaElement = ({ description, name, nullable, type }: FileColumn): ParquetElement =>
  type === "bytes"
    ? { name, type: "BYTE_ARRAY", repetition_type: nullable ? "OPTIONAL" : "REQUIRED" }
    : parquetElement({ name, type, nullable, description })
