import type { Codes } from "../EventColumns.ts"
import { blockRows, type Recalled } from "./ScannedColumn.ts"
import type { Spellings } from "./Spellings.ts"

/** How much a column remembers. */
export interface DictionaryLimits {
  /** A dictionary that reached so many texts, or bytes, grows no more: look-ups stay in the processor's cache, codes short. */
  readonly texts: number
  readonly bytes: number
  /** Rows after which a dictionary that is full is given up for one of what values are usual then. */
  readonly renewalRows: number
}

export const defaultDictionaryLimits: DictionaryLimits = {
  texts: 48 * 1024,
  bytes: 1024 * 1024,
  renewalRows: 16 * 1024 * 1024
}

/** Instead of where a spelling begins: there is none; its code is known already. */
export const absent = -1
const recalled = -2

/**
 * Values as codes of their spellings. These are kept when rows are taken, until they are too many; from then on those
 * that are new live in a set that extends the other, and is taken with the rows: so what is held beyond one set of bounded
 * size is held by the rows that it is for.
 */
export class CodedColumn<S extends Spellings> {
  private readonly limits: DictionaryLimits
  /** New spellings, or those that extend others. */
  private readonly make: (base?: S) => S
  protected spellings: S
  /** Those that are full. */
  private full: S | undefined
  /** Rows that were taken since. */
  private rowsSinceFull = 0
  /** By row; 0 is null. */
  protected codes = new Uint32Array(0)
  private rows = 0
  /** See `TextDictionary.warm`. */
  protected warmed = 0
  /** How often codes got a new meaning. */
  renewals = 0
  /** Where the spelling of each row of the block begins (`absent`, `recalled`: none), its length, and its hash. */
  readonly froms = new Int32Array(blockRows)
  readonly lengths = new Int32Array(blockRows)
  readonly hashes = new Int32Array(blockRows)

  constructor(limits: DictionaryLimits, make: (base?: S) => S) {
    this.limits = limits
    this.make = make
    this.spellings = make()
  }

  reserve(rows: number): void {
    const needed = this.rows + rows
    if (needed <= this.codes.length) return
    const grown = new Uint32Array(Math.max(needed, this.codes.length * 2))
    grown.set(this.codes)
    this.codes = grown
  }

  skip(n: number): void {
    this.froms[n] = absent
  }

  /** Rows of the block have codes that need no look-up. */
  recall({ bit, count, first, masks, places, step, values }: Recalled): void {
    const { codes, froms, rows } = this
    for (let n = 0; n < count; n++) {
      const place = places[n]
      if (place < 0 || (masks[place] & bit) === 0) continue
      codes[rows + n] = values[place * step + first]
      froms[n] = recalled
    }
  }

  /** The code of the row that was stored so many rows ago, the last one being 1. */
  stored(ago: number): number {
    return this.codes[this.rows - ago]
  }

  /** Whether a code keeps its meaning when rows are taken. */
  isKept(code: number): boolean {
    return this.full === undefined || code <= this.full.dictionary.count
  }

  store(view: DataView, count: number, refusals: Uint8Array): void {
    const { codes, froms, hashes, lengths, rows, spellings } = this
    const { dictionary } = spellings
    this.warmed = dictionary.warm(hashes, froms, count)
    for (let n = 0; n < count; n++) {
      const from = froms[n]
      if (from === recalled) continue
      let code = 0
      if (from >= 0) {
        code =
          dictionary.find(view, from, lengths[n], hashes[n]) ||
          spellings.intern(view, from, lengths[n], hashes[n])
        if (code === 0) refusals[n] = 1
      }
      codes[rows + n] = code
    }
    this.rows = rows + count
  }

  remove(row: number): void {
    this.codes.copyWithin(row, row + 1, this.rows--)
  }

  /** The codes of all rows, in two bytes each when the greatest allows it, and what they mean; the column is then empty. */
  protected takeCodes(): { readonly codes: Codes; readonly spellings: S } {
    const { limits, spellings } = this
    const { count } = spellings.dictionary
    const taken = this.codes.subarray(0, this.rows)
    const codes = count <= 0xffff ? new Uint16Array(taken) : taken.slice()
    if (this.full === undefined && (count > limits.texts || spellings.size > limits.bytes))
      this.full = spellings
    if (this.full !== undefined) {
      if (spellings !== this.full) spellings.dictionary.close()
      this.rowsSinceFull += this.rows
      if (this.rowsSinceFull > limits.renewalRows) {
        this.full = undefined
        this.rowsSinceFull = 0
        this.renewals++
      }
      this.spellings = this.make(this.full)
    }
    this.rows = 0
    return { codes, spellings }
  }
}
