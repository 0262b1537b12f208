import { Effect, Exit, Fiber, Scope } from "effect"
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { GatherBudget, type GatherShare } from "./GatherBudget.ts"

const run = <A>(effect: Effect.Effect<A, never, Scope.Scope>) => Effect.runPromise(Effect.scoped(effect))
const turns = Effect.repeatN(Effect.yieldNow(), 20)

/** An ask under way, and what was answered so far. */
const ask = (share: GatherShare, bytes: number) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.fork(share.admit(bytes))
    yield* turns
    return {
      fiber,
      answer: Effect.map(fiber.poll, (exit) => (exit._tag === "None" ? undefined : exit.value))
    }
  })
const ignore = () => {}
const granted = Exit.succeed(true)

describe("GatherBudget", () => {
  it("grants what fits, and lets others wait until something is given back", () =>
    run(
      Effect.gen(function* () {
        const budget = new GatherBudget(100, 1)
        const [a, b] = [yield* budget.share(ignore), yield* budget.share(ignore)]
        expect(yield* a.admit(60)).toBe(true)
        a.settle(60)
        a.rolling()
        const waiting = yield* ask(b, 50)
        expect([budget.held, budget.waiting]).toEqual([60, 1])
        expect(yield* waiting.answer).toBeUndefined()
        a.settle(0)
        yield* turns
        expect(yield* waiting.answer).toEqual(granted)
        expect([budget.held, budget.waiting]).toEqual([50, 0])
      })
    ))

  it("lets the fullest go on first and those who hold nothing last, in the order of their asking", () =>
    run(
      Effect.gen(function* () {
        const budget = new GatherBudget(100, 1)
        const [full, some, none, later] = [
          yield* budget.share(ignore),
          yield* budget.share(ignore),
          yield* budget.share(ignore),
          yield* budget.share(ignore)
        ]
        const rolls = yield* budget.share(ignore)
        for (const [share, bytes] of [
          [full, 20],
          [some, 10],
          [rolls, 60]
        ] as const) {
          yield* share.admit(bytes)
          share.settle(bytes)
        }
        rolls.rolling()
        const asks = [yield* ask(none, 11), yield* ask(later, 11), yield* ask(some, 11), yield* ask(full, 11)]
        const answered = Effect.gen(function* () {
          yield* turns
          return yield* Effect.forEach(asks, ({ answer }) => Effect.map(answer, (exit) => exit !== undefined))
        })
        expect(yield* answered).toEqual([false, false, false, false])
        rolls.settle(49)
        rolls.rolling()
        expect(yield* answered).toEqual([false, false, false, true])
        full.settle(31)
        full.rolling()
        rolls.settle(38)
        rolls.rolling()
        expect(yield* answered).toEqual([false, false, true, true])
        some.settle(21)
        some.rolling()
        rolls.settle(27)
        rolls.rolling()
        expect(yield* answered).toEqual([true, false, true, true])
      })
    ))

  it("presses the fullest when nothing is on its way, also when that is the one who asks", () =>
    run(
      Effect.gen(function* () {
        const budget = new GatherBudget(100, 1)
        let presses = 0
        const [a, b] = [yield* budget.share(ignore), yield* budget.share(() => void presses++)]
        for (const [share, bytes] of [
          [a, 30],
          [b, 60]
        ] as const) {
          yield* share.admit(bytes)
          share.settle(bytes)
        }
        const waiting = yield* ask(a, 20)
        expect([a.mustRoll, b.mustRoll]).toEqual([false, true])
        expect(presses).toBe(1)
        b.rolling()
        b.settle(0)
        yield* turns
        expect([b.mustRoll, yield* waiting.answer]).toEqual([false, granted])
        a.settle(50)
        expect(yield* a.admit(60)).toBe(false)
      })
    ))

  it("lets one who is alone hold more than there is; one who can store its batch stores it first", () =>
    run(
      Effect.gen(function* () {
        const budget = new GatherBudget(100, 1)
        const whole = yield* budget.share(undefined)
        for (const held of [300, 600]) {
          expect(yield* whole.admit(300)).toBe(true)
          whole.settle(held)
        }
        const other = yield* budget.share(ignore)
        const waiting = yield* ask(other, 1)
        expect(yield* waiting.answer).toBeUndefined()
        whole.settle(0)
        yield* turns
        expect(yield* waiting.answer).toEqual(granted)
      })
    ))

  it("takes back what a session held or asked when it ends", () =>
    run(
      Effect.gen(function* () {
        const budget = new GatherBudget(100, 1)
        const scope = yield* Scope.make()
        const gone = yield* Scope.extend(budget.share(ignore), scope)
        yield* gone.admit(100)
        const other = yield* budget.share(ignore)
        const waiting = yield* ask(other, 10)
        expect(yield* waiting.answer).toBeUndefined()
        yield* Scope.close(scope, Exit.void)
        yield* turns
        expect(yield* waiting.answer).toEqual(granted)
        const interrupted = yield* ask(yield* budget.share(ignore), 100)
        yield* Fiber.interrupt(interrupted.fiber)
        expect(budget.waiting).toBe(0)
      })
    ))

  it("keeps its bound, blocks nobody for ever and gathers whole batches, whoever asks for what", () =>
    fc.assert(
      fc.asyncProperty(
        fc.record({
          capacity: fc.integer({ min: 1, max: 400 }),
          batch: fc.integer({ min: 1, max: 150 }),
          // Per partition: the sizes of its reads, with turns of waiting before each.
          reads: fc.array(
            fc.array(fc.tuple(fc.oneof(fc.constant(10), fc.integer({ min: 1, max: 60 })), fc.nat(5)), {
              maxLength: 20
            }),
            {
              minLength: 1,
              maxLength: 8
            }
          ),
          storing: fc.nat(6),
          failing: fc.nat(9)
        }),
        async ({ batch, capacity, failing, reads, storing }) => {
          const budget = new GatherBudget(capacity, batch)
          let most = 0
          let taken = 0
          const look = () => {
            most = Math.max(most, budget.held)
          }
          const partition = (sizes: ReadonlyArray<readonly [number, number]>, index: number) =>
            Effect.scoped(
              Effect.gen(function* () {
                const bell = Effect.unsafeMakeLatch()
                const share = yield* budget.share(() => bell.unsafeOpen())
                let held = 0
                let rolls = 0
                const roll = Effect.gen(function* () {
                  if (held === 0) return
                  share.rolling()
                  yield* Effect.repeatN(Effect.yieldNow(), storing)
                  // A session that fails ends without giving anything back by itself.
                  if (++rolls > failing && index % 2 === 0) return yield* Effect.interrupt
                  held = 0
                  share.settle(0)
                })
                for (const [bytes, pause] of sizes) {
                  if (pause > 2) share.rest()
                  yield* Effect.raceFirst(Effect.repeatN(Effect.yieldNow(), pause), bell.await)
                  bell.unsafeClose()
                  if (share.mustRoll) yield* roll
                  while (!(yield* share.admit(bytes))) yield* roll
                  look()
                  held += bytes
                  taken += bytes
                  share.settle(held)
                  look()
                  if (held >= batch) yield* roll
                }
                yield* roll
              })
            ).pipe(Effect.exit)
          await Effect.runPromise(
            Effect.forEach(reads, partition, { concurrency: "unbounded", discard: true })
          )
          const largest = Math.max(0, ...reads.flat().map(([bytes]) => bytes))
          expect(most).toBeLessThanOrEqual(Math.max(capacity, largest))
          expect([budget.held, budget.waiting]).toEqual([0, 0])
          if (failing > 20) expect(taken).toBe(reads.flat().reduce((sum, [bytes]) => sum + bytes, 0))
        }
      ),
      { numRuns: 100 }
    ))

  it("with a backlog everywhere stores whole batches, each partition in its turn", () =>
    run(
      Effect.gen(function* () {
        const budget = new GatherBudget(400, 100)
        const stored: Array<{ index: number; bytes: number }> = []
        const partition = (index: number) =>
          Effect.gen(function* () {
            const share = yield* budget.share(ignore)
            for (let batch = 0; batch < 5; batch++) {
              let held = 0
              while (held < 100) {
                if (!(yield* share.admit(5))) break
                held += 5
                share.settle(held)
                yield* Effect.yieldNow()
              }
              share.rolling()
              yield* Effect.repeatN(Effect.yieldNow(), 3)
              stored.push({ index, bytes: held })
              share.settle(0)
            }
          })
        yield* Effect.forEach(
          Array.from({ length: 32 }, (_, i) => i),
          partition,
          {
            concurrency: "unbounded",
            discard: true
          }
        )
        const whole = stored.filter(({ bytes }) => bytes === 100).length
        // All but those with which the first memory was taken by everyone at once.
        expect(whole / stored.length).toBeGreaterThan(0.8)
        const firstDone = stored.findIndex(
          ({ index }, i) => stored.slice(0, i).filter((one) => one.index === index).length === 4
        )
        expect(new Set(stored.slice(0, firstDone).map(({ index }) => index)).size).toBe(32)
      })
    ))
})
