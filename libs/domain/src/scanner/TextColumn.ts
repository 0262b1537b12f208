import type { EventColumn } from "../columns.ts"
import type { Values } from "../EventColumns.ts"
import { absent, CodedColumn, type DictionaryLimits } from "./CodedColumn.ts"
import { isNull, quote, refused, type RememberedColumn } from "./ScannedColumn.ts"
import { TextSpellings } from "./TextSpellings.ts"
import { firstBytes, firstMark, hashOf, mix, zeroBytes } from "./words.ts"

const quotes = 0x22222222
const backslash = 0x5c

/** Texts. */
export class TextColumn extends CodedColumn<TextSpellings> implements RememberedColumn {
  private readonly nullable: boolean

  constructor({ nullable, rule }: EventColumn, limits: DictionaryLimits) {
    const choices = rule.kind === "choice" ? new Set(rule.values) : undefined
    super(limits, (base) => new TextSpellings(choices, base))
    this.nullable = nullable
  }

  scan(view: DataView, at: number, end: number, n: number): number {
    if (view.getUint8(at) !== quote) {
      if (!this.nullable || !isNull(view, at)) return refused
      this.froms[n] = absent
      return at + 4
    }
    const from = at + 1
    let hash = 0
    let p = from
    let word = view.getInt32(p, true)
    let marks = zeroBytes(word ^ quotes)
    while (marks === 0) {
      hash = mix(hash, word)
      p += 4
      if (p >= end) return refused
      word = view.getInt32(p, true)
      marks = zeroBytes(word ^ quotes)
    }
    const rest = firstMark(marks)
    let close = p + rest
    if (view.getUint8(close - 1) === backslash) {
      close = closeOfEscaped(view, from, end)
      hash = hashOf(view, from, close - from)
    } else hash = mix(hash, word & firstBytes[rest])
    if (close >= end) return refused
    this.froms[n] = from
    this.lengths[n] = close - from
    this.hashes[n] = hash
    return close + 1
  }

  put(row: number, value: string | null): void {
    this.codes[row] = value === null ? 0 : this.spellings.codeOf(value)
  }

  take(): Values {
    const { codes, spellings } = this.takeCodes()
    return { type: "string", codes, dictionary: spellings.dictionary }
  }
}

/** Where the text that begins at `from` is closed; `end` when it is not. */
const closeOfEscaped = (view: DataView, from: number, end: number): number => {
  let at = from
  for (let byte; at < end && (byte = view.getUint8(at)) !== quote;) at += byte === backslash ? 2 : 1
  return Math.min(at, end)
}
