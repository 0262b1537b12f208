import { makeBundles } from "./bundles.ts"
import type { Mutant } from "./mutants.ts"
import type { Finished } from "./WorkerPool.ts"
import { strikePairs } from "./Scenario.ts"
import { WorkerPool } from "./WorkerPool.ts"

/** How a mutant was noticed; `caughtBy` undefined: not at all. */
export interface Proof {
  readonly name: string
  readonly caughtBy: string | undefined
  /** Seeds that were tried until then, and the one that noticed it. */
  readonly seeds: number
  readonly seed: number | undefined
}

/** Seeds that a mutant is given to be noticed. */
const seedsPerMutant = 600

const seedsFor = ({ aim }: Mutant): ReadonlyArray<number> => {
  const pair = strikePairs.findIndex(([step, fault]) => step === aim?.[0] && fault === aim[1])
  return Array.from({ length: seedsPerMutant }, (_, index) =>
    pair < 0 ? index : pair + index * strikePairs.length
  )
}

const prove = async (mutant: Mutant, index: number): Promise<Proof> => {
  const bundles = await makeBundles(`mutant-${index}`, mutant.edits)
  const pool = new WorkerPool(1, bundles.worker, bundles)
  let seeds = 0
  let caught: Finished | undefined
  try {
    const tasks = seedsFor(mutant).map((seed) => ({ seed }))
    await pool.run(tasks, (finished) => {
      seeds++
      if (finished.outcome.violation !== undefined) caught ??= finished
    })
  } finally {
    await pool.close()
    bundles.remove()
  }
  return {
    name: mutant.name,
    caughtBy: caught?.outcome.violation?.invariant,
    seeds,
    seed: caught?.task.seed
  }
}

/** Runs each mutant until an invariant notices it, several mutants at a time. */
export const proveMutants = async (
  mutants: ReadonlyArray<Mutant>,
  atATime: number,
  say: (line: string) => void
): Promise<ReadonlyArray<Proof>> => {
  const proofs: Array<Proof> = []
  let next = 0
  const serve = async () => {
    while (next < mutants.length) {
      const index = next++
      const proof = await prove(mutants[index], index)
      proofs[index] = proof
      say(
        proof.caughtBy === undefined
          ? `mutant "${proof.name}" was not noticed by ${proof.seeds} seeds`
          : `mutant "${proof.name}" was noticed by ${proof.caughtBy} after ${proof.seeds} seeds, at seed ${proof.seed}`
      )
    }
  }
  await Promise.all(Array.from({ length: atATime }, serve))
  return proofs
}
