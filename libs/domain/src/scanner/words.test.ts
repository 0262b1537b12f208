import fc from "fast-check"
import { expect, it } from "vitest"
import { sameBytes, sameText } from "./words.ts"

const viewOf = (bytes: Uint8Array, shift: number): DataView => {
  const memory = new Uint8Array(shift + bytes.length + 32).fill(255)
  memory.set(bytes, shift)
  return new DataView(memory.buffer, shift)
}

it("texts are the same when their bytes are, eight at a time as well as four", () => {
  const text = fc.string({ unit: "grapheme", maxLength: 60 }).map((some) => some.replaceAll("\0", "0"))
  fc.assert(
    fc.property(text, fc.nat(7), fc.nat(7), fc.nat(), fc.nat(255), (some, shiftA, shiftB, at, byte) => {
      const a = new TextEncoder().encode(some)
      const b = a.slice()
      const [viewA, viewB] = [viewOf(a, shiftA), () => viewOf(b, shiftB)]
      expect(sameText(viewA, 0, viewB(), 0, a.length)).toBe(true)
      if (a.length === 0) return
      b[at % b.length] = byte
      const isSame = a[at % a.length] === byte
      expect(sameText(viewA, 0, viewB(), 0, a.length)).toBe(isSame)
      expect(sameBytes(viewA, 0, viewB(), 0, a.length)).toBe(isSame)
    }),
    { numRuns: 1000 }
  )
})
