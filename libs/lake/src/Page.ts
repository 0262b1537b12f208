/** Epoch ms up to which microseconds are safe integers (year 2255). */
const safeMs = 9_007_199_254_740

/** Greater ones are no doubles when they are doubled. */
const mostZigzag = 2 ** 51

const two32 = 4294967296

/**
 * The bytes of a page while it is made. Room is made by `reserve`, for many values at once; what is written after it is
 * not checked again.
 */
export class Page {
  bytes: Uint8Array = new Uint8Array(64 * 1024)
  view: DataView = new DataView(this.bytes.buffer)
  end = 0

  reserve(bytes: number): void {
    if (this.end + bytes <= this.bytes.length) return
    const grown = new Uint8Array(Math.max(this.end + bytes, this.bytes.length * 2))
    grown.set(this.written)
    this.bytes = grown
    this.view = new DataView(grown.buffer)
  }

  /** What was written: a view that is good until more is. */
  get written(): Uint8Array {
    return this.bytes.subarray(0, this.end)
  }

  varInt(value: number): void {
    for (; value > 0x7f; value >>>= 7) this.bytes[this.end++] = (value & 0x7f) | 0x80
    this.bytes[this.end++] = value
  }

  /** A whole number of either sign, as a var-int in which small ones are short; exact for safe integers. */
  zigzag(value: number): void {
    if (value > mostZigzag || value < -mostZigzag) {
      let rest = BigInt(value) * 2n
      if (rest < 0n) rest = -rest - 1n
      for (; rest > 0x7fn; rest >>= 7n) this.byte(Number(rest & 0x7fn) | 0x80)
      this.byte(Number(rest))
      return
    }
    let rest = value < 0 ? -2 * value - 1 : 2 * value
    for (; rest > 0x7f; rest = Math.floor(rest / 0x80)) this.byte((rest % 0x80) | 0x80)
    this.byte(rest)
  }

  byte(value: number): void {
    this.bytes[this.end++] = value
  }

  int32(value: number): void {
    this.view.setInt32(this.end, value, true)
    this.end += 4
  }

  double(value: number): void {
    this.view.setFloat64(this.end, value, true)
    this.end += 8
  }

  /** A whole number as INT64; exact for safe integers. */
  int64(value: number): void {
    this.view.setInt32(this.end, value, true)
    this.view.setInt32(this.end + 4, Math.floor(value / two32), true)
    this.end += 8
  }

  /** Epoch ms as INT64 microseconds. */
  micros(ms: number): void {
    if (ms <= safeMs && ms >= -safeMs) this.int64(ms * 1000)
    else {
      this.view.setBigInt64(this.end, BigInt(ms) * 1000n, true)
      this.end += 8
    }
  }

  /** Makes room itself. */
  copy(bytes: Uint8Array): void {
    this.reserve(bytes.length)
    this.bytes.set(bytes, this.end)
    this.end += bytes.length
  }
}
