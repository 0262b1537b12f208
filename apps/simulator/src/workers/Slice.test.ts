import fc from "fast-check"
import { expect, it } from "vitest"
import { collect, partitionsOf } from "../testing/collect.ts"
import { hasWholePartitions, makeSliceTest, parsePart, partText } from "./Slice.ts"

const parts = (count: number) => Array.from({ length: count }, (_, index) => ({ index, count }))

it("every listener is in exactly one slice, and slices are about equal", () =>
  fc.assert(
    fc.property(
      fc.nat(),
      fc.integer({ min: 1, max: 5 }),
      fc.integer({ min: 1, max: 4 }),
      fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 4 }),
      (seed, shards, workers, partitions) => {
        const tests = parts(shards).flatMap((shard) =>
          parts(workers).map((worker) => makeSliceTest({ shard, worker }, seed, partitions))
        )
        const sizes = tests.map(() => 0)
        const all = 4000
        for (let number = 0; number < all; number++) {
          const mine = tests.flatMap((test, t) => (test(number) ? [t] : []))
          // An expectation for each would cost more than what is tested.
          if (mine.length !== 1) expect(mine).toHaveLength(1)
          sizes[mine[0]]++
        }
        // Whole partitions are dealt out: with 3 of them, one of two workers has two.
        expect(Math.min(...sizes)).toBeGreaterThan(all / tests.length / 3)
      }
    ),
    { numRuns: 40 }
  ))

it("shards together write what one simulation does; a partition that one of them has is in the same order", () =>
  fc.assert(
    fc.property(
      fc.nat(100),
      fc.integer({ min: 1, max: 4 }),
      fc.integer({ min: 1, max: 4 }),
      (seed, shards, partitions) => {
        const options = { seed, users: 60, days: 1, partitions: partitionsOf(partitions) }
        const whole = collect(options)
        const worker = { index: 0, count: 1 }
        const pieces = parts(shards).map((shard) => collect({ ...options, slice: { shard, worker } }))
        for (const [name, lines] of whole) {
          const found = pieces.flatMap((piece) => (piece.has(name) ? [piece.get(name)!] : []))
          if (shards <= partitions) expect(found).toEqual([lines])
          else expect(found.flat().sort()).toEqual([...lines].sort())
        }
      }
    ),
    { numRuns: 15 }
  ))

it("knows when a partition has one worker", () => {
  const slice = (shards: number, workers: number) => ({
    shard: { index: shards - 1, count: shards },
    worker: { index: 0, count: workers }
  })
  expect(hasWholePartitions([8, 8, 8, 8], slice(2, 4))).toBe(true)
  expect(hasWholePartitions([8, 8, 8, 8], slice(3, 3))).toBe(false)
  expect(hasWholePartitions([8, 8, 8, 4], slice(1, 2))).toBe(false)
  expect(hasWholePartitions([1, 1, 1, 1], slice(3, 1))).toBe(true)
})

it("reads parts as they are written", () => {
  for (const part of [...parts(3), ...parts(1)]) expect(parsePart(partText(part))).toEqual(part)
  for (const text of ["", "0/2", "3/2", "1/0", "1", "1/2/3", "-1/2", "1.5/2"])
    expect(parsePart(text)).toBeUndefined()
})
