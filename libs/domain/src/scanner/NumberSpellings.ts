import type { Spellings } from "./Spellings.ts"
import { TextDictionary } from "./TextDictionary.ts"

/** Longer ones are not worth keeping, and no producer writes them. */
const longest = 40

/** A number as JSON has it. */
const jsonNumber = /^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$/

const latin1 = new TextDecoder("latin1")

/** Spellings of numbers: each is read once. */
export class NumberSpellings implements Spellings {
  readonly dictionary: TextDictionary
  private readonly range: { readonly min: number; readonly max: number }
  private readonly base: NumberSpellings | undefined
  private readonly baseCount: number
  /** By code behind those of the base. */
  private numbers = new Float64Array(16)

  /** `base`: what it extends, which must not grow any more. */
  constructor(range: { readonly min: number; readonly max: number }, base?: NumberSpellings) {
    this.range = range
    this.dictionary = new TextDictionary(base?.dictionary)
    this.base = base
    this.baseCount = this.dictionary.count
  }

  get size(): number {
    return this.dictionary.size
  }

  intern(view: DataView, from: number, length: number, hash: number): number {
    if (length > longest) return 0
    const text = latin1.decode(new Uint8Array(view.buffer, view.byteOffset + from, length))
    if (!jsonNumber.test(text)) return 0
    const number = Number(text)
    if (!(number >= this.range.min && number <= this.range.max)) return 0
    return this.keep(this.dictionary.add(view, from, length, hash), number)
  }

  /** The code of a number that was accepted. */
  codeOf(number: number): number {
    return this.keep(this.dictionary.codeOf(String(number)), number)
  }

  numberOf(code: number): number {
    return this.base !== undefined && code <= this.baseCount
      ? this.base.numbers[code]
      : this.numbers[code - this.baseCount]
  }

  private keep(code: number, number: number): number {
    const own = code - this.baseCount
    // The base has it already.
    if (own <= 0) return code
    if (own >= this.numbers.length) {
      const grown = new Float64Array(this.numbers.length * 2)
      grown.set(this.numbers)
      this.numbers = grown
    }
    // + 0 turns −0 into 0.
    this.numbers[own] = number + 0
    return code
  }
}
