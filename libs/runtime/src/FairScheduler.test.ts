import { Effect } from "effect"
import { expect, it } from "vitest"
import { FairScheduler } from "./FairScheduler.ts"

it("lets the event loop turn while fibers never wait, and runs them all", async () => {
  // A clock that goes on by a millisecond at each look, so that no real time matters.
  let now = 0
  let turns = 0
  let isOver = false
  const count = () => {
    turns++
    if (!isOver) setImmediate(count)
  }
  setImmediate(count)
  const done = new Set<number>()
  const busy = (i: number) =>
    Effect.zipRight(
      Effect.repeatN(Effect.yieldNow(), 200),
      Effect.sync(() => done.add(i))
    )
  await Effect.runPromise(
    Effect.withScheduler(
      Effect.forEach([0, 1, 2, 3], busy, { concurrency: "unbounded", discard: true }),
      new FairScheduler(() => now++)
    )
  )
  isOver = true
  expect([...done].sort()).toEqual([0, 1, 2, 3])
  expect(turns).toBeGreaterThan(20)
})

it("runs short work without a turn for each step", async () => {
  let turns = 0
  let isOver = false
  const count = () => {
    turns++
    if (!isOver) setImmediate(count)
  }
  setImmediate(count)
  await Effect.runPromise(
    Effect.withScheduler(Effect.repeatN(Effect.yieldNow(), 1000), new FairScheduler(() => 0))
  )
  isOver = true
  expect(turns).toBeLessThan(20)
})
