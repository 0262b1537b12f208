import RequestQueue from "kafkajs/src/network/requestQueue/index.js"
import { expect, it } from "vitest"
import { quietTimers } from "./quietTimers.ts"

/** As a connection of kafkajs calls it after each answer; answers whether a timer was set. */
const setsTimer = (queue: { pending: ReadonlyArray<unknown>; throttledUntil: number }): boolean => {
  const made = Object.assign(Object.create(RequestQueue.prototype) as RequestQueue, queue, {
    throttleCheckTimeoutId: null as NodeJS.Timeout | null
  })
  made.scheduleCheckPendingRequests()
  const timer = (made as unknown as { throttleCheckTimeoutId: NodeJS.Timeout | null }).throttleCheckTimeoutId
  if (timer !== null) clearTimeout(timer)
  return timer !== null
}

it("lets kafkajs set a timer only where something waits, or the broker throttles", () => {
  const idle = { pending: [], throttledUntil: -1 }
  // What is worked around: should this fail, kafkajs has mended it.
  expect(setsTimer(idle)).toBe(true)
  quietTimers()
  quietTimers()
  expect(setsTimer(idle)).toBe(false)
  expect(setsTimer({ ...idle, pending: ["request"] })).toBe(true)
  expect(setsTimer({ ...idle, throttledUntil: Date.now() + 60_000 })).toBe(true)
})
