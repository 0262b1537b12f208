import type { TopicPartition } from "@musify/stream/EventLog.ts"
import { type EventLogError, EventLogUnavailable } from "@musify/stream/EventLogError.ts"
import { Deferred, Effect, Fiber, Mailbox } from "effect"
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { runAssigned } from "./runAssigned.ts"

const of = (partition: number): TopicPartition => ({ topic: "auth_events", partition })
const turns = Effect.repeatN(Effect.yieldNow(), 30)

/** Assignments by hand; what runs, and how often each partition was started. */
const setUp = (options: { readonly once?: boolean; readonly stopTurns?: number } = {}) =>
  Effect.gen(function* () {
    const assignments = yield* Mailbox.make<ReadonlyArray<TopicPartition>, EventLogError>()
    const running = new Set<number>()
    const starts = new Map<number, number>()
    const ends = new Map<number, Deferred.Deferred<void>>()
    const problems: Array<string> = []
    const run = ({ partition }: TopicPartition) =>
      Effect.gen(function* () {
        if (running.has(partition)) problems.push(`${partition} runs twice`)
        running.add(partition)
        starts.set(partition, (starts.get(partition) ?? 0) + 1)
        const end = yield* Deferred.make<void>()
        ends.set(partition, end)
        yield* Deferred.await(end)
      }).pipe(
        Effect.ensuring(
          Effect.zipRight(
            Effect.repeatN(Effect.yieldNow(), options.stopTurns ?? 0),
            Effect.sync(() => running.delete(partition))
          )
        )
      )
    const fiber = yield* Effect.fork(
      Effect.scoped(runAssigned(assignments, run, { once: options.once ?? false, onAssigned: () => {} }))
    )
    return {
      fiber,
      running,
      starts,
      problems,
      end: (partition: number) => Effect.zipLeft(Deferred.succeed(ends.get(partition)!, undefined), turns),
      assign: (...partitions: ReadonlyArray<number>) =>
        Effect.zipLeft(assignments.offer(partitions.map(of)), turns),
      fail: assignments.fail(new EventLogUnavailable({ message: "away", retryable: true }))
    }
  })
const sorted = (numbers: Iterable<number>) => [...numbers].sort((a, b) => a - b)

describe("runAssigned", () => {
  it("starts what is new, interrupts what is lost, leaves alone what is kept", () =>
    Effect.runPromise(
      Effect.gen(function* () {
        const { assign, fiber, running, starts } = yield* setUp()
        yield* assign(0, 1, 2)
        yield* assign(1, 2, 3)
        expect(sorted(running)).toEqual([1, 2, 3])
        yield* assign()
        expect(running.size).toBe(0)
        yield* assign(1)
        expect(sorted(running)).toEqual([1])
        expect([...starts]).toEqual([
          [0, 1],
          [1, 2],
          [2, 1],
          [3, 1]
        ])
        yield* Fiber.interrupt(fiber)
        expect(running.size).toBe(0)
      })
    ))

  it("ends when all that it was given have ended, or are another's", () =>
    Effect.runPromise(
      Effect.gen(function* () {
        const { assign, end, fiber } = yield* setUp({ once: true })
        yield* assign(0, 1, 2)
        yield* end(0)
        yield* end(1)
        expect((yield* fiber.poll)._tag).toBe("None")
        yield* assign(0, 1)
        yield* Fiber.join(fiber)
        const none = yield* setUp({ once: true })
        yield* none.assign()
        yield* Fiber.join(none.fiber)
      })
    ))

  it("fails when it can be a member no more, and stops all", () =>
    Effect.runPromise(
      Effect.gen(function* () {
        const { assign, fail, fiber, running } = yield* setUp()
        yield* assign(0, 1)
        yield* fail
        expect(yield* Effect.flip(Fiber.join(fiber))).toMatchObject({ message: "away" })
        expect(running.size).toBe(0)
      })
    ))

  it("through any storm of assignments never runs a partition twice at once, and in the end runs the last ones", () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(fc.uniqueArray(fc.nat(5), { minLength: 1 }), { minLength: 1, maxLength: 12 }),
        fc.nat(8),
        fc.array(fc.nat(40), { minLength: 12, maxLength: 12 }),
        (storms, stopTurns, pauses) =>
          Effect.runPromise(
            Effect.gen(function* () {
              const { assign, fiber, problems, running } = yield* setUp({ stopTurns })
              for (const [i, partitions] of storms.entries()) {
                yield* Effect.fork(assign(...partitions))
                yield* Effect.repeatN(Effect.yieldNow(), pauses[i])
              }
              for (let i = 0; i < 12; i++) yield* turns
              expect(problems).toEqual([])
              expect(sorted(running)).toEqual(sorted(storms[storms.length - 1]))
              yield* Fiber.interrupt(fiber)
              expect(running.size).toBe(0)
            })
          )
      ),
      { numRuns: 50 }
    ))
})
