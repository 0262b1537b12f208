import { Worker } from "node:worker_threads"
import type { Outcome, SweptStrike } from "./Run.ts"
import type { Answer, Job, WorkerData } from "./worker.ts"

/** One run: a seed, and for sweeps what strikes it. */
export interface Task {
  readonly seed: number
  readonly swept?: SweptStrike | "calm"
}

export interface Finished {
  readonly task: Task
  readonly outcome: Outcome
}

const tasksPerJob = 20
/** Young objects die young in a run: with room for those of several runs fewer are copied. */
const youngMib = 192

/** Threads that run seeds. */
export class WorkerPool {
  private readonly workers: ReadonlyArray<Worker>

  /** `program`: path of the bundled worker. */
  constructor(count: number, program: string, { releases }: WorkerData) {
    this.workers = Array.from(
      { length: count },
      () =>
        new Worker(program, {
          workerData: { releases } satisfies WorkerData,
          resourceLimits: { maxYoungGenerationSizeMb: youngMib }
        })
    )
  }

  /**
   * Runs tasks in order and tells of each; after the first violation those that were not begun are left out. Rejects when
   * a worker fails.
   */
  run(tasks: Iterable<Task>, onFinished: (finished: Finished) => void): Promise<void> {
    const left = tasks[Symbol.iterator]()
    let isStopped = false
    const next = (): ReadonlyArray<Task> => {
      const taken: Array<Task> = []
      while (!isStopped && taken.length < tasksPerJob) {
        const { done, value } = left.next()
        if (done === true) break
        taken.push(value)
      }
      return taken
    }
    const serve = (worker: Worker, id: number) =>
      new Promise<void>((resolve, reject) => {
        let runs: ReadonlyArray<Task> = []
        const ask = () => {
          runs = next()
          if (runs.length > 0) return worker.postMessage({ id, runs } satisfies Job)
          worker.off("error", reject).off("exit", ended).off("message", answered)
          resolve()
        }
        const ended = () => reject(new Error("A worker of the simulation ended."))
        const answered = ({ outcomes }: Answer) => {
          for (const [index, outcome] of outcomes.entries()) {
            if (outcome.violation !== undefined) isStopped = true
            onFinished({ task: runs[index], outcome })
          }
          ask()
        }
        worker.on("error", reject).on("exit", ended).on("message", answered)
        ask()
      })
    return Promise.all(this.workers.map(serve)).then(() => undefined)
  }

  async close(): Promise<void> {
    await Promise.all(this.workers.map((worker) => worker.terminate()))
  }
}
