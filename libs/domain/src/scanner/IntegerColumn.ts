import type { EventColumn } from "../columns.ts"
import type { Values } from "../EventColumns.ts"
import { isNull, quote, type Recalled, refused, type RememberedColumn } from "./ScannedColumn.ts"

const minus = 0x2d
const zero = 0x30

/** Numbers of more digits may not be safe. */
const mostDigits = 15

/** What an integer column accepts beyond plain digits: the range, and whether digits may stand between quotation marks. */
interface IntegerKind {
  readonly min: number
  readonly max: number
  readonly text: boolean
}

/** Whole numbers, written as digits. */
export class IntegerColumn implements RememberedColumn {
  private readonly type: "timestamp" | "int64" | "int32"
  private readonly nullable: boolean
  private readonly kind: IntegerKind
  private values: Float64Array | Int32Array
  private nulls = new Uint8Array(0)
  private anyNull = false
  private rows = 0

  constructor({ nullable }: EventColumn, type: "timestamp" | "int64" | "int32", kind: IntegerKind) {
    this.type = type
    this.nullable = nullable
    this.kind = kind
    this.values = this.room(0)
  }

  private room(rows: number): Float64Array | Int32Array {
    return this.type === "int32" ? new Int32Array(rows) : new Float64Array(rows)
  }

  reserve(rows: number): void {
    const needed = this.rows + rows
    if (needed <= this.values.length) return
    const capacity = Math.max(needed, this.values.length * 2)
    const values = this.room(capacity)
    values.set(this.values)
    this.values = values
    if (!this.nullable) return
    const nulls = new Uint8Array(capacity)
    nulls.set(this.nulls)
    this.nulls = nulls
  }

  scan(view: DataView, at: number, end: number, n: number): number {
    let p = at
    let byte = view.getUint8(p)
    const quoted = byte === quote
    if (quoted) {
      if (!this.kind.text) return refused
      byte = view.getUint8(++p)
      if (byte === quote) {
        // An empty text is null.
        if (!this.nullable) return refused
        this.skip(n)
        return p + 1
      }
    }
    const negative = byte === minus
    if (negative) byte = view.getUint8(++p)
    const from = p
    let value = 0
    while (byte >= zero && byte <= zero + 9) {
      value = value * 10 + (byte - zero)
      byte = view.getUint8(++p)
      if (p - from > mostDigits) return refused
    }
    if (p === from) {
      if (negative || quoted || !this.nullable || !isNull(view, at)) return refused
      this.skip(n)
      return at + 4
    }
    // No zero before other digits; −0 is 0, but "-0" is no integer's text.
    if (view.getUint8(from) === zero && (p - from > 1 || (quoted && negative))) return refused
    if (quoted) {
      if (byte !== quote) return refused
      p++
    }
    if (negative) value = 0 - value
    if (p >= end || value < this.kind.min || value > this.kind.max) return refused
    this.values[this.rows + n] = value
    if (this.nullable) this.nulls[this.rows + n] = 0
    return p
  }

  /** The value of row `n` of the block, as it was scanned. */
  scanned(n: number): number {
    return this.values[this.rows + n]
  }

  skip(n: number): void {
    this.setNull(this.rows + n)
  }

  /** Numbers mean the same for ever. */
  readonly renewals = 0
  isKept(): boolean {
    return true
  }

  recall({ bit, count, first, masks, places, step, values }: Recalled): void {
    const { rows } = this
    for (let n = 0; n < count; n++) {
      const place = places[n]
      if (place < 0 || (masks[place] & bit) === 0) continue
      const value = values[place * step + first]
      this.put(rows + n, Number.isNaN(value) ? null : value)
    }
  }

  stored(ago: number): number {
    const row = this.rows - ago
    return this.nullable && this.nulls[row] === 1 ? Number.NaN : this.values[row]
  }

  private setNull(row: number): void {
    this.values[row] = 0
    if (!this.nullable) return
    this.nulls[row] = 1
    this.anyNull = true
  }

  store(_: DataView, count: number): void {
    this.rows += count
  }

  put(row: number, value: number | null): void {
    if (value === null) this.setNull(row)
    else {
      this.values[row] = value
      if (this.nullable) this.nulls[row] = 0
    }
  }

  remove(row: number): void {
    this.values.copyWithin(row, row + 1, this.rows)
    if (this.nullable) this.nulls.copyWithin(row, row + 1, this.rows)
    this.rows--
  }

  take(): Values {
    const taken = {
      type: this.type,
      values: this.values.slice(0, this.rows),
      nulls: this.anyNull ? this.nulls.slice(0, this.rows) : undefined
    } as Values
    this.anyNull = false
    this.rows = 0
    return taken
  }
}
