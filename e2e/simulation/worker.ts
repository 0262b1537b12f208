import { parentPort, workerData } from "node:worker_threads"
import { takeRealTimersAway } from "./noRealTimers.ts"
import type { Ingest, Outcome, SweptStrike } from "./Run.ts"
import { Run } from "./Run.ts"
import { scenarioOf } from "./Scenario.ts"

/** What a worker is asked to run, in order, up to the first violation. */
export interface Job {
  readonly id: number
  /** `swept`: without the seed's own strikes, with this one or ("calm") none. */
  readonly runs: ReadonlyArray<{ readonly seed: number; readonly swept?: SweptStrike | "calm" }>
}

/** Paths of the ingestor's bundles: the release under test, and one with another decoder. */
export interface WorkerData {
  readonly releases: readonly [string, string]
}

export interface Answer {
  readonly id: number
  readonly outcomes: ReadonlyArray<Outcome>
}

/** Each so manieth seed is run twice, to prove that it replays. */
const replayEvery = 50

const { releases } = workerData as WorkerData
const [first, second] = await Promise.all(
  releases.map(async (path) => ((await import(path)) as { readonly ingest: Ingest }).ingest)
)
takeRealTimersAway()
// Errors are part of many runs, and their stacks cost more than what they say is worth there.
Error.stackTraceLimit = 0

const play = (seed: number, swept: SweptStrike | "calm" | undefined): Outcome =>
  new Run(
    scenarioOf(seed, swept !== undefined),
    { 1: first, 2: second },
    swept === "calm" ? undefined : swept
  ).play()

parentPort!.on("message", ({ id, runs }: Job) => {
  const outcomes: Array<Outcome> = []
  for (const { seed, swept } of runs) {
    let outcome = play(seed, swept)
    if (seed % replayEvery === 0 && outcome.violation === undefined) {
      const again = play(seed, swept)
      if (again.hash !== outcome.hash)
        outcome = {
          ...outcome,
          violation: {
            invariant: "aSeedReplays",
            text: `the trace's hash was ${outcome.hash} and then ${again.hash}`
          }
        }
    }
    outcomes.push(outcome)
    if (outcome.violation !== undefined) break
  }
  parentPort!.postMessage({ id, outcomes } satisfies Answer)
})
