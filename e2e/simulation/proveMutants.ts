import { makeBundles } from "./bundles.ts"
import type { Mutant } from "./mutants.ts"
import { mutants } from "./mutants.ts"
import type { Finished } from "./WorkerPool.ts"
import { WorkerPool } from "./WorkerPool.ts"

/** How a mutant was noticed; `caughtBy` undefined: not at all. */
export interface Proof {
  readonly name: string
  readonly caughtBy: string | undefined
  /** Seeds that were run until then, and the one that noticed it. */
  readonly seeds: number
  readonly seed: number | undefined
}

/** Seeds that a mutant is given to be noticed. */
export const seedsPerMutant = 3000

const prove = async (mutant: Mutant, index: number): Promise<Proof> => {
  const bundles = await makeBundles(`mutant-${index}`, [mutant])
  const pool = new WorkerPool(1, bundles.worker, bundles)
  let seeds = 0
  let caught: Finished | undefined
  try {
    const tasks = Array.from({ length: seedsPerMutant }, (_, seed) => ({ seed }))
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

/** Runs each mutant from seed 0 on until an invariant notices it, several mutants at a time. */
export const proveMutants = async (
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
          : `mutant "${proof.name}" was noticed by ${proof.caughtBy}, at seed ${proof.seed}`
      )
    }
  }
  await Promise.all(Array.from({ length: atATime }, serve))
  return proofs
}
