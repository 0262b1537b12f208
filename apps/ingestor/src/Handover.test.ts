import { Effect, Either, Fiber, Option, type Scope, TestClock, TestContext } from "effect"
import { expect, it } from "vitest"
import { Handover } from "./Handover.ts"

const run = <A, E>(effect: Effect.Effect<A, E, Scope.Scope>) =>
  Effect.runPromise(Effect.provide(Effect.scoped(effect), TestContext.TestContext))
const isDone = (fiber: Fiber.RuntimeFiber<unknown, unknown>) => Effect.map(fiber.poll, Option.isSome)

it("hands one message over at a time, in order, and loses none to a wait that is cut off", () =>
  run(
    Effect.gen(function* () {
      const handover = yield* Handover.make<number>()
      const taken: Array<number> = []
      const putting = yield* Effect.fork(
        Effect.gen(function* () {
          for (let i = 0; i < 30; i++) {
            yield* handover.whenEmpty
            handover.put(Either.right(i))
            yield* Effect.sleep(i % 3)
          }
        })
      )
      const taking = yield* Effect.fork(
        Effect.gen(function* () {
          while (taken.length < 30) {
            const next = yield* handover.take
            if (Option.isSome(next)) taken.push(next.value)
            else yield* handover.wait(1 + (taken.length % 2))
          }
        })
      )
      for (let ms = 0; ms < 100; ms++) yield* TestClock.adjust(1)
      yield* Fiber.join(putting)
      yield* Fiber.join(taking)
      expect(taken).toEqual(Array.from({ length: 30 }, (_, i) => i))
    })
  ))

it("wakes by the bell, whoever rings it, or by the time", () =>
  run(
    Effect.gen(function* () {
      const handover = yield* Handover.make<number>()
      const waiting = yield* Effect.fork(handover.wait(Number.POSITIVE_INFINITY))
      yield* TestClock.adjust(1000)
      expect(yield* isDone(waiting)).toBe(false)
      handover.ring()
      expect(yield* Fiber.join(waiting)).toBe(true)
      // Later, sooner, and later again than what the timer is set to.
      for (const ms of [10, 5, 20]) {
        const rung = yield* Effect.fork(handover.wait(ms))
        yield* TestClock.adjust(ms - 1)
        expect(yield* isDone(rung)).toBe(false)
        handover.ring()
        expect(yield* Fiber.join(rung)).toBe(true)
        const timed = yield* Effect.fork(handover.wait(ms))
        yield* TestClock.adjust(ms - 1)
        expect(yield* isDone(timed)).toBe(false)
        yield* TestClock.adjust(1)
        expect(yield* Fiber.join(timed)).toBe(false)
      }
      // Rung before the wait: nobody sleeps through it.
      handover.ring()
      yield* handover.wait(Number.POSITIVE_INFINITY)
      const again = yield* Effect.fork(handover.wait(Number.POSITIVE_INFINITY))
      yield* TestClock.adjust(1000)
      expect(yield* isDone(again)).toBe(false)
      yield* Fiber.interrupt(again)
    })
  ))

it("keeps an error for every take that follows", () =>
  run(
    Effect.gen(function* () {
      const handover = yield* Handover.make<number, string>()
      handover.put(Either.left("away"))
      for (let i = 0; i < 2; i++) expect(yield* Effect.flip(handover.take)).toBe("away")
    })
  ))
