import { Buffer } from "node:buffer"

/*
 * Kafka's primitive types. Requests of "flexible" versions write lengths as unsigned varints, one more than they are
 * (0: null), and end each structure with tagged fields, of which none are used here.
 */

/** Writes a request. */
export class ByteWriter {
  private bytes = Buffer.allocUnsafe(512)
  private at = 0
  private readonly flexible: boolean

  constructor(flexible: boolean) {
    this.flexible = flexible
  }

  private room(size: number): number {
    const at = this.at
    this.at += size
    if (this.at > this.bytes.length) {
      const larger = Buffer.allocUnsafe(Math.max(this.at, 2 * this.bytes.length))
      this.bytes.copy(larger, 0, 0, at)
      this.bytes = larger
    }
    return at
  }

  int8(value: number): this {
    const at = this.room(1)
    this.bytes.writeInt8(value, at)
    return this
  }

  int16(value: number): this {
    const at = this.room(2)
    this.bytes.writeInt16BE(value, at)
    return this
  }

  int32(value: number): this {
    const at = this.room(4)
    this.bytes.writeInt32BE(value, at)
    return this
  }

  /** Whole numbers up to 2^53. */
  int64(value: number): this {
    const at = this.room(8)
    this.bytes.writeInt32BE(Math.floor(value / 2 ** 32), at)
    this.bytes.writeUInt32BE(value - Math.floor(value / 2 ** 32) * 2 ** 32, at + 4)
    return this
  }

  private unsignedVarint(value: number): this {
    let rest = value
    while (rest > 127) {
      this.int8((rest & 127) - 128)
      rest >>>= 7
    }
    return this.int8(rest)
  }

  /** Bytes as they are. */
  raw(value: Uint8Array): this {
    const at = this.room(value.length)
    this.bytes.set(value, at)
    return this
  }

  string(value: string | null): this {
    const text = value === null ? undefined : Buffer.from(value)
    if (this.flexible) this.unsignedVarint(text === undefined ? 0 : text.length + 1)
    else this.int16(text === undefined ? -1 : text.length)
    return text === undefined ? this : this.raw(text)
  }

  /** Bytes with their length. */
  blob(value: Uint8Array): this {
    if (this.flexible) this.unsignedVarint(value.length + 1)
    else this.int32(value.length)
    return this.raw(value)
  }

  array<A>(items: ReadonlyArray<A>, write: (item: A) => void): this {
    if (this.flexible) this.unsignedVarint(items.length + 1)
    else this.int32(items.length)
    for (const item of items) write(item)
    return this
  }

  /** No tagged fields. */
  tags(): this {
    return this.flexible ? this.int8(0) : this
  }

  finish(): Buffer {
    return this.bytes.subarray(0, this.at)
  }
}

/** Reads an answer. */
export class ByteReader {
  private at = 0
  private readonly bytes: Buffer
  private readonly flexible: boolean

  constructor(bytes: Buffer, flexible: boolean) {
    this.bytes = bytes
    this.flexible = flexible
  }

  int8(): number {
    return this.bytes.readInt8(this.at++)
  }

  int16(): number {
    this.at += 2
    return this.bytes.readInt16BE(this.at - 2)
  }

  int32(): number {
    this.at += 4
    return this.bytes.readInt32BE(this.at - 4)
  }

  int64(): number {
    this.at += 8
    return this.bytes.readInt32BE(this.at - 8) * 2 ** 32 + this.bytes.readUInt32BE(this.at - 4)
  }

  private unsignedVarint(): number {
    let value = 0
    for (let shift = 0; ; shift += 7) {
      const byte = this.bytes[this.at++]
      value += (byte & 127) * 2 ** shift
      if (byte < 128) return value
    }
  }

  raw(size: number): Buffer {
    this.at += size
    return this.bytes.subarray(this.at - size, this.at)
  }

  string(): string | null {
    const size = this.flexible ? this.unsignedVarint() - 1 : this.int16()
    return size < 0 ? null : this.raw(size).toString()
  }

  /** Bytes with their length, a view; null bytes are empty. */
  blob(): Buffer {
    const size = this.flexible ? this.unsignedVarint() - 1 : this.int32()
    return this.raw(Math.max(0, size))
  }

  /** A null array is empty. */
  array<A>(read: () => A): Array<A> {
    const size = this.flexible ? this.unsignedVarint() - 1 : this.int32()
    const items: Array<A> = []
    for (let i = 0; i < size; i++) items.push(read())
    return items
  }

  /** Passes over tagged fields. */
  tags(): void {
    if (!this.flexible) return
    const count = this.unsignedVarint()
    for (let i = 0; i < count; i++) {
      this.unsignedVarint()
      this.raw(this.unsignedVarint())
    }
  }
}
