import { Clock, Deferred, Effect, Exit, Ref, Scope } from "effect"
import type { DurationInput } from "effect/Duration"
import { NothingPublished, PublishedUnreadable } from "./DashboardError.ts"
import { makeDuckDb, openVersion, currentVersion } from "./DuckDbMarts.ts"
import type { Marts } from "./Marts.ts"

const hostClock = Clock.make()

/** Sleeps by the host's clock: pages and files are looked at by people in real time, however fast the pipeline runs. */
export const hostSleep = (duration: DurationInput): Effect.Effect<void> =>
  Effect.withClock(Effect.sleep(duration), hostClock)

/** A version that was replaced answers the requests that hold it for this long; its files stay at least ten minutes. */
const grace = "60 seconds"

/** The published version in force, followed as it changes. */
export interface Published {
  /** The newest version that could be opened and whose files are as they were published. */
  readonly marts: Effect.Effect<Marts, NothingPublished | PublishedUnreadable>
  /** Why the version in force cannot be read, if so: the one before it, if undamaged, goes on answering. */
  readonly problem: Effect.Effect<string | null>
}

/**
 * Follows `published/CURRENT`, looking every `every` of real time. The first look is done when this returns; a folder
 * in which nothing is published yet, or not even there, is waited for.
 */
export const followPublished = (
  published: string,
  every: DurationInput = "1 second"
): Effect.Effect<Published, never, Scope.Scope> =>
  Effect.gen(function* () {
    const parent = yield* Effect.scope
    const duckDb = yield* Effect.orDie(makeDuckDb)
    const current = yield* Ref.make<{ marts: Marts; scope: Scope.CloseableScope } | undefined>(undefined)
    const problem = yield* Ref.make<string | null>(null)
    // Interruptible, though a look is not: a server that stops does not wait for it.
    const retire = (scope: Scope.CloseableScope) =>
      Effect.forkIn(
        Effect.interruptible(Effect.zipRight(hostSleep(grace), Scope.close(scope, Exit.void))),
        parent
      )
    const look = Effect.gen(function* () {
      const before = yield* Ref.get(current)
      if (before !== undefined)
        // The problem first: who finds no version is told why.
        yield* Effect.tapError(before.marts.verify, ({ message }) =>
          Ref.set(problem, message).pipe(
            Effect.zipRight(Ref.set(current, undefined)),
            Effect.zipRight(retire(before.scope))
          )
        )
      const version = yield* currentVersion(published)
      if (version === undefined || version === before?.marts.manifest.version) return
      const scope = yield* Scope.fork(parent, { _tag: "Sequential" })
      const marts = yield* openVersion(duckDb, published, version).pipe(
        Scope.extend(scope),
        Effect.onError(() => Scope.close(scope, Exit.void))
      )
      yield* Ref.set(current, { marts, scope })
      if (before !== undefined) yield* retire(before.scope)
    }).pipe(
      Effect.matchEffect({
        onFailure: (error) => Ref.set(problem, error.message),
        onSuccess: () => Ref.set(problem, null)
      }),
      Effect.uninterruptible
    )
    const looked = yield* Deferred.make<void>()
    yield* look.pipe(
      Effect.zipRight(Deferred.succeed(looked, undefined)),
      Effect.zipRight(hostSleep(every)),
      Effect.forever,
      Effect.forkScoped
    )
    yield* Deferred.await(looked)
    const notOpen = (why: string | null) =>
      Effect.fail(
        why === null
          ? new NothingPublished({
              message: `Nothing is published in ${published} yet: the first hour is being built. This page goes on by itself.`
            })
          : new PublishedUnreadable({ message: why })
      )
    return {
      problem: Ref.get(problem),
      marts: Effect.flatMap(Ref.get(current), (open) =>
        open === undefined ? Effect.flatMap(Ref.get(problem), notOpen) : Effect.succeed(open.marts)
      )
    }
  })
