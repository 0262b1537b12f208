import { Duration } from "effect"
import { GcsFailure } from "./gcsFault.ts"

/**
 * Runs one attempt, which has failed when it takes longer than `ms`. It is told by its signal then, or when it was
 * interrupted; not every attempt heeds it. (As a race of fibers this would cost as much as the attempt.)
 */
export const within = async <A>(
  ms: number,
  interrupted: AbortSignal,
  run: (signal: AbortSignal) => Promise<A>
): Promise<A> => {
  const stopped = new AbortController()
  const stop = () => stopped.abort(interrupted.reason)
  interrupted.addEventListener("abort", stop)
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const fault = new GcsFailure({
        kind: "transient",
        text: `no answer within ${Duration.format(Duration.millis(ms))}`
      })
      reject(fault)
      stopped.abort(fault)
    }, ms)
  })
  try {
    return await Promise.race([run(stopped.signal), late])
  } finally {
    clearTimeout(timer)
    interrupted.removeEventListener("abort", stop)
  }
}
