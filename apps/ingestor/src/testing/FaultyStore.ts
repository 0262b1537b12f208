import type { ObjectStoreService } from "@musify/lake/ObjectStore.ts"
import { ObjectStoreUnavailable } from "@musify/lake/ObjectStoreError.ts"
import { Effect } from "effect"

/** What happens to one call. "Lost answer": it was done, but its caller hears of an error. */
export type Fault = "none" | "refused" | "lost answer" | "killed before" | "killed after"

export interface FaultyStoreOptions {
  /** What happens to the next call. */
  readonly nextFault: () => Fault
  /** How many other fibers' turns pass before and after a call. */
  readonly nextPause: () => number
  /** Looks at the bucket after each change. */
  readonly onChange: Effect.Effect<void>
  /** The process has been killed: whoever plays it ends it. Its calls never return. */
  readonly onKilled: Effect.Effect<void>
}

/**
 * The bucket as one process sees it, which can be killed at each call: from then on nothing it does has any effect, not
 * even what it would do at its end.
 */
export const faultyStore = (store: ObjectStoreService, options: FaultyStoreOptions): ObjectStoreService => {
  let dead = false
  const killed = Effect.suspend(() => {
    dead = true
    return Effect.zipRight(options.onKilled, Effect.never)
  })
  const pause = Effect.suspend(() => Effect.repeatN(Effect.yieldNow(), options.nextPause()))
  const around = <A, E>(name: string, call: Effect.Effect<A, E>, changes: boolean) =>
    Effect.gen(function* () {
      yield* pause
      if (dead) return yield* killed
      const fault = options.nextFault()
      const broken = new ObjectStoreUnavailable({ name, message: `${fault}: ${name}`, retryable: true })
      if (fault === "killed before") return yield* killed
      if (fault === "refused") return yield* broken
      const answer = yield* call
      if (changes) yield* options.onChange
      if (fault === "killed after") return yield* killed
      if (fault === "lost answer") return yield* broken
      yield* pause
      return dead ? yield* killed : answer
    })
  return {
    putIfAbsent: (name, bytes, metadata) => around(name, store.putIfAbsent(name, bytes, metadata), true),
    get: (name) => around(name, store.get(name), false),
    metadata: (name) => around(name, store.metadata(name), false),
    list: (prefix, listing) => around(prefix, store.list(prefix, listing), false),
    remove: (name) => around(name, store.remove(name), true),
    locate: store.locate
  }
}
