import * as fc from "fast-check"
import { expect, it } from "vitest"
import { TextDictionary } from "./TextDictionary.ts"
import { hashOf, mix, slack } from "./words.ts"

const text = fc.oneof(
  fc.string({ maxLength: 24 }),
  fc.fullUnicodeString({ maxLength: 6 }),
  fc.constantFrom("", "a", "ab", "abcd", "abcde", "a\0", "a\0\0", "0123456789a", "0123456789ab")
)

const viewOf = (bytes: Uint8Array): DataView => {
  const padded = new Uint8Array(bytes.length + slack).fill(0x61)
  padded.set(bytes)
  return new DataView(padded.buffer)
}

it("gives each text one code, in the order of arrival, and finds it by its bytes; also when it extends another", () =>
  fc.assert(
    fc.property(fc.array(text, { maxLength: 200 }), fc.array(text, { maxLength: 200 }), (first, second) => {
      const base = new TextDictionary()
      const model = new Map<string, number>()
      const codeOf = (dictionary: TextDictionary) => (text: string) => {
        const known = model.get(text)
        const bytes = new TextEncoder().encode(text)
        const view = viewOf(bytes)
        expect(dictionary.find(view, 0, bytes.length, hashOf(view, 0, bytes.length))).toBe(known ?? 0)
        const code = dictionary.codeOf(text)
        if (known === undefined) model.set(text, model.size + 1)
        expect(code).toBe(model.get(text))
        expect(dictionary.count).toBe(model.size)
      }
      first.forEach(codeOf(base))
      const own = base.count
      const extended = new TextDictionary(base)
      second.forEach(codeOf(extended))
      expect(base.count).toBe(own)
      expect(extended.common(base)).toBe(own)
      expect(new TextDictionary(base).common(extended)).toBe(own)
      expect(new TextDictionary().common(extended)).toBe(0)

      // Everything again, from the codes.
      const copy = new TextDictionary()
      const plain = new DataView(new ArrayBuffer(base.size + extended.size + 8))
      let at = 0
      for (const [text, code] of model) {
        expect(extended.textOf(code)).toBe(text)
        expect(copy.codeFrom(extended, code)).toBe(code)
        expect(copy.codeFrom(extended, code)).toBe(code)
        extended.copyPlain(code, plain, at)
        at += extended.plainLength(code)
      }
      expect(at).toBe(copy.size)
      expect(new Uint8Array(plain.buffer, 0, at)).toEqual(copy.plain)
    }),
    { numRuns: 300 }
  ))

it("keeps apart what was appended and what is found", () => {
  const dictionary = new TextDictionary()
  const appended = dictionary.append("a")
  expect(dictionary.codeOf("a")).toBe(appended + 1)
  expect(dictionary.textOf(appended)).toBe("a")
})

it("never takes one text for another, also when a thousand of them have one hash", () => {
  const dictionary = new TextDictionary()
  const codes = new Map<number, number>()
  for (let round = 0; round < 2; round++) {
    for (let i = 0; i < 1000; i++) {
      // The second word undoes what the first one did to the hash.
      const bytes = new DataView(new ArrayBuffer(12))
      bytes.setInt32(0, i, true)
      bytes.setInt32(4, mix(0, i) ^ 0x5a5a5a5a, true)
      const hash = hashOf(bytes, 0, 8)
      const found = dictionary.find(bytes, 0, 8, hash)
      if (round === 1 && i < 20) expect(found).toBe(codes.get(i))
      if (found !== 0) expect(found).toBe(codes.get(i))
      else codes.set(i, dictionary.add(bytes, 0, 8, hash))
    }
  }
  expect(dictionary.count).toBeLessThan(2000)
})
