import type { Values } from "../EventColumns.ts"

/** What `scan` answers for a value that the plain decoder must judge. */
export const refused = -1

/** Rows that are scanned before their texts are looked up. */
export const blockRows = 256

/**
 * One column of the rows that were scanned. Rows are scanned one by one, then the texts of up to `blockRows` of them are
 * looked up column by column: what a column looks them up in stays in the processor's cache meanwhile.
 */
export interface ScannedColumn {
  /** Makes room for so many rows, beyond those that are there. */
  reserve(rows: number): void
  /**
   * Reads the value that begins at `at`, notes it for row `first + n` and answers where it ends; `refused` when it is
   * anything but the usual. Bytes at `end` and up to `slack` behind it may be read, but belong to something else.
   */
  scan(view: DataView, at: number, end: number, n: number): number
  /** Row `first + n` is null: the field is absent, or the plain decoder holds the row until the block is stored. */
  skip(n: number): void
  /** Stores the first `count` rows of the block; sets `refusals[n]` where the plain decoder must judge a row after all. */
  store(view: DataView, count: number, refusals: Uint8Array): void
  /** Stores what the plain decoder made of the field, at a row that is there. */
  put(row: number, value: number | string | boolean | null): void
  /** Takes a row out; those behind it move up. */
  remove(row: number): void
  /** All rows; the column is then empty. */
  take(): Values
}

/** Values of a column that are remembered, and which rows of the block have which of them. */
export interface Recalled {
  /** Rows of the block. */
  readonly count: number
  /** By row: the place where its values are remembered; negative: nowhere. */
  readonly places: Int32Array
  /** By place: bits of the fields that are remembered there. That of this column is `bit`. */
  readonly masks: Int32Array
  readonly bit: number
  /** That of place p is at p * step + first. */
  readonly values: Float64Array
  readonly step: number
  readonly first: number
}

/** A column whose values another part may remember, as numbers: those of whole numbers (NaN: null), or codes. */
export interface RememberedColumn extends ScannedColumn {
  /** How often codes got a new meaning. */
  readonly renewals: number
  /** Rows of the block have values that were `stored` earlier. */
  recall(recalled: Recalled): void
  /** The value of the row that was stored so many rows ago, the last one being 1. */
  stored(ago: number): number
  /** Whether a value keeps its meaning when rows are taken. */
  isKept(value: number): boolean
}

/** Whether `null` stands at `at`. */
export const isNull = (view: DataView, at: number): boolean => view.getInt32(at, true) === 0x6c6c756e
/** A quotation mark. */
export const quote = 0x22
