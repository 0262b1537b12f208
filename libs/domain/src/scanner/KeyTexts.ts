import { firstBytes } from "./words.ts"

/** The keys of an object's fields as they stand in JSON, `"name":`, to be compared four bytes at a time. */
export class KeyTexts {
  /** Bytes of each. */
  readonly lengths: Int32Array
  private readonly words: Int32Array
  /** Where the words of each begin; the one behind the last as well. */
  private readonly starts: Int32Array
  /** Which bytes of the last word count. */
  private readonly lastBytes: Int32Array

  constructor(names: ReadonlyArray<string>) {
    const texts = names.map((name) => new TextEncoder().encode(`${JSON.stringify(name)}:`))
    this.lengths = Int32Array.from(texts, ({ length }) => length)
    this.lastBytes = this.lengths.map((length) => firstBytes[((length - 1) & 3) + 1])
    const words: Array<number> = []
    const starts: Array<number> = []
    for (const text of texts) {
      starts.push(words.length)
      for (let i = 0; i < text.length; i += 4)
        words.push(text[i] | (text[i + 1] << 8) | (text[i + 2] << 16) | (text[i + 3] << 24))
    }
    this.words = Int32Array.from(words)
    this.starts = Int32Array.of(...starts, words.length)
  }

  /** Whether key `n` stands at `at`. */
  isAt(n: number, view: DataView, at: number): boolean {
    const { words } = this
    const last = this.starts[n + 1] - 1
    for (let w = this.starts[n]; w < last; w++, at += 4)
      if (view.getInt32(at, true) !== words[w]) return false
    return ((view.getInt32(at, true) ^ words[last]) & this.lastBytes[n]) === 0
  }

  /** Which key stands at `at`; −1 when it is none of them. */
  find(view: DataView, at: number): number {
    for (let n = 0; n < this.lengths.length; n++) if (this.isAt(n, view, at)) return n
    return -1
  }
}
