import { performance } from "node:perf_hooks"

/** No more often than this, ms: what is done sooner says nothing. */
const every = 15_000

/** A function that takes how many of `all` are done, and says so on stderr while it takes long, with the rate and the time left. */
export const tellProgress = (what: string, all: number): ((done: number) => void) => {
  const began = performance.now()
  let told = began
  return (done) => {
    const now = performance.now()
    if (now - told < every) return
    told = now
    const rate = (done * 1000) / (now - began)
    console.error(
      `${done} of ${all} ${what}, ${rate.toFixed(1)} a second, ${Math.round((all - done) / rate)} s left`
    )
  }
}
