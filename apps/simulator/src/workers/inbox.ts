import type { UserError } from "@musify/runtime/UserError.ts"
import { Effect } from "effect"
import type { Answer } from "./protocol.ts"

/** The workers' answers. Who waits for them is woken once a piece, by the last worker's. */
export interface Inbox {
  readonly put: (worker: number, answer: Answer) => void
  /** From now on, `take` fails. */
  readonly fail: (error: UserError) => void
  /** The next answer of each worker. One at a time may wait. */
  readonly take: Effect.Effect<ReadonlyArray<Answer>, UserError>
}

/** An inbox for the answers of so many workers. */
export const makeInbox = (workers: number): Inbox => {
  const waiting = Array.from({ length: workers }, () => [] as Array<Answer>)
  let failure: UserError | undefined
  let wake: ((taken: Inbox["take"]) => void) | undefined
  const next = (): Inbox["take"] | undefined => {
    if (failure !== undefined) return Effect.fail(failure)
    if (waiting.some((answers) => answers.length === 0)) return undefined
    return Effect.succeed(waiting.map((answers) => answers.shift()!))
  }
  const settle = (): void => {
    if (wake === undefined) return
    const taken = next()
    if (taken === undefined) return
    const resume = wake
    wake = undefined
    resume(taken)
  }
  return {
    put: (worker, answer) => {
      waiting[worker].push(answer)
      settle()
    },
    fail: (error) => {
      failure ??= error
      settle()
    },
    take: Effect.suspend(
      () =>
        next() ??
        Effect.async<ReadonlyArray<Answer>, UserError>((resume) => {
          wake = resume
          return Effect.sync(() => (wake = undefined))
        })
    )
  }
}
