import { parentPort, workerData } from "node:worker_threads"
import { takeRealTimersAway } from "./noRealTimers.ts"
import type { Ingest, Outcome, SweptStrike } from "./Run.ts"
import { simulate } from "./simulation.ts"

/** What a worker is asked to run, in order. */
export interface Job {
  readonly id: number
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

const { releases } = workerData as WorkerData
const [first, second] = await Promise.all(
  releases.map(async (path) => ((await import(path)) as { readonly ingest: Ingest }).ingest)
)
takeRealTimersAway()

parentPort!.on("message", ({ id, runs }: Job) => {
  const outcomes: Array<Outcome> = []
  for (const { seed, swept } of runs) {
    const outcome = simulate(seed, { 1: first, 2: second }, swept)
    outcomes.push(outcome)
    if (outcome.violation !== undefined) break
  }
  parentPort!.postMessage({ id, outcomes } satisfies Answer)
})
