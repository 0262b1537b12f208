import { UserError } from "@musify/runtime/UserError.ts"
import { Effect, type Scope } from "effect"
import { Worker } from "node:worker_threads"
import { type Inbox, makeInbox } from "./inbox.ts"

/** A started worker: what it is sent and what it answers. `onFailure` is told what stopped it. */
export interface Connection<Message, Answer> {
  readonly send: (message: Message) => void
  readonly onAnswer: (listener: (answer: Answer) => void) => void
  readonly onFailure: (listener: (cause: unknown) => void) => void
  readonly close: () => Promise<unknown>
}

/** A worker thread. In a bundle its program lies beside the bundle's other files. */
export const startThread = <Message, Answer>(): Connection<Message, Answer> => {
  const { url } = import.meta
  const program = url.endsWith(".ts") ? "./simulationWorker.ts" : "./simulationWorker.mjs"
  const worker = new Worker(new URL(program, url))
  return {
    send: (message) => worker.postMessage(message),
    onAnswer: (listener) => worker.on("message", listener),
    onFailure: (listener) => {
      worker.on("error", listener)
      worker.on("exit", (code) => listener(new Error(`it ended with code ${code}`)))
    },
    close: () => worker.terminate()
  }
}

/** So many workers, until the scope closes, and the inbox of their answers. */
export const startWorkers = <Message, Answer>(
  count: number,
  connect: () => Connection<Message, Answer>
): Effect.Effect<
  { readonly connections: ReadonlyArray<Connection<Message, Answer>>; readonly inbox: Inbox<Answer> },
  never,
  Scope.Scope
> => {
  const inbox = makeInbox<Answer>(count)
  const start = (index: number) => {
    const connection = connect()
    connection.onAnswer((answer) => inbox.put(index, answer))
    connection.onFailure((cause) =>
      inbox.fail(
        index,
        new UserError({
          message: `A worker of the simulation stopped: ${cause instanceof Error ? cause.message : String(cause)}. Try fewer workers (--workers), each needs memory of its own.`,
          exitCode: 3
        })
      )
    )
    return connection
  }
  return Effect.acquireRelease(
    Effect.sync(() => Array.from({ length: count }, (_, index) => start(index))),
    (started) => Effect.promise(() => Promise.all(started.map((connection) => connection.close())))
  ).pipe(Effect.map((connections) => ({ connections, inbox })))
}
