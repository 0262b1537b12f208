import type { FrozenBatch } from "@musify/lake/BatchBuilder.ts"
import { putFiles, putPlan, putSeal } from "@musify/lake/Chain.ts"
import type { ChainHalted, RaceLost } from "@musify/lake/ChainError.ts"
import type { ObjectStoreService } from "@musify/lake/ObjectStore.ts"
import type { ObjectStoreError } from "@musify/lake/ObjectStoreError.ts"
import type { Plan } from "@musify/lake/Plan.ts"
import type { Actor, Reply } from "@musify/runtime/Actor.ts"
import { startActor } from "@musify/runtime/Actor.ts"
import type { Scope } from "effect"
import { Deferred, Effect } from "effect"

export type CommitError = ObjectStoreError | ChainHalted | RaceLost

export type CommitterMessage =
  /** Plan and files; the reply comes when they are all there. */
  | { readonly _tag: "Commit"; readonly batch: FrozenBatch; readonly reply: Reply<void> }
  /** Seals the tail if it is not; the reply comes when all messages before it are done. */
  | { readonly _tag: "Seal"; readonly reply?: Reply<void> }

export type Committer = Actor<CommitterMessage, CommitError>

export interface CommitterOptions {
  readonly name: string
  readonly store: ObjectStoreService
  /** See `putFiles`. */
  readonly slots: Effect.Semaphore
  /** The last plan, complete but not sealed yet. */
  readonly unsealed: Plan | undefined
  /** Called when all files of a batch are there, before its commit is answered. */
  readonly onClosed: (batch: FrozenBatch) => Effect.Effect<void>
}

/**
 * Puts a partition's batches into the bucket, one after the other: plan, files, seal. The next plan is put only after
 * the files of the one before are all there. At its end it seals what is complete.
 */
export const startCommitter = ({
  name,
  onClosed,
  slots,
  store,
  unsealed
}: CommitterOptions): Effect.Effect<Committer, never, Scope.Scope> => {
  const seal = (open: Plan | undefined) => (open === undefined ? Effect.void : putSeal(store, open))
  return startActor<Plan | undefined, CommitterMessage, CommitError>({
    name,
    capacity: 1,
    initial: Effect.succeed(unsealed),
    handle: (open, message) =>
      Effect.gen(function* () {
        if (message._tag === "Seal") {
          yield* seal(open)
          if (message.reply !== undefined) yield* Deferred.succeed(message.reply, undefined)
          return undefined
        }
        const { batch, reply } = message
        yield* putPlan(store, batch.plan)
        yield* putFiles(store, batch, slots)
        yield* onClosed(batch)
        yield* Deferred.succeed(reply, undefined)
        return batch.plan
      }),
    finish: seal
  })
}
