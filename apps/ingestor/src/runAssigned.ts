import type { Membership, TopicPartition } from "@musify/stream/EventLog.ts"
import type { EventLogError } from "@musify/stream/EventLogError.ts"
import type { Scope } from "effect"
import { Deferred, Effect, Fiber } from "effect"
import { partitionName } from "./IngestStatus.ts"

/**
 * Runs one fiber per partition that is this member's: starts those that are new, interrupts those that are lost, lets the
 * others go on. A partition that is given back starts when its fiber of before has ended. Ends when all partitions that
 * are this member's have come to an end of their own; with `once` also when none was given to it.
 */
export const runAssigned = (
  assignments: Membership["assignments"],
  run: (partition: TopicPartition) => Effect.Effect<void>,
  options: { readonly once: boolean; readonly onAssigned: () => void }
): Effect.Effect<void, EventLogError, Scope.Scope> =>
  Effect.gen(function* () {
    const done = yield* Deferred.make<void>()
    const running = new Map<string, Fiber.RuntimeFiber<void>>()
    const ending = new Map<string, Fiber.RuntimeFiber<unknown>>()
    const ended = new Set<string>()
    yield* Effect.addFinalizer(() => Fiber.interruptAll([...running.values(), ...ending.values()]))

    const checkDone = Effect.suspend(() =>
      running.size > 0 && ended.size === running.size ? Deferred.succeed(done, undefined) : Effect.void
    )
    const start = (partition: TopicPartition) =>
      Effect.gen(function* () {
        const name = partitionName(partition)
        const before = ending.get(name)
        const fiber = yield* Effect.gen(function* () {
          if (before !== undefined) yield* Fiber.await(before)
          yield* run(partition)
          ended.add(name)
          yield* checkDone
        }).pipe(
          // It would inherit that it cannot be interrupted.
          Effect.interruptible,
          Effect.forkDaemon
        )
        running.set(name, fiber)
      })
    const stop = (name: string, fiber: Fiber.RuntimeFiber<void>) =>
      Effect.gen(function* () {
        running.delete(name)
        ended.delete(name)
        // It may still wait for the one before it.
        const before = ending.get(name)
        const all = before === undefined ? [fiber] : [fiber, before]
        ending.set(
          name,
          yield* Effect.forkDaemon(Effect.zipRight(Fiber.interrupt(fiber), Fiber.awaitAll(all)))
        )
      })

    const follow = Effect.gen(function* () {
      while (true) {
        const assigned = yield* assignments.take.pipe(
          Effect.catchTag("NoSuchElementException", () => Effect.never)
        )
        const names = new Set(assigned.map(partitionName))
        // Not to be cut in the middle: a fiber that is in no map would not be interrupted.
        yield* Effect.uninterruptible(
          Effect.gen(function* () {
            for (const [name, fiber] of [...running]) if (!names.has(name)) yield* stop(name, fiber)
            for (const partition of assigned)
              if (!running.has(partitionName(partition))) yield* start(partition)
          })
        )
        options.onAssigned()
        if (options.once && assigned.length === 0) yield* Deferred.succeed(done, undefined)
        yield* checkDone
      }
    })
    yield* Effect.raceFirst(follow, Deferred.await(done))
  })
