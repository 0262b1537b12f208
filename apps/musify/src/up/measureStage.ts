import { Clock, Duration, Effect, Fiber } from "effect"
import process from "node:process"

/** What a stage of `up --once` did and cost. */
export interface StageReport {
  readonly stage: string
  readonly events: number
  /** Real seconds from begin to end. */
  readonly wall_s: number
  /** CPU seconds of the whole process, all threads. */
  readonly cpu_s: number
  /** Greatest resident memory seen during the stage (sampled every 50 ms), MiB. */
  readonly peak_rss_mib: number
}

const realClock = Clock.make()
const seconds = (micros: number) => Math.round(micros / 1e4) / 100

/** Runs a stage and measures it in real time, whatever the pipeline's clock says; `events` counts what it did. */
export const measureStage = <A, E, R>(
  stage: string,
  events: (result: A) => number,
  effect: Effect.Effect<A, E, R>
): Effect.Effect<readonly [A, StageReport], E, R> =>
  Effect.gen(function* () {
    let peak = process.memoryUsage.rss()
    const sample = Effect.sync(() => {
      peak = Math.max(peak, process.memoryUsage.rss())
    })
    const sampler = yield* Effect.fork(
      Effect.forever(Effect.zipRight(realClock.sleep(Duration.millis(50)), sample))
    )
    const cpuBefore = process.cpuUsage()
    const before = realClock.unsafeCurrentTimeMillis()
    const result = yield* effect
    const wall = realClock.unsafeCurrentTimeMillis() - before
    const cpu = process.cpuUsage(cpuBefore)
    yield* sample
    yield* Fiber.interrupt(sampler)
    const report: StageReport = {
      stage,
      events: events(result),
      wall_s: seconds(wall * 1000),
      cpu_s: seconds(cpu.user + cpu.system),
      peak_rss_mib: Math.round(peak / 2 ** 20)
    }
    return [result, report] as const
  })
