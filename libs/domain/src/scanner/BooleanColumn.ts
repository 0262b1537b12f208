import type { Values } from "../EventColumns.ts"
import { refused, type ScannedColumn } from "./ScannedColumn.ts"

const [true4, fals4, e] = [0x65757274, 0x736c6166, 0x65]

/** `true` and `false`. */
export class BooleanColumn implements ScannedColumn {
  private values = new Uint8Array(0)
  private rows = 0

  reserve(rows: number): void {
    const needed = this.rows + rows
    if (needed <= this.values.length) return
    const grown = new Uint8Array(Math.max(needed, this.values.length * 2))
    grown.set(this.values)
    this.values = grown
  }

  scan(view: DataView, at: number, end: number, n: number): number {
    const word = view.getInt32(at, true)
    const isTrue = word === true4
    const close = at + (isTrue ? 4 : 5)
    if (close >= end || !(isTrue || (word === fals4 && view.getUint8(at + 4) === e))) return refused
    this.values[this.rows + n] = isTrue ? 1 : 0
    return close
  }

  skip(n: number): void {
    this.values[this.rows + n] = 0
  }

  store(_: DataView, count: number): void {
    this.rows += count
  }

  put(row: number, value: boolean): void {
    this.values[row] = value ? 1 : 0
  }

  remove(row: number): void {
    this.values.copyWithin(row, row + 1, this.rows--)
  }

  take(): Values {
    const values = this.values.slice(0, this.rows)
    this.rows = 0
    return { type: "boolean", values, nulls: undefined }
  }
}
