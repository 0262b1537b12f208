import type { PlainNumbers, PlainTexts } from "@musify/domain/EventColumns.ts"

/**
 * The values of a column to be written: plain, or as codes of what the file holds once. Of codes 0 is null, and each
 * other one is used.
 */
export type ColumnValues = PlainNumbers | PlainTexts | FileTexts | FileFractions | RawBytes

export interface FileTexts {
  readonly type: "string"
  readonly codes: Uint32Array
  /** The texts of code 1, 2, …, each behind its length in four bytes, little endian: Parquet's plain encoding. */
  readonly texts: Uint8Array
  /** Number of texts. */
  readonly size: number
}

export interface FileFractions {
  readonly type: "float64"
  readonly codes: Uint32Array
  /** What code 1, 2, … means. */
  readonly numbers: Float64Array
}

/** Any bytes; null itself is null. */
export interface RawBytes {
  readonly type: "bytes"
  readonly values: ReadonlyArray<Uint8Array | null>
  readonly codes?: undefined
}

/** Number of rows of a column. */
export const countOf = (column: ColumnValues): number => (column.codes ?? column.values).length

/** How many values are null, and the smallest and greatest of the others as the file has them; none of no values. */
export interface Statistics {
  readonly nullCount: number
  readonly min?: Uint8Array
  readonly max?: Uint8Array
}
