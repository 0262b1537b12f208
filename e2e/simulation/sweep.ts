import { applies, sweptStrikes } from "./faults.ts"
import type { Finished, Task, WorkerPool } from "./WorkerPool.ts"

/** Every fault at every call of the first writer of a seed's scenario, one run each; the calls are counted by a run. */
export const sweepOf = async (
  seed: number,
  pool: WorkerPool,
  onFinished: (finished: Finished) => void
): Promise<ReadonlyArray<Task>> => {
  const tasks: Array<Task> = []
  await pool.run([{ seed, swept: "calm" }], (finished) => {
    for (const [call, step] of finished.outcome.calls.entries())
      for (const fault of sweptStrikes) if (applies(step, fault)) tasks.push({ seed, swept: { call, fault } })
    onFinished(finished)
  })
  return tasks
}
