import * as fc from "fast-check"
import { expect, it } from "vitest"
import { repeatedKey } from "./repeatedKey.ts"

/** The spelling of a key with its first character escaped. */
const escaped = (key: string): string =>
  key === ""
    ? '""'
    : `"\\u${key.charCodeAt(0).toString(16).padStart(4, "0")}${JSON.stringify(key.slice(1)).slice(1)}`

const key = fc.constantFrom("a", "b", "level", "", "__proto__", "0", 'q"\\', "\\", ":{", "é")
const member = fc.tuple(key, fc.boolean(), fc.jsonValue({ maxDepth: 3 }), fc.constantFrom("", " ", "\n\t"))

it("finds the first key that comes a second time at the object's own level, however it is spelled", () => {
  fc.assert(
    fc.property(fc.array(member, { maxLength: 6 }), (members) => {
      const text = `{${members
        .map(([name, isEscaped, value, blank]) => {
          const written = isEscaped ? escaped(name) : JSON.stringify(name)
          return `${blank}${written}${blank}:${blank}${JSON.stringify(value)}${blank}`
        })
        .join(",")}}`
      const names = members.map(([name]) => name)
      const expected = names.find((name, i) => names.indexOf(name) < i)
      expect(repeatedKey(text, JSON.parse(text) as object)).toBe(expected)
    }),
    { numRuns: 2000 }
  )
})

it("leaves what is inside of values alone", () => {
  const text = '{"a":{"b":1,"b":2},"b":[{"c":1,"c":1}],"c":"\\"a\\":1"}'
  expect(repeatedKey(text, JSON.parse(text) as object)).toBeUndefined()
})
