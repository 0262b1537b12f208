import { Buffer } from "node:buffer"
import type { Page } from "./Page.ts"

/** Types of the compact protocol that Parquet's structs have. */
export const thriftType = { yes: 1, no: 2, int32: 5, int64: 6, binary: 8, list: 9, struct: 12 } as const

/** A field's head with its value, or a list's: never more bytes. */
const longest = 16

/**
 * Appends thrift structs to a page in the compact protocol
 * (https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md). The fields of a struct are given
 * in ascending order, fewer than 16 ids apart. Structs within it are begun by `begin` or, in a list, by `item`, and ended
 * by `end`; the outermost one needs an `end` alone.
 */
export class ThriftWriter {
  private readonly page: Page
  /** Id of the struct's field that was written last. */
  private last = 0
  /** The same of the structs around it. */
  private readonly around: Array<number> = []

  constructor(page: Page) {
    this.page = page
  }

  private head(id: number, type: number): void {
    this.page.reserve(longest)
    this.page.byte(((id - this.last) << 4) | type)
    this.last = id
  }

  int32(id: number, value: number): void {
    this.head(id, thriftType.int32)
    this.page.zigzag(value)
  }

  /** Fields with ids one after the other. */
  int32s(firstId: number, values: ReadonlyArray<number>): void {
    for (let i = 0; i < values.length; i++) this.int32(firstId + i, values[i])
  }

  /** Fields with ids one after the other; safe integers. */
  int64s(firstId: number, values: ReadonlyArray<number>): void {
    for (let i = 0; i < values.length; i++) {
      this.head(firstId + i, thriftType.int64)
      this.page.zigzag(values[i])
    }
  }

  boolean(id: number, value: boolean): void {
    this.head(id, value ? thriftType.yes : thriftType.no)
  }

  bytes(id: number, value: Uint8Array): void {
    this.head(id, thriftType.binary)
    this.page.varInt(value.length)
    this.page.copy(value)
  }

  text(id: number, value: string): void {
    this.bytes(id, Buffer.from(value))
  }

  /** A list of `count` elements, which are written next. */
  list(id: number, type: number, count: number): void {
    this.head(id, thriftType.list)
    if (count < 15) this.page.byte((count << 4) | type)
    else {
      this.page.byte(0xf0 | type)
      this.page.varInt(count)
    }
  }

  /** A list of int32. */
  int32List(id: number, values: ReadonlyArray<number>): void {
    this.list(id, thriftType.int32, values.length)
    this.page.reserve(longest * values.length)
    for (const value of values) this.page.zigzag(value)
  }

  /** An element of a list of texts. */
  textItem(value: string): void {
    const bytes = Buffer.from(value)
    this.page.reserve(longest)
    this.page.varInt(bytes.length)
    this.page.copy(bytes)
  }

  /** Begins a struct that is a field. */
  begin(id: number): void {
    this.head(id, thriftType.struct)
    this.item()
  }

  /** Begins a struct that is an element of a list. */
  item(): void {
    this.around.push(this.last)
    this.last = 0
  }

  /** Ends the struct that was begun last. */
  end(): void {
    this.page.reserve(1)
    this.page.byte(0)
    this.last = this.around.pop() ?? 0
  }
}
