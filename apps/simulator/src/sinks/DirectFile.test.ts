import fc from "fast-check"
import { Buffer } from "node:buffer"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, expect, it } from "vitest"
import { DirectFile } from "./DirectFile.ts"

const folder = mkdtempSync(join(tmpdir(), "musify-direct-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

type Step = { readonly write: number } | { readonly flush: true } | { readonly reopenAfterLosing: number }

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ write: fc.integer({ min: 0, max: 700_000 }) }) },
  { weight: 1, arbitrary: fc.record({ write: fc.constantFrom(4096, 1 << 20, 3 << 20) }) },
  { weight: 2, arbitrary: fc.constant({ flush: true } as const) },
  { weight: 1, arbitrary: fc.record({ reopenAfterLosing: fc.nat(9000) }) }
)

it("holds what was written and flushed, whatever the sizes, also when it is cut and gone on with", () => {
  let files = 0
  fc.assert(
    fc.property(fc.array(step, { maxLength: 24 }), (steps) => {
      const path = join(folder, String(files++))
      let file = new DirectFile(path, 0)
      let expected = Buffer.alloc(0)
      let next = 0
      for (const one of steps) {
        if ("write" in one) {
          const data = Buffer.alloc(one.write, `${next++} `)
          file.write(data)
          expected = Buffer.concat([expected, data])
          continue
        }
        file.flush()
        expect(readFileSync(path).equals(expected)).toBe(true)
        if ("flush" in one) continue
        file.close()
        expected = expected.subarray(0, Math.max(0, expected.length - one.reopenAfterLosing))
        file = new DirectFile(path, expected.length)
      }
      file.flush()
      file.close()
      expect(readFileSync(path).equals(expected)).toBe(true)
      rmSync(path)
    }),
    { numRuns: 40 }
  )
})
