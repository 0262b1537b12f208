import { Effect, Either } from "effect"
import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import { expect, it } from "vitest"
import { parseFaults, readFaults } from "./readFaults.ts"

const messageOf = (text: string): string => {
  const parsed = parseFaults(text, "f.json")
  return Either.isLeft(parsed) ? parsed.left.message : "taken"
}

it("has one line for each fault of the file: place, key, what was found and expected", () => {
  const text = `{
  "late": 2,
  "malformed": {"share": 0.1, "kinds": ["cut", "empty"]},
  "typo": 1,
  "clock-skew": {"at-most": "2d"},
  "out-of-order": true,
  "missing-fields": {"share": 0.1, "fields": []},
  "duplicates": {"share": "1%", "at-most": "soon"}
}`
  const lines = messageOf(text).split("\n")
  expect(lines.map((line) => line.replace(/expected one of .*/, "…")).sort()).toEqual([
    "f.json:2: late.share is 2, expected a share from 0 to 1",
    'f.json:3: malformed.kinds[0] is "cut", …',
    "f.json:4: typo is unknown, …",
    'f.json:5: clock-skew.at-most is "2d", expected a time span from 1 s to 12 h, as 90s, 2m, 1h or a number of seconds',
    "f.json:5: clock-skew.share is missing, expected a share from 0 to 1",
    "f.json:6: out-of-order is true, expected a share from 0 to 1 or an object",
    "f.json:7: missing-fields.fields[0] is missing, expected one entry at least",
    'f.json:8: duplicates.at-most is "soon", expected a time span from 0 s to 30 d, as 90s, 2m, 1h or a number of seconds',
    'f.json:8: duplicates.share is "1%", expected a share from 0 to 1'
  ])
})

it("names what contradicts itself, and where it is no JSON", () => {
  expect(messageOf('{"late":0.5,"duplicates":0.7}')).toBe(
    "f.json:1: the file has shares of duplicates, late, out-of-order, malformed, missing-fields that add up to 1.2, expected at most 1: a record has one fault at most"
  )
  expect(messageOf('{"late":{"share":0.1,"delay":{"mean":"3d"}}}')).toBe(
    "f.json:1: late.delay.mean is 259200 s, expected at most late.delay.at-most, 86400 s"
  )
  expect(messageOf('{"late":{"share":0.1,"delay":{"distribution":"uniform","at-least":"3d"}}}')).toBe(
    "f.json:1: late.delay.at-least is 259200 s, expected at most late.delay.at-most, 86400 s"
  )
  expect(messageOf('{\n"late": 0.1,}')).toMatch(/^f\.json:2:\d+: this is not JSON/)
  expect(messageOf("[1]")).toBe("f.json:1: the file is [1], expected an object")
})

it("takes time spans as texts or seconds, and options before the file", async () => {
  const file = path.join(fs.mkdtempSync(path.join(os.tmpdir(), "musify-faults-")), "f.json")
  fs.writeFileSync(
    file,
    '{"late":{"share":0.1,"delay":{"mean":"90m"}},"duplicates":{"share":0.2,"at-most":7}}'
  )
  const config = await Effect.runPromise(readFaults(file, { late: 0.3, malformed: 0.1, seed: 9 }))
  expect(config.late).toMatchObject({ share: 0.3, delay: { mean: 5400, distribution: "exponential" } })
  expect(config.duplicates).toEqual({ share: 0.2, "at-most": 7 })
  expect(config.malformed.share).toBe(0.1)
  expect(config.seed).toBe(9)
  fs.rmSync(path.dirname(file), { recursive: true })
  const wrong = await Effect.runPromise(Effect.flip(readFaults(undefined, { late: 0.6, malformed: 0.6 })))
  expect(wrong.message).toContain("add up to 1.2")
  const missing = await Effect.runPromise(Effect.flip(readFaults("nowhere.json", {})))
  expect(missing).toMatchObject({ exitCode: 2 })
})
