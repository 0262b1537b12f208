import type { RecordBatch } from "@musify/domain/RecordBatch.ts"

class Bytes {
  private data: Uint8Array
  private length = 0
  private readonly ends: Array<number> = []

  constructor(size: number) {
    this.data = new Uint8Array(size)
  }

  get count(): number {
    return this.ends.length
  }

  /** Adds a value, followed by `tail` if one is given (a byte). */
  add(bytes: Uint8Array, tail?: number): void {
    const end = this.length + bytes.length + (tail === undefined ? 0 : 1)
    if (end > this.data.length) {
      const larger = new Uint8Array(end * 2)
      larger.set(this.data.subarray(0, this.length))
      this.data = larger
    }
    this.data.set(bytes, this.length)
    if (tail !== undefined) this.data[end - 1] = tail
    this.length = end
    this.ends.push(end)
  }

  take() {
    return { data: this.data.subarray(0, this.length), ends: Int32Array.from(this.ends) }
  }
}

const lineFeed = 10
const nothing = new Uint8Array(0)

/** Records of one partition in the making. */
export class OutBatch {
  private readonly keys: Bytes
  private readonly values: Bytes
  private readonly absent: Array<number> = []
  private readonly newline: boolean

  /** `records`, `bytes`: about how much will come. `newline`: every value ends in a line feed. */
  constructor(records: number, bytes: number, newline: boolean) {
    this.newline = newline
    this.keys = new Bytes(records * 8)
    this.values = new Bytes(bytes)
  }

  get count(): number {
    return this.values.count
  }

  add(key: Uint8Array, value: Uint8Array | null): void {
    this.keys.add(key)
    // A line cannot be absent: in files it is empty.
    if (value === null && !this.newline) this.absent.push(this.count)
    this.values.add(value ?? nothing, this.newline ? lineFeed : undefined)
  }

  /** The records. */
  take(): RecordBatch {
    const values = this.values.take()
    if (this.absent.length === 0) return { count: this.count, keys: this.keys.take(), values }
    const nulls = new Uint8Array(this.count)
    for (const n of this.absent) nulls[n] = 1
    return { count: this.count, keys: this.keys.take(), values: { ...values, nulls } }
  }
}
