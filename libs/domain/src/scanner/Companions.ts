import type { CodedColumn } from "./CodedColumn.ts"
import { blockRows } from "./ScannedColumn.ts"
import type { Spellings } from "./Spellings.ts"
import { mix, sameBytes } from "./words.ts"

/** Combinations that are remembered; later ones take the places of earlier ones. */
const places = 16_384
const placeShift = 18
/** Bytes of a place: codes, then the length of each spelling, then the spellings. Two lines of the processor's cache. */
const placeBytes = 128
/** Stands for the length of a null; no spelling that fits is so long. */
const nullLength = 255

/**
 * Columns whose values mostly come together: a song has one artist and one length, a listener lives in one place. What
 * was looked up for a combination once is remembered, so that one look in memory gives the codes of all of its values.
 */
export class Companions {
  private readonly columns: ReadonlyArray<CodedColumn<Spellings>>
  /** By place: the hash of the combination there; 0 is none. */
  private readonly hashes = new Int32Array(places)
  private readonly bytes = new Uint8Array(places * placeBytes + 4)
  private readonly view = new DataView(this.bytes.buffer)
  /** Where lengths and spellings begin in a place. */
  private readonly lengthsAt: number
  private readonly spellingsAt: number
  /** Of the block: the hash of each row's combination; 0 when it was recalled. */
  private readonly unknown = new Int32Array(blockRows)
  private renewals = 0

  constructor(columns: ReadonlyArray<CodedColumn<Spellings>>) {
    this.columns = columns
    this.lengthsAt = columns.length * 4
    this.spellingsAt = columns.length * 5
  }

  /** Sets the codes of the block's rows whose combination is known; their columns need not look them up. */
  recall(view: DataView, count: number): void {
    const { columns, hashes, unknown } = this
    for (let n = 0; n < count; n++) {
      let hash = 0
      for (const column of columns) hash = mix(hash, column.froms[n] < 0 ? 0 : column.hashes[n])
      // 0 is kept for those that are known.
      hash |= 1
      const place = hash >>> placeShift
      const known = hashes[place] === hash && this.isAt(place * placeBytes, view, n)
      unknown[n] = known ? 0 : hash
      if (!known) continue
      for (let c = 0; c < columns.length; c++)
        columns[c].recall(n, this.view.getInt32(place * placeBytes + c * 4, true))
    }
  }

  /** Whether the combination at byte `place` is that of row `n`. */
  private isAt(place: number, view: DataView, n: number): boolean {
    const { columns } = this
    let at = place + this.spellingsAt
    for (let c = 0; c < columns.length; c++) {
      const { froms, lengths } = columns[c]
      const length = this.bytes[place + this.lengthsAt + c]
      if (froms[n] < 0) {
        if (length !== nullLength) return false
        continue
      }
      if (lengths[n] !== length || !sameBytes(this.view, at, view, froms[n], length)) return false
      at += length
    }
    return true
  }

  /** Remembers the combinations of the block's rows that were not known; the rows are stored now. */
  learn(view: DataView, count: number, refusals: Uint8Array): void {
    for (let n = 0; n < count; n++) {
      const hash = this.unknown[n]
      if (hash !== 0 && refusals[n] === 0) this.put(hash, view, n, count)
    }
  }

  private put(hash: number, view: DataView, n: number, count: number): void {
    const { bytes, columns, hashes, lengthsAt } = this
    const place = hash >>> placeShift
    const start = place * placeBytes
    hashes[place] = 0
    let at = start + this.spellingsAt
    for (let c = 0; c < columns.length; c++) {
      const column = columns[c]
      const from = column.froms[n]
      const code = column.stored(count - n)
      const length = from < 0 ? 0 : column.lengths[n]
      // Codes of values that are taken with their rows mean nothing after.
      if (at + length > start + placeBytes || !column.isKept(code)) return
      bytes[start + lengthsAt + c] = from < 0 ? nullLength : length
      this.view.setInt32(start + c * 4, code, true)
      for (let i = 0; i < length; i++) bytes[at++] = view.getUint8(from + i)
    }
    hashes[place] = hash
  }

  /** Codes mean something else once a column has begun a new dictionary. */
  forgetOld(): void {
    const renewals = this.columns.reduce((sum, column) => sum + column.renewals, 0)
    if (renewals === this.renewals) return
    this.renewals = renewals
    this.hashes.fill(0)
  }
}
