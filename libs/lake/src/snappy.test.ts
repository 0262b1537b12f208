import * as fc from "fast-check"
import { snappyUncompress } from "hyparquet"
import { compressors } from "hyparquet-compressors"
import { snappyCompress } from "hyparquet-writer/src/snappy.js"
import { expect, it } from "vitest"
import { Page } from "./Page.ts"
import { writeSnappy, writeUncompressed } from "./snappy.ts"

/** Bytes of few kinds of pieces, so that much of it repeats, near and far. */
const repetitive = fc
  .array(
    fc.oneof(
      fc.uint8Array({ maxLength: 100 }),
      fc.tuple(fc.nat(255), fc.nat(3000)).map(([byte, length]) => new Uint8Array(length).fill(byte)),
      fc
        .constantFrom("Mozilla/5.0 (Windows NT 10.0; Win64; x64)", "abcd", "")
        .map((text) => new TextEncoder().encode(text)),
      fc.nat(70_000).map((length) => Uint8Array.from({ length }, (_, i) => Math.imul(i, 0x9e3779b1) >>> 24))
    ),
    { maxLength: 12 }
  )
  .map((pieces) => {
    const bytes = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0))
    let at = 0
    for (const piece of pieces) {
      bytes.set(piece, at)
      at += piece.length
    }
    return bytes
  })

const written = (write: (page: Page, input: Uint8Array) => void, input: Uint8Array): Uint8Array => {
  const page = new Page()
  page.byte(7)
  write(page, input)
  return page.written.slice(1)
}

it("is read as what it was by two readers", () =>
  fc.assert(
    fc.property(fc.oneof(repetitive, fc.uint8Array({ maxLength: 40 })), (input) => {
      for (const write of [writeSnappy, writeUncompressed]) {
        const compressed = written(write, input)
        const own = new Uint8Array(input.length)
        snappyUncompress(compressed, own)
        expect(Buffer.compare(own, input)).toBe(0)
        const other = compressors.SNAPPY!(compressed, input.length)
        expect(Buffer.compare(other, input)).toBe(0)
      }
    }),
    { numRuns: 100 }
  ))

it("is not longer, taken all together, than what hyparquet-writer makes by more than a tenth", () => {
  let own = 0
  let other = 0
  for (const input of fc.sample(repetitive, { seed: 7, numRuns: 200 })) {
    own += written(writeSnappy, input).length
    other += snappyCompress(input).length
  }
  expect(own).toBeLessThan(other * 1.1)
})
