import type { TextDictionary } from "./TextDictionary.ts"

/** What the spellings of a column's values, the bytes that stand in the JSON, mean: to each that is good a code. */
export interface Spellings {
  /** Where to look for a spelling first. */
  readonly dictionary: TextDictionary
  /** Bytes that are held, without those of what it extends. */
  readonly size: number
  /** The code of a spelling that is not in the dictionary, or 0 when the plain decoder must judge it. */
  intern(view: DataView, from: number, length: number, hash: number): number
}
