import type { Column, ColumnType } from "./columns.ts"

/**
 * A column as Parquet's SchemaElement has it (the shape that hyparquet takes). Times are INT64 microseconds, adjusted to
 * UTC.
 */
export interface ParquetElement {
  readonly name: string
  readonly type: "BOOLEAN" | "INT32" | "INT64" | "DOUBLE" | "BYTE_ARRAY"
  readonly repetition_type: "REQUIRED" | "OPTIONAL"
  readonly converted_type?: "UTF8" | "TIMESTAMP_MICROS"
  readonly logical_type?:
    | { readonly type: "STRING" }
    | { readonly type: "TIMESTAMP"; readonly isAdjustedToUTC: true; readonly unit: "MICROS" }
}

const parquetTypes = {
  timestamp: {
    type: "INT64",
    converted_type: "TIMESTAMP_MICROS",
    logical_type: { type: "TIMESTAMP", isAdjustedToUTC: true, unit: "MICROS" }
  },
  int64: { type: "INT64" },
  int32: { type: "INT32" },
  float64: { type: "DOUBLE" },
  string: { type: "BYTE_ARRAY", converted_type: "UTF8", logical_type: { type: "STRING" } },
  boolean: { type: "BOOLEAN" }
} as const satisfies Record<ColumnType, Omit<ParquetElement, "name" | "repetition_type">>

/** The Parquet schema element of a column. */
export const parquetElement = (column: Column): ParquetElement => ({
  name: column.name,
  repetition_type: column.nullable ? "OPTIONAL" : "REQUIRED",
  ...parquetTypes[column.type]
})

/** DuckDB's type of a column in our tables. Times are TIMESTAMP in UTC (a lake file read as it is gives TIMESTAMPTZ). */
export const duckdbType: Readonly<Record<ColumnType, string>> = {
  timestamp: "TIMESTAMP",
  int64: "BIGINT",
  int32: "INTEGER",
  float64: "DOUBLE",
  string: "VARCHAR",
  boolean: "BOOLEAN"
}

/** BigQuery's type of a column. */
export const bigqueryType: Readonly<Record<ColumnType, string>> = {
  timestamp: "TIMESTAMP",
  int64: "INT64",
  int32: "INT64",
  float64: "FLOAT64",
  string: "STRING",
  boolean: "BOOL"
}

/** A field of a BigQuery table schema. */
export interface BigQueryField {
  readonly name: string
  readonly type: string
  readonly mode: "REQUIRED" | "NULLABLE"
  readonly description: string
}

/** The BigQuery schema field of a column. */
export const bigqueryField = (column: Column): BigQueryField => ({
  name: column.name,
  type: bigqueryType[column.type],
  mode: column.nullable ? "NULLABLE" : "REQUIRED",
  description: column.description
})
