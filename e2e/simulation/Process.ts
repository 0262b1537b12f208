import type { Duration, Fiber, Scheduler } from "effect"
import { Clock, Duration as Durations, Effect, FiberId, Random, Runtime, RuntimeFlags } from "effect"
import type { Timeline } from "./Timeline.ts"

/** Without the counts of fibers that Effect keeps for each process. */
const plainRuntime = Runtime.disableRuntimeFlag(Runtime.defaultRuntime, RuntimeFlags.RuntimeMetrics)

/**
 * One operating-system process: everything that runs in it goes through its queue, so it can be killed (nothing of it
 * runs any more, not even a finalizer), stopped for a while (as SIGSTOP does) and asked to end (as SIGTERM does). Within
 * it tasks run in the order of Effect's own scheduler; only what comes from outside, through `deliver`, is for the seed.
 */
export class Process implements Scheduler.Scheduler {
  readonly name: string
  state: "running" | "paused" | "dead" = "running"
  readonly clock: Clock.Clock
  private readonly random: Random.Random
  private readonly timeline: Timeline
  private tasks: Array<() => void> = []
  private done = 0
  private isDraining = false
  private fiber: Fiber.RuntimeFiber<unknown, unknown> | undefined

  /** `skewMs`: how far its clock is ahead of the true time; `seed`: of its random numbers. */
  constructor(name: string, timeline: Timeline, skewMs: number, seed: number) {
    this.name = name
    this.random = Random.make(seed)
    this.timeline = timeline
    const now = () => Math.floor(timeline.now + skewMs)
    this.clock = {
      [Clock.ClockTypeId]: Clock.ClockTypeId,
      unsafeCurrentTimeMillis: now,
      unsafeCurrentTimeNanos: () => BigInt(now()) * 1_000_000n,
      currentTimeMillis: Effect.sync(now),
      currentTimeNanos: Effect.sync(() => BigInt(now()) * 1_000_000n),
      sleep: (duration: Duration.Duration) => this.sleep(Durations.toMillis(duration))
    }
  }

  private sleep(ms: number): Effect.Effect<void> {
    return Effect.async<void>((resume) => {
      if (!Number.isFinite(ms)) return
      const appointment = this.timeline.after(ms, () => this.deliver(() => resume(Effect.void)))
      return Effect.sync(() => void (appointment.run = undefined))
    })
  }

  /** Runs `program` in this process; `ended` hears of its end, unless the process is killed. */
  start<A, E>(program: Effect.Effect<A, E>, ended: (exit: Fiber.RuntimeFiber<A, E>) => void): void {
    const fiber = Runtime.runFork(plainRuntime)(
      program.pipe(Effect.withClock(this.clock), Effect.withRandom(this.random)),
      { scheduler: this }
    )
    this.fiber = fiber
    fiber.addObserver(() => ended(fiber))
    this.drain()
  }

  shouldYield(): false {
    return false
  }

  scheduleTask(task: () => void): void {
    this.tasks.push(task)
  }

  /** Something from outside arrives: an answer, a timer. A paused process gets it when it goes on, a dead one never. */
  deliver(arrive: () => void): void {
    if (this.state === "dead") return
    this.tasks.push(arrive)
    this.drain()
  }

  private drain(): void {
    if (this.isDraining) return
    this.isDraining = true
    while (this.state === "running" && this.done < this.tasks.length) this.tasks[this.done++]()
    if (this.state === "dead" || this.done === this.tasks.length) {
      this.tasks = []
      this.done = 0
    }
    this.isDraining = false
  }

  kill(): void {
    this.state = "dead"
    this.fiber = undefined
    if (!this.isDraining) this.tasks = []
  }

  pause(): void {
    if (this.state === "running") this.state = "paused"
  }

  resume(): void {
    if (this.state !== "paused") return
    this.state = "running"
    this.drain()
  }

  /** Asks it to end. */
  stop(): void {
    this.deliver(() => this.fiber?.unsafeInterruptAsFork(FiberId.none))
  }
}
