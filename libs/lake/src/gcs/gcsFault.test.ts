import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { faultOf, faultOfStatus } from "./gcsFault.ts"
import { parseBucketAddress } from "./GcsOptions.ts"

describe("faultOf", () => {
  test("knows what the network, the token server and the JSON API say", () => {
    const error = (message: string, fields: object = {}) => Object.assign(new Error(message), fields)
    const kinds: ReadonlyArray<readonly [unknown, string]> = [
      [error("request failed", { code: "ECONNRESET", type: "system" }), "transient"],
      [error("getaddrinfo EAI_AGAIN", { code: "EAI_AGAIN" }), "transient"],
      [error("network timeout at: http://x", { type: "request-timeout" }), "transient"],
      [error("invalid json response body", { type: "invalid-json" }), "transient"],
      [error("x", { code: 503 }), "transient"],
      [error("x", { code: 403, errors: [{ reason: "rateLimitExceeded", message: "x" }] }), "transient"],
      [error("x", { code: 403, errors: [{ reason: "forbidden", message: "x" }] }), "refused"],
      [error("Could not load the default credentials. Browse to …"), "refused"],
      [error("invalid_grant", { response: { status: 400, data: { error: "invalid_grant" } } }), "refused"],
      [error("x", { code: "403", response: { status: 403 } }), "refused"],
      [error("token server down", { status: 503, response: { status: 503 } }), "transient"],
      [error("unable to verify", { code: "UNABLE_TO_VERIFY_LEAF_SIGNATURE" }), "other"],
      ["just a text", "other"],
      [undefined, "other"]
    ]
    for (const [cause, kind] of kinds) expect(faultOf(cause).kind, String(cause)).toBe(kind)
  })

  test("answers one line, not too long, whatever was thrown", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.anything(),
          fc.record(
            {
              message: fc.oneof(fc.string(), fc.lorem({ maxCount: 200 }), fc.constant("a\n\n  b\r\n")),
              code: fc.oneof(fc.integer({ min: 100, max: 700 }), fc.constantFrom("ECONNRESET", "404", "x")),
              errors: fc.oneof(
                fc.anything(),
                fc.array(fc.record({ reason: fc.anything(), message: fc.anything() }))
              ),
              response: fc.oneof(
                fc.constant(undefined),
                fc.record({ status: fc.anything(), data: fc.anything() })
              )
            },
            { requiredKeys: [] }
          )
        ),
        (thrown) => {
          const { text } = faultOf(thrown)
          expect(text).not.toContain("\n")
          expect(text.length).toBeLessThan(330)
        }
      )
    )
  })

  test("tries every 408, 409, 429 and 5xx again, and no other status but checksums", () => {
    fc.assert(
      fc.property(fc.integer({ min: 400, max: 599 }), fc.string(), (status, text) => {
        const { kind } = faultOfStatus(status, text)
        expect(kind === "transient").toBe(status >= 500 || [408, 409, 429].includes(status))
      })
    )
  })
})

test("addresses of buckets", () => {
  expect(parseBucketAddress("gs://bucket")).toEqual({ bucket: "bucket", prefix: "" })
  expect(parseBucketAddress("gs://bucket/")).toEqual({ bucket: "bucket", prefix: "" })
  expect(parseBucketAddress(" gs://my.bucket_1/a/b// ")).toEqual({ bucket: "my.bucket_1", prefix: "a/b/" })
  for (const text of ["bucket", "s3://bucket", "gs://", "gs://B/x", "gs:///x", "gs://a", "https://x/y"])
    expect(parseBucketAddress(text), text).toBeUndefined()
})
