import * as fc from "fast-check"
import { expect, it } from "vitest"
import { decodeHeaders, encodeHeaders } from "./recordHeaders.ts"

it("gives back the headers that were encoded, in order, names repeated, values of any bytes", () => {
  const anyHeaders = fc.array(fc.tuple(fc.string({ unit: "grapheme" }), fc.uint8Array({ maxLength: 40 })), {
    maxLength: 6
  })
  fc.assert(
    fc.property(anyHeaders, (headers) => {
      const again = decodeHeaders(encodeHeaders(headers))
      expect(again.map(([name, value]) => [name, [...value]])).toEqual(
        headers.map(([name, value]) => [name, [...value]])
      )
    })
  )
})
