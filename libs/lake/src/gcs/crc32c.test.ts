import { Buffer } from "node:buffer"
import { CRC32C } from "@google-cloud/storage"
import fc from "fast-check"
import { expect, test } from "vitest"
import { crc32cOf } from "./crc32c.ts"

test("is the client library's checksum, for any bytes at any place in memory", () => {
  // RFC 3720, B.4: 32 bytes of zeros.
  expect(Buffer.from(crc32cOf(new Uint8Array(32)), "base64").toString("hex")).toBe("8a9136aa")
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(5), (bytes, from) => {
      const part = bytes.subarray(from)
      const theirs = new CRC32C()
      theirs.update(Buffer.from(part))
      expect(crc32cOf(part)).toBe(theirs.toString())
    })
  )
})
