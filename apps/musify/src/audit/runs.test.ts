import * as fc from "fast-check"
import { expect, test } from "vitest"
import type { Runs } from "./runs.ts"
import { joined, RunCollector, size, subtract, within } from "./runs.ts"

const offsets = fc.uniqueArray(fc.nat(40)).map((all) => all.sort((a, b) => a - b))
const runsOf = (all: ReadonlyArray<number>): Runs => {
  const collector = new RunCollector()
  for (const offset of all) collector.add(offset)
  return collector.runs
}
const listOf = (runs: Runs) =>
  runs.flatMap(([from, to]) => Array.from({ length: to - from }, (_, i) => from + i))

test("runs are sets of offsets", () => {
  fc.assert(
    fc.property(offsets, offsets, fc.nat(40), fc.nat(40), (a, b, from, to) => {
      expect(listOf(runsOf(a))).toEqual(a)
      expect(size(runsOf(a))).toBe(a.length)
      expect(listOf(subtract(runsOf(a), runsOf(b)))).toEqual(a.filter((offset) => !b.includes(offset)))
      expect(listOf(within(runsOf(a), from, to))).toEqual(a.filter((offset) => offset >= from && offset < to))
      const both = [...new Set([...a, ...b])].sort((x, y) => x - y)
      expect(joined([...runsOf(a), ...runsOf(b)])).toEqual(runsOf(both))
    })
  )
})
