import { loneSurrogate } from "../fields.ts"
import type { Spellings } from "./Spellings.ts"
import { TextDictionary } from "./TextDictionary.ts"

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

const backslash = 0x5c
const space = 0x20

/** Texts that JSON writes otherwise than they are. */
// oxlint-disable-next-line no-control-regex
const needsEscape = /[\u0000-\u001f"\\]/

/**
 * Spellings of texts, between their quotation marks. Nearly all are the text itself. Those with a backslash have codes of
 * their own, and the texts that need one are in the dictionary as well, but nobody finds them there: the same bytes would
 * mean something else.
 */
export class TextSpellings implements Spellings {
  readonly dictionary: TextDictionary
  /** The only texts that are accepted. */
  private readonly choices: ReadonlySet<string> | undefined
  private readonly escaped: TextDictionary
  /** By the code of an escaped spelling: the code of its text. */
  private readonly escapedTexts: Array<number>

  /** `base`: what it extends, which must not grow any more. */
  constructor(choices: ReadonlySet<string> | undefined, base?: TextSpellings) {
    this.choices = choices
    this.dictionary = new TextDictionary(base?.dictionary)
    this.escaped = new TextDictionary(base?.escaped)
    this.escapedTexts = base === undefined ? [] : [...base.escapedTexts]
  }

  get size(): number {
    return this.dictionary.size + this.escaped.size
  }

  intern(view: DataView, from: number, length: number, hash: number): number {
    const bytes = new Uint8Array(view.buffer, view.byteOffset + from, length)
    let ascii = true
    for (const byte of bytes) {
      if (byte === backslash) return this.internEscaped(view, from, length, hash)
      if (byte < space) return 0
      if (byte > 0x7f) ascii = false
    }
    if (!ascii || this.choices !== undefined) {
      const text = textOf(bytes)
      if (text === undefined || this.choices?.has(text) === false) return 0
    }
    return this.dictionary.add(view, from, length, hash)
  }

  private internEscaped(view: DataView, from: number, length: number, hash: number): number {
    const known = this.escaped.find(view, from, length, hash)
    if (known !== 0) return this.escapedTexts[known]
    const text = unescaped(new Uint8Array(view.buffer, view.byteOffset + from, length))
    if (text === undefined || loneSurrogate.test(text) || this.choices?.has(text) === false) return 0
    const code = needsEscape.test(text) ? this.dictionary.append(text) : this.dictionary.codeOf(text)
    this.escapedTexts[this.escaped.add(view, from, length, hash)] = code
    return code
  }

  /** The code of a text that was accepted. */
  codeOf(text: string): number {
    if (!needsEscape.test(text)) return this.dictionary.codeOf(text)
    const spelling = this.escaped.codeOf(JSON.stringify(text).slice(1, -1))
    return (this.escapedTexts[spelling] ??= this.dictionary.append(text))
  }
}

/** The text of UTF-8, if it is some. */
const textOf = (bytes: Uint8Array): string | undefined => {
  try {
    return utf8.decode(bytes)
  } catch {
    return undefined
  }
}

/** What a spelling means, if it is JSON. */
const unescaped = (bytes: Uint8Array): string | undefined => {
  const spelling = textOf(bytes)
  if (spelling === undefined) return undefined
  try {
    return JSON.parse(`"${spelling}"`) as string
  } catch {
    return undefined
  }
}
