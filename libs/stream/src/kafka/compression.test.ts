import { Buffer } from "node:buffer"
import { beforeAll, describe, expect, it } from "vitest"
import { compress, decompress, loadCompression } from "./compression.ts"

beforeAll(() => loadCompression("zstd"))

const text = Buffer.from(
  Array.from({ length: 40 }, (_, i) => `{"song":"Song ${i % 7}","artist":"The same artist","n":${i}}`).join(
    ""
  )
)

/** The text as Kafka's Java client 4.4.0 packs it. */
const javas: ReadonlyArray<readonly [code: number, name: string, packed: string]> = [
  [
    1,
    "gzip",
    "H4sIAAAAAAAA/5XUMQ6CQBCF4auQrS2YGUDxGnoBCqIWYiJ0hLtrYePfvKHaZJPXfP9m1zK/pls5l8v3qOpyKMN7" +
      "eczL9+Z6H6t5eI7V7+ZQpnKut/VvYXJhWLhcOBYhF4FFIxcNFq1ctFh0ctFhoXWPu3VPu3X73brG6JrXWF37GrNr" +
      "YGN3LWwMn3jALK+NjekTyGyfQGb8BDLra2RnfY3srK+RnfUT3wTra2RnfY3srK+RnfUTyKyfQGb9BDLra+Rg/cRn" +
      "zPoaOVhfIwfra+RgfY0crK+Rg/UTyKyfQGb9BHK/fQCVYFrr7gcAAA=="
  ],
  [
    2,
    "snappy",
    "glNOQVBQWQAAAAABAAAAAQAAAWvuD5B7InNvbmciOiJTb25nIDAiLCJhcnRpc3QiOiJUaGUgc2FtZSBhCRIYLCJu" +
      "IjowfTYyAAAxgjIAADE6MgAAMoIyAAAyOjIAADOCMgAAMzoyAAA0gjIAADQ6MgAANYIyAAA1OjIAADaCMgAANjoy" +
      "AIZeAQA3OjIAhl4BADg6MgCGXgEAOToyAIZeAQAxPvUBhl8BADE+9gGGYAEAMT73AYZhAQAxPvgBhmIBADE++QGG" +
      "YwEAMT76AYZkAQAxPvsBimUBPvwBimUBPv0BimUBPv4BhmUBADI+/gGGZQEAMj7+AYZlAQAyPv4BhmUBADI+/gGG" +
      "ZQEAMj7+AYZlAQAyPv4BhmUBADI+/gGKZQE+/gGKZQE+/gGKZQE+/gGGZQEAMz7+AYZlAQAzPv4BhmUBADM+/gGG" +
      "ZQEAMz7+AYZlAQAzPv4BhmUBADM+/gGGZQEAMz7+AYplAT7+AQAzglwGADM+/gGKZQEEOX0="
  ],
  [
    3,
    "lz4",
    "BCJNGGBAgmsBAADzFXsic29uZyI6IlNvbmcgMCIsImFydGlzdCI6IlRoZSBzYW1lIBIAeiwibiI6MH0yAB8xMgAO" +
      "GzEyAB8yMgAOGzIyAB8zMgAOGzMyAB80MgAOGzQyAB81MgAOGzUyAB82MgAOGzYyAA9eAQ8bNzIAD14BDxs4MgAP" +
      "XgEPGzkyAA9eAQ8cMfUBD18BDxwx9gEPYAEPHDH3AQ9hAQ8cMfgBD2IBDxwx+QEPYwEPHDH6AQ9kAQ8cMfsBD2UB" +
      "EAz8AQ9lARAM/QEPZQEQDP4BD2UBDxwy/gEPZQEPHDL+AQ9lAQ8cMv4BD2UBDxwy/gEPZQEPHDL+AQ9lAQ8cMv4B" +
      "D2UBDxwy/gEPZQEQDP4BD2UBEAz+AQ9lARAM/gEPZQEPHDP+AQ9lAQ8cM/4BD2UBDxwz/gEPZQEPHDP+AQ9lAQ8r" +
      "MzT7BA9lAQ8cM/4BD2UBDxwz/gEPZQEQDP4BD2UBEAz+AQ9lAQ1QIjozOX0AAAAA"
  ],
  [
    4,
    "zstd",
    "KLUv/QBY3AQAokcWGKA3HcKlSlDypr3OUv1tfyulTAnolftXJgnj99/v7Xn8/bdrcxp9vu3anMVeX7e1ZvF6w4EC" +
      "LBPx7rfbhJ1CVRjEcCSDEAZ1akmF5XBUUWYSpAjqVIKUVIhPqCH4nf03sKNUHhGMEKyAYOF//AGrE40mSSqKphzA" +
      "DMD4j/2b/Tw/ut/V5y75CuO3k8CMwEQcXta2qizAVgEBAAA="
  ]
]

describe("compression", () => {
  it.each(javas)("unpacks what Java packed (%i, %s)", (code, _, packed) => {
    expect(decompress(code, Buffer.from(packed, "base64")).toString()).toBe(text.toString())
  })

  it.each(javas)("refuses it damaged, or gives other bytes, but never hangs (%i, %s)", (code, _, packed) => {
    const whole = Buffer.from(packed, "base64")
    for (let at = 0; at < whole.length; at++) {
      for (const damaged of [whole.subarray(0, at), Buffer.from(whole)]) {
        if (damaged.length === whole.length) damaged[at] ^= 0x55
        try {
          expect(decompress(code, damaged).length).toBeLessThan(1 << 28)
        } catch (error) {
          expect(error).toBeInstanceOf(Error)
        }
      }
    }
  })

  it("gives back what gzip and zstd packed", () => {
    for (const name of ["gzip", "zstd"] as const) {
      const [code, packed] = compress(name, text)
      expect(packed!.length).toBeLessThan(text.length / 2)
      expect(decompress(code, Buffer.from(packed!))).toEqual(text)
    }
    expect(compress("none", text)).toEqual([0, undefined])
    expect(decompress(0, text)).toBe(text)
  })

  it("refuses what it does not know", () => {
    expect(() => decompress(5, text)).toThrow("there is no compression 5")
    for (const code of [1, 2, 3, 4]) expect(() => decompress(code, text)).toThrow()
  })
})
