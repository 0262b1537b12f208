import { Buffer } from "node:buffer"

/** Texts encoded to UTF-8 once, end to end in one array: fragment n is bytes [starts[n], starts[n + 1]). */
export class FragmentBuilder {
  private bytes = Buffer.alloc(1 << 16)
  private length = 0
  private readonly starts: Array<number> = [0]

  /** Adds a text and answers its number. */
  add(text: string): number {
    const size = Buffer.byteLength(text)
    if (this.length + size > this.bytes.length) {
      const larger = Buffer.alloc((this.length + size) * 2)
      larger.set(this.bytes)
      this.bytes = larger
    }
    this.bytes.write(text, this.length)
    this.length += size
    this.starts.push(this.length)
    return this.starts.length - 2
  }

  /** Adds many texts, whose numbers follow each other, and answers the first. */
  addAll(texts: ReadonlyArray<string>): number {
    const first = this.starts.length - 1
    for (const text of texts) this.add(text)
    return first
  }

  build(): { readonly bytes: Uint8Array; readonly starts: Int32Array } {
    return { bytes: this.bytes.subarray(0, this.length), starts: Int32Array.from(this.starts) }
  }
}

/** ASCII of 0000 to 9999, four bytes each. */
const fourDigits = new Uint8Array(40_000)
for (let n = 0; n < 10_000; n++) {
  fourDigits[n * 4] = 48 + Math.floor(n / 1000)
  fourDigits[n * 4 + 1] = 48 + (Math.floor(n / 100) % 10)
  fourDigits[n * 4 + 2] = 48 + (Math.floor(n / 10) % 10)
  fourDigits[n * 4 + 3] = 48 + (n % 10)
}

const putFour = (out: Uint8Array, at: number, n: number): number => {
  const from = n * 4
  out[at] = fourDigits[from]
  out[at + 1] = fourDigits[from + 1]
  out[at + 2] = fourDigits[from + 2]
  out[at + 3] = fourDigits[from + 3]
  return at + 4
}

/** Writes a whole number ≥ 0 (up to 2⁵³) in decimal at `at`; answers the place after it. */
export const putInteger = (out: Uint8Array, at: number, n: number): number => {
  if (n >= 10_000) {
    const high = Math.floor(n / 10_000)
    return putFour(out, putInteger(out, at, high), n - high * 10_000)
  }
  const from = n * 4
  if (n >= 1000) out[at++] = fourDigits[from]
  if (n >= 100) out[at++] = fourDigits[from + 1]
  if (n >= 10) out[at++] = fourDigits[from + 2]
  out[at++] = fourDigits[from + 3]
  return at
}

/** Writes a whole number from 0 to 99,999,999 with leading zeros, eight bytes. */
export const putEight = (out: Uint8Array, at: number, n: number): number => {
  const high = Math.floor(n / 10_000)
  return putFour(out, putFour(out, at, high), n - high * 10_000)
}

/** Copies bytes [from, to) of `out` to `at` (not overlapping); answers the place after them. */
export const putBytes = (out: Uint8Array, at: number, from: number, to: number): number => {
  if (to - from > 24) {
    out.copyWithin(at, from, to)
    return at + to - from
  }
  while (from < to) out[at++] = out[from++]
  return at
}

/** A double as Eventsim writes a 32-bit float: the shortest decimal that is nearest to the same float. */
export const float32Text = (value: number): string => {
  const target = Math.fround(value)
  for (let digits = 1; digits <= 9; digits++) {
    const text = Number(target.toPrecision(digits))
    if (Math.fround(text) === target) return JSON.stringify(text)
  }
  return JSON.stringify(target)
}
