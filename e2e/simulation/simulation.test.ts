import { describe, expect, it } from "vitest"
import { makeBundles } from "./bundles.ts"
import { applies, sweptStrikes } from "./faults.ts"
import { guards, mutants } from "./mutants.ts"
import type { Outcome } from "./Run.ts"
import { fewestBatches, strikePairs } from "./Scenario.ts"
import { sweepOf } from "./sweep.ts"
import type { Finished, Task } from "./WorkerPool.ts"
import { WorkerPool } from "./WorkerPool.ts"
import { decoderOf } from "./Writer.ts"

/* A few seeds; `npm run simulation` runs many. */

const editsOf = (name: string) => mutants.flatMap((mutant) => (mutant.name === name ? mutant.edits : []))

/** The outcomes of tasks, in the tasks' order. */
const outcomesOf = async (
  workers: number,
  tasks: ReadonlyArray<Task>,
  without: string | undefined = undefined
): Promise<ReadonlyArray<Outcome>> => {
  const bundles = await makeBundles("test", without === undefined ? [] : editsOf(without))
  const pool = new WorkerPool(workers, bundles.worker, bundles)
  const finished: Array<Finished> = []
  try {
    await pool.run(tasks, (one) => finished.push(one))
  } finally {
    await pool.close()
    bundles.remove()
  }
  return finished.sort((a, b) => tasks.indexOf(a.task) - tasks.indexOf(b.task)).map(({ outcome }) => outcome)
}

const seeds = (from: number, count: number): ReadonlyArray<Task> =>
  Array.from({ length: count }, (_, index) => ({ seed: from + index }))

describe("the simulation", () => {
  it("replays a seed to the last step, in whatever thread and order", async () => {
    const tasks = seeds(1, 30)
    const forth = await outcomesOf(1, tasks)
    const back = await outcomesOf(2, [...tasks].reverse())
    expect(forth.map(({ hash }) => hash)).toEqual([...back].reverse().map(({ hash }) => hash))
    expect(new Set(forth.map(({ hash }) => hash)).size).toBe(tasks.length)
    for (const { batches, violation, writers } of forth) {
      expect(violation).toBe(undefined)
      expect(batches).toBeGreaterThanOrEqual(fewestBatches)
      expect(writers).toBeGreaterThanOrEqual(2)
    }
  })

  it("replays a violation, and stops there", async () => {
    const [first, ...others] = await outcomesOf(1, seeds(0, 20), "open tail skipped").then((outcomes) =>
      outcomes.filter(({ violation }) => violation !== undefined)
    )
    expect(others).toEqual([])
    expect(first.violation?.invariant).toBe("whatIsClosedIsComplete")
    expect(first.tail[first.tail.length - 2]).toContain("VIOLATION of whatIsClosedIsComplete")
  })

  it("strikes every call of a writer in a sweep", async () => {
    const bundles = await makeBundles("sweep", [])
    const pool = new WorkerPool(1, bundles.worker, bundles)
    try {
      const calm: Array<Finished> = []
      const tasks = await sweepOf(3, pool, (one) => calm.push(one))
      const { calls } = calm[0].outcome
      const wanted = calls.flatMap((step, call) =>
        sweptStrikes
          .filter((fault) => applies(step, fault))
          .map((fault) => ({ seed: 3, swept: { call, fault } }))
      )
      expect(calls.length).toBeGreaterThan(30)
      expect(tasks).toEqual(wanted)
      // Up to the call that it strikes, a run is the calm one.
      const struck = tasks[tasks.length >> 1]
      const after: Array<Finished> = []
      await pool.run([struck], (one) => after.push(one))
      const at = struck.swept === undefined || struck.swept === "calm" ? 0 : struck.swept.call
      expect(after[0].outcome.calls.slice(0, at + 1)).toEqual(calls.slice(0, at + 1))
    } finally {
      await pool.close()
      bundles.remove()
    }
  })

  it("aims at each pair of step and fault", () => {
    expect(new Set(strikePairs.map((pair) => pair.join())).size).toBe(strikePairs.length)
    for (const { aim } of mutants)
      if (aim !== undefined)
        expect(strikePairs.some(([step, fault]) => step === aim[0] && fault === aim[1])).toBe(true)
  })
})

describe("a mutant", () => {
  it("is there for each guard", () => {
    expect(guards.filter((guard) => !mutants.some((mutant) => mutant.guard === guard))).toEqual([])
  })

  const find = `export const decoderVersion = ${decoderOf(1)}`
  const module = "libs/domain/src/Decoder.ts"

  it("is refused when its text is not there, or not once, or in no module of the bundle", async () => {
    const made = (find: string, module: string) =>
      makeBundles("refused", [{ module, find, replace: "" }]).then(({ remove }) => remove())
    await expect(made("no such text", module)).rejects.toThrow("has 0 times, not once: no such text")
    await expect(made("decoder", module)).rejects.toThrow("times, not once")
    await expect(made(find, "libs/domain/src/Topic.ts")).rejects.toThrow("has 0 times")
    await expect(made("x", "e2e/musify.ts")).rejects.toThrow(
      "e2e/simulation/worker.ts does not use e2e/musify.ts"
    )
  })

  it("changes what is judged or what judges, never both", async () => {
    const names = mutants.map(({ name }) => name)
    expect(new Set(names).size).toBe(names.length)
    for (const { edits } of mutants) {
      const bundles = await makeBundles("each", edits)
      bundles.remove()
      expect(new Set(edits.map(({ module }) => module.startsWith("e2e/"))).size).toBe(1)
    }
  })
})
