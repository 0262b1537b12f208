import type { EventColumn } from "../columns.ts"
import type { Values } from "../EventColumns.ts"
import { absent, CodedColumn, type DictionaryLimits } from "./CodedColumn.ts"
import { NumberSpellings } from "./NumberSpellings.ts"
import { isNull, refused, type RememberedColumn } from "./ScannedColumn.ts"
import { firstBytes, firstMark, mix, zeroBytes } from "./words.ts"

const commas = 0x2c2c2c2c
const braces = 0x7d7d7d7d

/** Fractions: places and songs repeat, so each spelling of a number is read once. */
export class FloatColumn extends CodedColumn<NumberSpellings> implements RememberedColumn {
  private readonly nullable: boolean

  constructor(
    { nullable }: EventColumn,
    range: { readonly min: number; readonly max: number },
    limits: DictionaryLimits
  ) {
    super(limits, (base) => new NumberSpellings(range, base))
    this.nullable = nullable
  }

  scan(view: DataView, at: number, end: number, n: number): number {
    let hash = 0
    let p = at
    let word = view.getInt32(p, true)
    let marks = endOfNumber(word)
    while (marks === 0) {
      hash = mix(hash, word)
      p += 4
      if (p >= end) return refused
      word = view.getInt32(p, true)
      marks = endOfNumber(word)
    }
    const rest = firstMark(marks)
    const close = p + rest
    if (close >= end) return refused
    if (close - at === 4 && isNull(view, at)) {
      if (!this.nullable) return refused
      this.froms[n] = absent
      return close
    }
    this.froms[n] = at
    this.lengths[n] = close - at
    this.hashes[n] = mix(hash, word & firstBytes[rest])
    return close
  }

  put(row: number, value: number | null): void {
    this.codes[row] = value === null ? 0 : this.spellings.codeOf(value)
  }

  take(): Values {
    const { codes, spellings } = this.takeCodes()
    return { type: "float64", codes, dictionary: spellings }
  }
}

/** Marks the first comma or closing brace of a word. */
const endOfNumber = (word: number): number => zeroBytes(word ^ commas) | zeroBytes(word ^ braces)
