import { Deferred, Effect, Exit, Fiber, Schedule, Scope, TestClock, TestContext } from "effect"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { ActorStopped, startActor, type Reply } from "./Actor.ts"

type Message =
  | { readonly _tag: "Add"; readonly amount: number }
  | { readonly _tag: "Total"; readonly reply: Reply<number> }
  | { readonly _tag: "Fail" }
  | { readonly _tag: "Wait"; readonly until: Deferred.Deferred<void> }

const add = (amount: number): Message => ({ _tag: "Add", amount })
const total = (reply: Reply<number>): Message => ({ _tag: "Total", reply })

const handle = (state: number, message: Message): Effect.Effect<number, string> => {
  switch (message._tag) {
    case "Add":
      return Effect.succeed(state + message.amount)
    case "Total":
      return Effect.as(Deferred.succeed(message.reply, state), state)
    case "Fail":
      return Effect.fail("handler failed")
    case "Wait":
      return Effect.as(Deferred.await(message.until), state)
  }
}
const adder = { name: "adder", initial: Effect.succeed(0), handle }

describe("an actor", () => {
  it("handles messages one after the other, in order", () =>
    Effect.runPromise(
      Effect.scoped(
        Effect.gen(function* () {
          const seen: Array<number> = []
          const actor = yield* startActor<number, number>({
            name: "order",
            capacity: 2,
            initial: Effect.succeed(0),
            handle: (running, message) =>
              Effect.gen(function* () {
                expect(running).toBe(seen.length)
                yield* Effect.yieldNow()
                seen.push(message)
                return running + 1
              })
          })
          for (let i = 0; i < 20; i++) yield* actor.tell(i)
          while (seen.length < 20) yield* Effect.yieldNow()
          expect(seen).toEqual(Array.from({ length: 20 }, (_, i) => i))
        })
      )
    ))

  it("has a bounded mailbox: behaves like a queue of `capacity`, whatever is sent and released", () =>
    fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 4 }),
        fc.array(fc.oneof(fc.constant("send"), fc.constant("release")), { maxLength: 30 }),
        async (capacity, steps) => {
          await Effect.runPromise(
            Effect.scoped(
              Effect.gen(function* () {
                // The actor stands still in the handler of each message until it is released.
                const gates: Array<Deferred.Deferred<void>> = []
                const handled: Array<number> = []
                const actor = yield* startActor<null, number>({
                  name: "gated",
                  capacity,
                  initial: Effect.succeed(null),
                  handle: (state, message) =>
                    Effect.gen(function* () {
                      const gate = yield* Deferred.make<void>()
                      gates.push(gate)
                      yield* Deferred.await(gate)
                      handled.push(message)
                      return state
                    })
                })
                const settle = Effect.gen(function* () {
                  for (let i = 0; i < 20; i++) yield* Effect.yieldNow()
                })
                const senders: Array<Fiber.RuntimeFiber<void, ActorStopped>> = []
                let released = 0
                for (const step of steps) {
                  if (step === "send") senders.push(yield* Effect.fork(actor.tell(senders.length)))
                  else if (released < senders.length) {
                    yield* Deferred.succeed(gates[released++], undefined)
                  }
                  yield* settle
                  expect(handled).toEqual(Array.from({ length: released }, (_, i) => i))
                  // One is being handled, `capacity` wait; later senders wait themselves.
                  const accepted = senders.filter((sender) => sender.unsafePoll() !== null).length
                  expect(accepted).toBe(Math.min(senders.length, released + 1 + capacity))
                }
                while (released < senders.length) {
                  yield* Deferred.succeed(gates[released++], undefined)
                  yield* settle
                }
                expect(handled.length).toBe(senders.length)
              })
            )
          )
        }
      ),
      { numRuns: 100 }
    ))

  it("answers", () =>
    Effect.runPromise(
      Effect.scoped(
        Effect.gen(function* () {
          const actor = yield* startActor({ ...adder, capacity: 8 })
          yield* actor.tell(add(2))
          yield* actor.tell(add(3))
          expect(yield* actor.ask(total)).toBe(5)
        })
      )
    ))

  it("starts again from its initial state after an error, by the schedule; waiting messages stay", () =>
    Effect.runPromise(
      Effect.scoped(
        Effect.gen(function* () {
          let starts = 0
          const actor = yield* startActor({
            ...adder,
            initial: Effect.sync(() => 100 * ++starts),
            capacity: 8,
            restart: Schedule.spaced("10 seconds").pipe(Schedule.intersect(Schedule.recurs(1)))
          })
          yield* actor.tell(add(1))
          expect(yield* actor.ask(total)).toBe(101)
          yield* actor.tell({ _tag: "Fail" })
          yield* actor.tell(add(5))
          const asking = yield* Effect.fork(actor.ask(total))
          yield* TestClock.adjust("9 seconds")
          expect(asking.unsafePoll()).toBe(null)
          yield* TestClock.adjust("1 seconds")
          expect(yield* Fiber.join(asking)).toBe(205)
          // no restart is left: everyone hears of the end
          yield* actor.tell({ _tag: "Fail" })
          expect(yield* Effect.flip(actor.join)).toBe("handler failed")
          expect(yield* Effect.flip(actor.tell(add(1)))).toBeInstanceOf(ActorStopped)
          expect(yield* Effect.flip(actor.ask(total))).toBeInstanceOf(ActorStopped)
        })
      ).pipe(Effect.provide(TestContext.TestContext))
    ))

  it("lets nobody wait for ever: whose question fails, or waits when the actor ends, is told", () =>
    Effect.runPromise(
      Effect.scoped(
        Effect.gen(function* () {
          const actor = yield* startActor({ ...adder, capacity: 1 })
          const gate = yield* Deferred.make<void>()
          yield* actor.tell({ _tag: "Wait", until: gate })
          yield* actor.tell({ _tag: "Fail" })
          const waiting = yield* Effect.fork(
            Effect.all([actor.ask(total), actor.ask(total)], { concurrency: 2 })
          )
          yield* Effect.yieldNow()
          yield* Deferred.succeed(gate, undefined)
          expect(yield* Effect.flip(Fiber.join(waiting))).toBeInstanceOf(ActorStopped)
        })
      )
    ))

  it("handles what waits when its scope closes, then finishes; afterwards nothing is taken", () =>
    Effect.runPromise(
      Effect.gen(function* () {
        const scope = yield* Scope.make()
        const gate = yield* Deferred.make<void>()
        let finished: number | undefined
        const actor = yield* Scope.extend(
          startActor({
            ...adder,
            capacity: 8,
            finish: (state) => Effect.sync(() => void (finished = state))
          }),
          scope
        )
        yield* actor.tell({ _tag: "Wait", until: gate })
        for (let i = 1; i <= 5; i++) yield* actor.tell(add(i))
        const closing = yield* Effect.fork(Scope.close(scope, Exit.void))
        yield* Effect.yieldNow()
        expect(finished).toBe(undefined)
        yield* Deferred.succeed(gate, undefined)
        yield* Fiber.join(closing)
        expect(finished).toBe(15)
        expect(yield* Effect.flip(actor.tell(add(1)))).toBeInstanceOf(ActorStopped)
      })
    ))

  it("is interrupted when draining takes too long", () =>
    Effect.runPromise(
      Effect.gen(function* () {
        const never = yield* Deferred.make<void>()
        const scope = yield* Scope.make()
        const actor = yield* Scope.extend(
          startActor({ ...adder, capacity: 1, drainWithin: "20 millis" }),
          scope
        )
        yield* actor.tell({ _tag: "Wait", until: never })
        yield* Scope.close(scope, Exit.void)
        expect(Exit.isInterrupted(yield* Effect.exit(actor.join))).toBe(true)
      })
    ))

  it("keeps no message that it has handled", () =>
    Effect.runPromise(
      Effect.scoped(
        Effect.gen(function* () {
          const seen: Array<WeakRef<object>> = []
          const actor = yield* startActor({
            name: "forgetful",
            capacity: 1,
            initial: Effect.succeed(0),
            handle: (count: number, message: { readonly bytes: Uint8Array; readonly reply: Reply<void> }) => {
              seen.push(new WeakRef(message.bytes))
              return Effect.as(Deferred.succeed(message.reply, undefined), count + 1)
            }
          })
          yield* actor.ask<void>((reply) => ({ bytes: new Uint8Array(1000), reply }))
          // What the engine itself still holds for a moment is let go in one of the next turns.
          for (let turn = 0; turn < 100 && seen.some((message) => message.deref() !== undefined); turn++) {
            yield* Effect.sleep(1)
            collectGarbage()
          }
          expect(seen.map((message) => message.deref())).toEqual([undefined])
        })
      )
    ))
})

/** Collects garbage at once. */
const collectGarbage = (): void => {
  setFlagsFromString("--expose-gc")
  ;(runInNewContext("gc") as () => void)()
}
