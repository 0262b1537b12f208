import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { surrogateKey, surrogateKeyText } from "./surrogateKey.ts"

describe("surrogateKey", () => {
  // Taken from DuckDB: CAST('0x' || substr(md5('user' || chr(31) || '=88'), 1, 15) AS BIGINT), and so on.
  it.each<[bigint, string, ReadonlyArray<string | number | bigint | null>]>([
    [745035317955042663n, "user", [88]],
    [866873222047682177n, "user", [null]],
    [971949264733366244n, "location", ["São Paulo", null, "00501"]],
    [739389905969608316n, "user", [-7, 1433116910000000n]]
  ])("%s = %s", (key, kind, parts) => {
    expect(surrogateKey(kind, ...parts)).toBe(key)
  })

  it("fits a BIGINT, never negative", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const key = surrogateKey("song", text)
        expect(key >= 0n && key < 1n << 60n).toBe(true)
      })
    )
  })

  it("gives different texts to different natural keys: null, empty and cut elsewhere", () => {
    const part = fc.option(fc.stringMatching(/^[~=a]{0,3}$/), { nil: null })
    fc.assert(
      fc.property(fc.array(part, { maxLength: 3 }), fc.array(part, { maxLength: 3 }), (a, b) => {
        const same = JSON.stringify(a) === JSON.stringify(b)
        expect(surrogateKeyText("k", ...a) === surrogateKeyText("k", ...b)).toBe(same)
      })
    )
  })

  it("takes integers as number, bigint or text alike, and no floats", () => {
    expect(surrogateKey("user", 88)).toBe(surrogateKey("user", 88n))
    expect(surrogateKey("user", 88)).toBe(surrogateKey("user", "88"))
    expect(() => surrogateKey("user", 1.5)).toThrow(RangeError)
    expect(() => surrogateKey("user", 2 ** 53)).toThrow(RangeError)
  })
})
