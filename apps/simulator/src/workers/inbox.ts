import type { UserError } from "@musify/runtime/UserError.ts"
import { Effect } from "effect"

/** The workers' answers. Who waits for them is woken once a piece, by the last worker's. */
export interface Inbox<Answer> {
  readonly put: (worker: number, answer: Answer) => void
  /** The worker answers no more: `take` fails once it would wait for it. */
  readonly fail: (worker: number, error: UserError) => void
  /** The next answer of each worker. One at a time may wait. */
  readonly take: Effect.Effect<ReadonlyArray<Answer>, UserError>
}

/** An inbox for the answers of so many workers. */
export const makeInbox = <Answer>(workers: number): Inbox<Answer> => {
  const waiting = Array.from({ length: workers }, () => [] as Array<Answer>)
  const failures: Array<UserError | undefined> = waiting.map(() => undefined)
  let wake: ((taken: Inbox<Answer>["take"]) => void) | undefined
  const next = (): Inbox<Answer>["take"] | undefined => {
    if (waiting.every((answers) => answers.length > 0))
      return Effect.succeed(waiting.map((answers) => answers.shift()!))
    const failure = failures.find((one, worker) => one !== undefined && waiting[worker].length === 0)
    return failure === undefined ? undefined : Effect.fail(failure)
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
    fail: (worker, error) => {
      failures[worker] ??= error
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
