import { atFivePast, type BatchRhythm, defaultBatchOptions } from "@musify/batcher/BatchOptions.ts"
import { watchBatches } from "@musify/batcher/runBatch.ts"
import { serveDashboard } from "@musify/dashboard/server.ts"
import type { Topic } from "@musify/domain/Topic.ts"
import { ingest } from "@musify/ingestor/ingest.ts"
import { DataFolder } from "@musify/runtime/DataFolder.ts"
import { Progress } from "@musify/runtime/Progress.ts"
import { parseDuration } from "@musify/runtime/setting.ts"
import { UserError } from "@musify/runtime/UserError.ts"
import { liveBatchMs } from "@musify/simulator/command.ts"
import type { ResolvedSimulation } from "@musify/simulator/resolveSettings.ts"
import { simulate } from "@musify/simulator/simulate.ts"
import { current } from "@musify/warehouse/Published.ts"
import { Console, Deferred, Duration, Effect, Either, Option, Schedule } from "effect"
import { keepPace } from "./keepPace.ts"
import type { UpOptions } from "./UpOptions.ts"

const realRoll = Duration.seconds(5)
const realEvery = Duration.seconds(10)

/** While history is made: small micro-batches and builds in quick succession, so that the first charts come early. */
const historyRows = 10_000
const historyEvery = Duration.seconds(2)
/** Events after which the history waits for the first build, and how long at most. */
const firstBuildEvents = 100_000
const longestFirstBuild = Duration.seconds(10)

interface Rhythm {
  readonly roll: Duration.Duration
  readonly batch: BatchRhythm
  readonly text: string
}

const span = (name: string, text: string): Effect.Effect<Duration.Duration, UserError> =>
  Either.match(parseDuration(text), {
    onRight: Effect.succeed,
    onLeft: (expected) =>
      Effect.fail(
        new UserError({
          message: `--${name} is ${JSON.stringify(text)}: ${expected} was expected.`,
          exitCode: 2
        })
      )
  })

/** The rhythm of ingestor and batcher in clock time. The defaults are short in real time, whatever the speed. */
export const rhythmOf = (options: Pick<UpOptions, "production" | "roll" | "every" | "speed">) =>
  Effect.gen(function* () {
    const scaled = (real: Duration.Duration) => Duration.times(real, options.speed)
    const roll =
      options.roll !== undefined
        ? yield* span("roll", options.roll)
        : options.production
          ? Duration.minutes(2)
          : scaled(realRoll)
    const every = options.every === undefined ? undefined : yield* span("every", options.every)
    const hourly = every === undefined && options.production
    const pause = every ?? scaled(realEvery)
    return {
      roll,
      batch: hourly ? atFivePast : { every: pause },
      text:
        `micro-batches every ${Duration.format(roll)}, hours built ` +
        (hourly ? "at five past" : `every ${Duration.format(pause)}`) +
        (options.speed === 1 ? "" : ` of a clock ${options.speed} times as fast`)
    } satisfies Rhythm
  })

/** Starts a part again, with growing pauses, after a failure that waiting may mend; others end the program. */
const supervised = <A, E extends { readonly _tag: string; readonly message: string }, R>(
  name: string,
  part: Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> =>
  part.pipe(
    Effect.tapError(({ message }) => Effect.flatMap(Progress, ({ say }) => say(`${name}: ${message}`))),
    Effect.retry({
      while: (error) => "retryable" in error && error.retryable === true,
      schedule: Schedule.exponential("500 millis").pipe(Schedule.union(Schedule.spaced("10 seconds")))
    })
  )

/**
 * Everything at once, until it is stopped: the dashboard from the start on, the history as fast as possible, then live.
 * Simulator, ingestor, batcher and dashboard are fibers of one scope, each supervised; they share nothing but the log,
 * the bucket and what is published.
 */
export const upLive = (
  options: UpOptions,
  resolved: ResolvedSimulation,
  foreign: (topic: Topic, partition: number) => number
) =>
  Effect.gen(function* () {
    const folder = yield* DataFolder
    const progress = yield* Progress
    const rhythm = yield* rhythmOf(options)
    const { port } = yield* serveDashboard({
      port: options.port,
      host: options.host,
      published: folder.published
    })
    const url = `http://${options.host}:${port}/`
    yield* options.json
      ? Console.log(JSON.stringify({ url, port, data: folder.root }))
      : Console.log(`Dashboard: ${url} (it fills while the history is made)`)

    let historyDone = false
    const pace = keepPace(options.speed)
    const firstBuild = yield* Deferred.make<void>()
    if (Option.isSome(yield* current(folder.published))) yield* Deferred.succeed(firstBuild, undefined)
    // In one process a build has to share the event loop: the history waits once, so that there is something to see.
    const firstCharts = Deferred.await(firstBuild).pipe(
      Effect.timeoutOption(Duration.times(longestFirstBuild, options.speed))
    )
    const simulator = simulate({
      ...resolved,
      live: true,
      ...(resolved.end === undefined ? {} : { end: resolved.end }),
      liveIntervalMs: liveBatchMs * options.speed,
      foreign,
      onProgress: ({ events, share }) =>
        Effect.gen(function* () {
          if (historyDone) return
          if (share < 1) {
            yield* progress.report("history", {
              done: events,
              ...(share > 0 ? { total: Math.round(events / share) } : {}),
              unit: "events"
            })
            yield* pace
            if (events > firstBuildEvents) yield* firstCharts
            return
          }
          historyDone = true
          yield* progress.finish("history")
          yield* progress.say(`The simulation is live: ${rhythm.text}. Ctrl-C stops it.`)
        })
    })
    const ingestor = ingest({ roll: rhythm.roll, rows: historyRows })
    const batcher = watchBatches({
      ...defaultBatchOptions,
      rhythm: () => (historyDone ? rhythm.batch : { every: Duration.times(historyEvery, options.speed) }),
      onProgress: ({ hoursBuilt, hoursLeft }) =>
        hoursLeft === 0
          ? Effect.void
          : progress.report("build", { done: hoursBuilt, total: hoursBuilt + hoursLeft, unit: "hours" }),
      onBatch: (summary) =>
        Effect.gen(function* () {
          if (summary.hours > 0) yield* Deferred.succeed(firstBuild, undefined)
          if (summary.hours > 1) {
            const through = new Date(summary.through ?? 0).toISOString()
            yield* progress.say(`${summary.hours} hours built; data through ${through}`)
          }
        }),
      onTrouble: (message) => progress.say(`The build failed and will be tried again: ${message}`)
    })

    yield* Effect.all(
      [
        supervised("simulator", simulator),
        supervised("ingestor", ingestor),
        supervised("batcher", batcher),
        Effect.never
      ],
      { concurrency: "unbounded", discard: true }
    )
  })
