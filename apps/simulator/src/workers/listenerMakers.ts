import type { UserError } from "@musify/runtime/UserError.ts"
import { Effect, type Scope } from "effect"
import os from "node:os"
import type { MadeListeners } from "../Listeners.ts"
import type { InitialRange } from "../Simulation.ts"
import { type Connection, startThread, startWorkers } from "./Connection.ts"
import type { MakeListeners } from "./protocol.ts"

/** Fewer are made sooner than another thread has started. */
const fewestOfThread = 100_000

/** Threads that make so many listeners at the start, this one included. */
export const makersOf = (listeners: number): number =>
  Math.max(1, Math.min(4, os.availableParallelism(), Math.floor(listeners / fewestOfThread)))

/** Threads that make initial listeners beside this one. */
export interface ListenerMakers {
  /** Those that this thread makes itself. */
  readonly own: InitialRange
  /** Sends the others off. */
  readonly start: (setup: Omit<MakeListeners, "initial">) => void
  /** What they have made, all but `own`, once. */
  readonly others: Effect.Effect<ReadonlyArray<MadeListeners>, UserError>
}

/** Starts the threads, which load their program while this one makes what they need. */
export const listenerMakers = (options: {
  /** Listeners at the start. */
  readonly users: number
  /** Threads, this one included. */
  readonly makers: number
  /** Starts a worker; a thread where nothing else is said. */
  readonly connect?: () => Connection<MakeListeners, MadeListeners>
}): Effect.Effect<ListenerMakers, never, Scope.Scope> =>
  Effect.gen(function* () {
    const { connect = startThread, makers, users } = options
    const bound = (maker: number) => Math.floor((users * maker) / makers)
    const { connections, inbox } = yield* startWorkers(makers - 1, connect)
    return {
      own: { from: 0, to: bound(1) },
      start: (setup) =>
        connections.forEach((connection, n) =>
          connection.send({ ...setup, initial: { from: bound(n + 1), to: bound(n + 2) } })
        ),
      others: Effect.tap(inbox.take, () =>
        // Their memory is free from now on.
        Effect.sync(() => connections.forEach((connection) => void connection.close()))
      )
    }
  })
