import { Buffer } from "node:buffer"
import { expect, it } from "vitest"
import { BufferPool } from "./BufferPool.ts"

const mib = 1 << 20

it("gives memory again that was given back, and only then", () => {
  const pool = new BufferPool(4 * mib)
  const first = pool.take(3 * mib)
  expect(first.length).toBe(3 * mib)
  expect(pool.take(3 * mib).buffer).not.toBe(first.buffer)
  // By any part of it.
  pool.give(first.subarray(100, 200))
  // A second time it is somebody else's.
  const again = pool.take(2 * mib)
  expect(again.buffer).toBe(first.buffer)
  expect(again.length).toBe(2 * mib)
  pool.hold(again)
  pool.give(again)
  expect(pool.take(2 * mib).buffer).not.toBe(first.buffer)
  pool.give(again)
  pool.give(first)
  expect(pool.take(mib).buffer).toBe(first.buffer)
  expect(pool.take(mib).buffer).not.toBe(first.buffer)
})

it("keeps no more than it was told, nothing small or huge, and nothing that it did not give", () => {
  const pool = new BufferPool(mib)
  const [one, two] = [pool.take(mib), pool.take(mib)]
  pool.give(one)
  pool.give(two)
  expect(pool.take(mib).buffer).toBe(one.buffer)
  expect(pool.take(mib).buffer).not.toBe(two.buffer)
  const large = new BufferPool(32 * mib)
  for (const foreign of [large.take(100), large.take(9 * mib), Buffer.alloc(mib)]) {
    large.give(foreign)
    expect(large.take(foreign.length).buffer).not.toBe(foreign.buffer)
  }
})
