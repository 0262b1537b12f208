import type { Outcome, Releases, SweptStrike } from "./Run.ts"
import { Run } from "./Run.ts"
import { scenarioOf } from "./Scenario.ts"

/** Runs one seed; `swept`: without its own strikes, but with this one. */
export const simulate = (seed: number, releases: Releases, swept?: SweptStrike | "calm"): Outcome =>
  new Run(scenarioOf(seed, swept !== undefined), releases, swept === "calm" ? undefined : swept).play()
