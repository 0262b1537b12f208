import { copyBytes, firstBytes, hashOf, sameBytes } from "./words.ts"

const utf8 = new TextDecoder("utf-8", { ignoreBOM: true })
const encoder = new TextEncoder()

/** Bytes behind the entries that a word may be read from. */
const behind = 12
const lengthBytes = 4

/**
 * Slots that are looked at for a text. Half of the slots are free, so that a few do; whoever sends texts of one hash gets
 * new codes for each, and no long searches.
 */
const mostProbes = 64

/**
 * A slot is four words: what tells a text from others, and its code (0: the slot is free). A short text is there whole, so
 * that nothing else is read to find it: its bytes, zeros behind them, its length in the highest byte. A long one has its
 * hash, where its bytes begin, and the complement of its length, which is negative.
 */
const slotWords = 4
const mostShort = 11
const lengthShift = 24
/** By the length of a short text: which bytes of its three words count. */
const shortMasks = [0, 4, 8].map((word) =>
  Int32Array.from(
    { length: mostShort + 1 },
    (_, length) => firstBytes[Math.min(4, Math.max(0, length - word))]
  )
)
const [masks0, masks1, masks2] = shortMasks

/** Slots of a table of which most lies near the processor. */
const slotsInCache = 1024

/** Room to begin with. */
const firstRoom = 256
const firstTexts = 16

/** A text that is to be interned; grows to the longest. */
let scratch = new Uint8Array(1024)
let scratchView = new DataView(scratch.buffer)

/** Puts the UTF-8 of a text into `scratch` and answers its length. */
const encode = (text: string): number => {
  if (text.length * 3 + behind > scratch.length) {
    scratch = new Uint8Array(text.length * 6 + behind)
    scratchView = new DataView(scratch.buffer)
  }
  return encoder.encodeInto(text, scratch).written
}

/**
 * Texts by number, each stored once as UTF-8. Codes are 1, 2, … in the order of arrival (0 is left to those who need a
 * null) and never change. Entries lie end to end, each behind its length in four bytes, little endian: the plain encoding
 * of Parquet. An open-addressing table finds them by hash. A dictionary may extend another, which then must not grow any
 * more: its codes go on behind those of the other.
 */
export class TextDictionary {
  /** Greatest code. */
  count: number
  private readonly base: TextDictionary | undefined
  /** Codes of the base. */
  private readonly baseCount: number
  private bytes: Uint8Array
  private view: DataView
  /** Bytes in use. */
  private end = 0
  /** By code behind those of the base: where the bytes of the text begin, behind their length. */
  private starts: Uint32Array
  /** See `slotWords`. */
  private slots: Int32Array
  private mask: number

  constructor(base?: TextDictionary) {
    this.base = base
    this.count = this.baseCount = base?.count ?? 0
    this.bytes = new Uint8Array(firstRoom)
    this.view = new DataView(this.bytes.buffer)
    this.starts = new Uint32Array(firstTexts)
    this.slots = new Int32Array(firstTexts * 2 * slotWords)
    this.mask = firstTexts * 2 - 1
  }

  /** Bytes of the texts and their lengths, without those of the base. */
  get size(): number {
    return this.end
  }

  /** The texts, without those of the base, as Parquet's plain encoding has them; a view that is good until the next text is added. */
  get plain(): Uint8Array {
    return this.bytes.subarray(0, this.end)
  }

  /**
   * Lets the processor fetch what `find` will look at for these hashes, where `froms` are not negative: many slots at a
   * time, and not each when the one before it is done with. What it answers means nothing, but must be kept.
   */
  warm(hashes: Int32Array, froms: Int32Array, count: number): number {
    const { mask, slots } = this
    let seen = this.base?.warm(hashes, froms, count) ?? 0
    // A small table is in the cache anyway.
    if (mask < slotsInCache) return seen
    for (let n = 0; n < count; n++)
      if (froms[n] >= 0) seen |= slots[(hashes[n] & mask) * slotWords + slotWords - 1]
    for (let n = 0; n < count; n++) {
      if (froms[n] < 0) continue
      const at = (hashes[n] & mask) * slotWords
      if (slots[at + 2] < 0) seen |= this.view.getInt32(slots[at + 1], true)
    }
    return seen
  }

  /** The code of the bytes, or 0. Behind them `slack` bytes more must be there. `hash`: their `hashOf`. */
  find(view: DataView, from: number, length: number, hash: number): number {
    return this.base?.findOwn(view, from, length, hash) || this.findOwn(view, from, length, hash)
  }

  private findOwn(view: DataView, from: number, length: number, hash: number): number {
    return length > mostShort
      ? this.findLong(view, from, length, hash)
      : this.findShort(
          view.getInt32(from, true) & masks0[length],
          view.getInt32(from + 4, true) & masks1[length],
          (view.getInt32(from + 8, true) & masks2[length]) | (length << lengthShift),
          hash
        )
  }

  private findShort(first: number, second: number, third: number, hash: number): number {
    const { mask, slots } = this
    for (let slot = hash & mask, end = slot + mostProbes; slot < end; slot++) {
      const at = (slot & mask) * slotWords
      const code = slots[at + 3]
      if (code === 0) return 0
      if (slots[at] === first && slots[at + 1] === second && slots[at + 2] === third) return code
    }
    return 0
  }

