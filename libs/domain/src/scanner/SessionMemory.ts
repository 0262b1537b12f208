import { blockRows, type RememberedColumn } from "./ScannedColumn.ts"
import { copyBytes, sameText } from "./words.ts"

/** Sessions that are remembered; a later one takes the place of an earlier one. */
const places = 8192
const placeShift = 19
/** Bytes that are remembered of each, at most. */
const placeBytes = 448
const none = -1

/**
 * What does not change within a session, the listener and where he is, is most of an event. As long as its bytes are those
 * of the session's last record, keys, values and all, they are not read again: the values are those of then.
 */
export class SessionMemory {
  /** Bits of the fields that may be remembered. */
  readonly fields: number
  private readonly columns: ReadonlyArray<RememberedColumn>
  private readonly bits: ReadonlyArray<number>
  private readonly view = new DataView(new ArrayBuffer(places * placeBytes + 4))
  /** By place: bytes that are there (0: none), bits of their fields, and the last of these. */
  private readonly lengths = new Int32Array(places)
  private readonly masks = new Int32Array(places)
  private readonly lasts = new Int32Array(places)
  /** By place and column: codes and numbers, NaN for null. */
  private readonly values: Float64Array
  /** Of the block: where the values of each row are, or where they shall be and which bytes they are. */
  private readonly recalled = new Int32Array(blockRows)
  private readonly learned = new Int32Array(blockRows)
  private readonly froms = new Int32Array(blockRows)
  private readonly ends = new Int32Array(blockRows)
  private readonly learnedMasks = new Int32Array(blockRows)
  private readonly learnedLasts = new Int32Array(blockRows)
  private renewals = 0

  /** The columns that may be remembered, with the number of each field. */
  constructor(columns: ReadonlyArray<readonly [field: number, column: RememberedColumn]>) {
    this.columns = columns.map(([, column]) => column)
    this.bits = columns.map(([field]) => 1 << field)
    this.fields = this.bits.reduce((sum, bit) => sum | bit, 0)
    this.values = new Float64Array(places * columns.length)
  }

  /** Row `n` of the block begins anew. */
  begin(n: number): void {
    this.recalled[n] = none
    this.learned[n] = none
  }

  /** Whether the bytes at `at` are what came in the session's last record; then row `n` has its values. */
  recall(session: number, view: DataView, at: number, end: number, n: number): boolean {
    const place = placeOf(session)
    const length = this.lengths[place]
    if (length === 0 || at + length >= end) return false
    // A number may go on.
    const next = view.getUint8(at + length)
    if (next !== comma && next !== closeBrace) return false
    // What was accepted has no control characters.
    if (!sameText(this.view, place * placeBytes, view, at, length)) return false
    this.recalled[n] = place
    return true
  }

  /** Of what row `n` recalled: bytes, bits of the fields, and the last of these. */
  lengthOf(n: number): number {
    return this.lengths[this.recalled[n]]
  }
  maskOf(n: number): number {
    return this.masks[this.recalled[n]]
  }
  lastOf(n: number): number {
    return this.lasts[this.recalled[n]]
  }

  /** The bytes [from, end) of row `n`, with these fields, are to be remembered once the row is stored. */
  note(session: number, from: number, end: number, mask: number, last: number, n: number): void {
    // Copies may write three bytes more.
    if (end - from > placeBytes - 3) return
    this.learned[n] = placeOf(session)
    this.froms[n] = from
    this.ends[n] = end
    this.learnedMasks[n] = mask
    this.learnedLasts[n] = last
  }

  /** Gives the rows that recalled something their values. */
  recallValues(count: number): void {
    const { bits, columns, masks, recalled, values } = this
    for (let first = 0; first < columns.length; first++) {
      const [bit, step] = [bits[first], columns.length]
      columns[first].recall({ count, places: recalled, masks, bit, values, step, first })
    }
  }

  /** Remembers what was noted of the rows, which are stored now. */
  learn(view: DataView, count: number, refusals: Uint8Array): void {
    for (let n = 0; n < count; n++)
      if (this.learned[n] !== none && refusals[n] === 0) this.put(view, n, count)
  }

  private put(view: DataView, n: number, count: number): void {
    const { bits, columns } = this
    const place = this.learned[n]
    const mask = this.learnedMasks[n]
    this.lengths[place] = 0
    for (let c = 0; c < columns.length; c++) {
      if ((mask & bits[c]) === 0) continue
      const value = columns[c].stored(count - n)
      // Codes of values that are taken with their rows mean nothing after.
      if (!columns[c].isKept(value)) return
      this.values[place * columns.length + c] = value
    }
    const length = this.ends[n] - this.froms[n]
    copyBytes(view, this.froms[n], this.view, place * placeBytes, length)
    this.lengths[place] = length
    this.masks[place] = mask
    this.lasts[place] = this.learnedLasts[n]
  }

  /** Codes mean something else once a column has begun a new dictionary. */
  forgetOld(): void {
    const renewals = this.columns.reduce((sum, column) => sum + column.renewals, 0)
    if (renewals === this.renewals) return
    this.renewals = renewals
    this.lengths.fill(0)
  }
}

const comma = 0x2c
const closeBrace = 0x7d

const placeOf = (session: number): number => Math.imul(session, 0x9e3779b1) >>> placeShift
