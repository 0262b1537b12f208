import { Scheduler } from "effect"

/** How long fibers may run, real ms, before timers, sockets and files have their turn. */
const longestTurnMs = 5

/**
 * Effect's scheduler, but for one thing: work that never waits cannot keep the event loop from turning. Effect's own
 * turns it after 2,048 rounds of tasks, which is many seconds when each round decodes some megabytes; meanwhile no
 * heartbeat is sent, no timer runs, and nothing that was written comes back.
 */
export class FairScheduler implements Scheduler.Scheduler {
  private readonly tasks = new Scheduler.PriorityBuckets()
  private running = false
  private turnedAt = 0
  private readonly now: () => number

  constructor(now: () => number = () => performance.now()) {
    this.now = now
  }

  private readonly run = (): void => {
    const { buckets } = this.tasks
    this.tasks.buckets = []
    for (const [, tasks] of buckets) for (const task of tasks) task()
    if (this.tasks.buckets.length === 0) this.running = false
    else this.continue()
  }

  private readonly turn = (): void => {
    this.turnedAt = this.now()
    this.run()
  }

  private continue(): void {
    if (this.now() - this.turnedAt > longestTurnMs) setImmediate(this.turn)
    else void Promise.resolve().then(this.run)
  }

  scheduleTask(task: () => void, priority: number): void {
    this.tasks.scheduleTask(task, priority)
    if (this.running) return
    this.running = true
    this.continue()
  }

  shouldYield: Scheduler.Scheduler["shouldYield"] = Scheduler.defaultShouldYield
}