  private findLong(view: DataView, from: number, length: number, hash: number): number {
    const { mask, slots } = this
    for (let slot = hash & mask, end = slot + mostProbes; slot < end; slot++) {
      const at = (slot & mask) * slotWords
      const code = slots[at + 3]
      if (code === 0) return 0
      if (
        slots[at] === hash &&
        slots[at + 2] === ~length &&
        sameBytes(this.view, slots[at + 1], view, from, length)
      )
        return code
    }
    return 0
  }

  /** Adds bytes that `find` did not find, and answers their code. */
  add(view: DataView, from: number, length: number, hash: number): number {
    const code = this.addLast(view, from, length)
    const own = code - this.baseCount
    if (own * 2 > this.mask) this.growSlots()
    this.insert(hash, code)
    return code
  }

  /** The code of a text, which is added when it is new. */
  codeOf(text: string): number {
    const length = encode(text)
    const hash = hashOf(scratchView, 0, length)
    return this.find(scratchView, 0, length, hash) || this.add(scratchView, 0, length, hash)
  }

  /** Adds a text that nobody finds, and answers its code. */
  append(text: string): number {
    return this.addLast(scratchView, 0, encode(text))
  }

  /** Nobody will look for a text any more: what finds them is let go. */
  close(): void {
    this.slots = new Int32Array(slotWords)
    this.mask = 0
  }

  private addLast(view: DataView, from: number, length: number): number {
    const start = this.end + lengthBytes
    const end = start + length
    if (end + behind > this.bytes.length) this.growBytes(end + behind)
    this.view.setInt32(this.end, length, true)
    copyBytes(view, from, this.view, start, length)
    this.end = end
    const code = ++this.count
    const own = code - this.baseCount
    if (own === this.starts.length) this.growStarts()
    this.starts[own] = start
    return code
  }

  /** The code here of the text with code `code` in another dictionary; it is added when it is new. */
  codeFrom(other: TextDictionary, code: number): number {
    const { view, starts, baseCount } = other.owner(code)
    const from = starts[code - baseCount]
    const length = view.getInt32(from - lengthBytes, true)
    const hash = hashOf(view, from, length)
    return this.find(view, from, length, hash) || this.add(view, from, length, hash)
  }

  /** Bytes of the text with a code in Parquet's plain encoding. */
  plainLength(code: number): number {
    const { starts, baseCount, view } = this.owner(code)
    return lengthBytes + view.getInt32(starts[code - baseCount] - lengthBytes, true)
  }

  /** Writes the text with a code in Parquet's plain encoding; up to three bytes behind it may change. */
  copyPlain(code: number, to: DataView, at: number): void {
    const { starts, baseCount, view } = this.owner(code)
    const from = starts[code - baseCount] - lengthBytes
    copyBytes(view, from, to, at, lengthBytes + view.getInt32(from, true))
  }

  /** Codes up to this one mean the same in both. */
  common(other: TextDictionary): number {
    if (other === this) return this.count
    if (other.base === this) return this.count
    if (this.base === other) return other.count
    return this.base !== undefined && this.base === other.base ? this.baseCount : 0
  }

  textOf(code: number): string {
    const { bytes, starts, baseCount } = this.owner(code)
    const start = starts[code - baseCount]
    return utf8.decode(bytes.subarray(start, start + this.plainLength(code) - lengthBytes))
  }

  /** The dictionary that holds the text with a code. */
  private owner(code: number): TextDictionary {
    return this.base !== undefined && code <= this.baseCount ? this.base : this
  }

  private insert(hash: number, code: number): void {
    const { mask, slots, view } = this
    const start = this.starts[code - this.baseCount]
    const length = view.getInt32(start - lengthBytes, true)
    for (let slot = hash & mask, end = slot + mostProbes; slot < end; slot++) {
      const at = (slot & mask) * slotWords
      if (slots[at + 3] !== 0) continue
      if (length > mostShort) {
        slots[at] = hash
        slots[at + 1] = start
        slots[at + 2] = ~length
      } else {
        slots[at] = view.getInt32(start, true) & masks0[length]
        slots[at + 1] = view.getInt32(start + 4, true) & masks1[length]
        slots[at + 2] = (view.getInt32(start + 8, true) & masks2[length]) | (length << lengthShift)
      }
      slots[at + 3] = code
      return
    }
  }

  private growBytes(needed: number): void {
    const grown = new Uint8Array(Math.max(needed, this.bytes.length * 2))
    grown.set(this.bytes.subarray(0, this.end))
    this.bytes = grown
    this.view = new DataView(grown.buffer)
  }

  private growStarts(): void {
    const grown = new Uint32Array(this.starts.length * 2)
    grown.set(this.starts)
    this.starts = grown
  }

  private growSlots(): void {
    const { baseCount, slots, starts, view } = this
    this.mask = this.mask * 2 + 1
    this.slots = new Int32Array((this.mask + 1) * slotWords)
    for (let at = 3; at < slots.length; at += slotWords) {
      const code = slots[at]
      if (code === 0) continue
      const start = starts[code - baseCount]
      this.insert(hashOf(view, start, view.getInt32(start - lengthBytes, true)), code)
    }
  }
}
