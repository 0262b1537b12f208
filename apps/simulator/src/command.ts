import { Args, Command } from "@effect/cli"
import { layerProgress, Progress } from "@musify/runtime/Progress.ts"
import { serving } from "@musify/runtime/runMain.ts"
import { layerScaledClock } from "@musify/runtime/ScaledClock.ts"
import { dataOption, jsonOption, setting } from "@musify/runtime/setting.ts"
import { UserError } from "@musify/runtime/UserError.ts"
import { logOptions, type LogSettings, resolveLogSettings } from "@musify/stream/logSettings.ts"
import { Clock, Console, Effect, Either, Layer, Option } from "effect"
import type { EventSink } from "./EventSink.ts"
import { eventsimInstead, eventsimOptions, eventsimSettings } from "./eventsimOptions.ts"
import { resolveFaultsFreely } from "./faults/resolveFaults.ts"
import { help } from "./help.ts"
import { type ResolvedSimulation, resolveFreely, type SimulationSettings } from "./resolveSettings.ts"
import { simulateInto } from "./simulate.ts"
import { simulationOptions } from "./simulationOptions.ts"
import { intoFolder } from "./sinks/folderOutput.ts"
import { nullSink } from "./sinks/nullSink.ts"
import { type Output, compressionChoices, parseOutput } from "./sinks/Output.ts"
import { stdoutSink } from "./sinks/stdoutSink.ts"
import { summaryText } from "./summaryText.ts"
import { parsePart } from "./workers/Slice.ts"

const options = {
  ...simulationOptions,
  ...eventsimOptions,
  ...logOptions,
  data: dataOption,
  json: jsonOption,
  output: setting.optionalText("output", {
    description:
      "Where events go: log (the data folder's, or Kafka by --log), kafka, ndjson:DIR (a file per topic), parquet:DIR (files by topic and hour), stdout (one line per event) or null (to measure). Default: log."
  }),
  compression: setting.optionalChoice("compression", compressionChoices, {
    description: "Of the files of ndjson:DIR. Default: none."
  }),
  overwrite: setting.boolean("overwrite", {
    description: "Replace what an output folder holds instead of going on with it."
  }),
  partitions: setting.optionalInteger("partitions", {
    min: 1,
    max: 1000,
    description: "Partitions per topic of a new log. Default: 2, in Kafka 4."
  }),
  speed: setting.number("speed", { default: 1, min: 0.001, description: "How fast the clock runs." }),
  continuous: setting.boolean("continuous", {
    alias: "live",
    negation: "nocontinuous",
    description:
      "After the history follow the clock, until --end or for ever. Default for the log without --end."
  }),
  once: setting.boolean("once", { description: "Write the history and end." }),
  workers: setting.integer("workers", {
    default: 1,
    min: 1,
    max: 256,
    description:
      "Threads that simulate, each a part of the listeners. The events are the same for any number."
  }),
  shard: setting.optionalText("shard", {
    description:
      "Simulate only part i of n of the listeners (2/4): n machines that each take one make together what one makes of all."
  }),
  sample: setting.optionalInteger("sample", {
    min: 1,
    description: "Print the first events, this many, and end; nothing is stored."
  })
}

const folderArgument = Args.text({ name: "output-dir" }).pipe(
  Args.withDescription(
    "As in Eventsim: a folder for files of lines named listen_events, page_view_events, auth_events and status_change_events."
  ),
  Args.optional
)

/** Real milliseconds between two live batches. */
export const liveBatchMs = 500

const wrong = (message: string) => new UserError({ message, exitCode: 2 })

interface Run {
  readonly output: Output
  readonly settings: SimulationSettings
  readonly live: boolean
  readonly speed: number
  readonly workers: number
  readonly json: boolean
}

/** Simulates into a sink: progress on the way, a summary at the end. */
const run =
  ({ json, live, output, speed, workers }: Run) =>
  <E>(sink: EventSink<E>, resolved: ResolvedSimulation) =>
    Effect.gen(function* () {
      const progress = yield* Progress
      const now = yield* Clock.currentTimeMillis
      let historyDone = false
      const summary = yield* simulateInto(sink, {
        ...resolved,
        workers,
        until: live ? Math.min(resolved.until, now) : resolved.until,
        live,
        liveIntervalMs: liveBatchMs * speed,
        onProgress: ({ events, share, simulatedTime }) =>
          Effect.gen(function* () {
            if (historyDone) return
            const total = share > 0 && share < 1 ? { total: Math.round(events / share) } : {}
            yield* progress.report("simulate", { done: events, ...total, unit: "events", at: simulatedTime })
            if (!live || share < 1) return
            historyDone = true
            yield* progress.finish("simulate")
            yield* progress.say("The simulation is live. Ctrl-C stops it.")
          })
      })
      if (!historyDone) yield* progress.finish("simulate")
      const text = json
        ? JSON.stringify({ ...summary, refusedSongs: resolved.refusedSongs })
        : summaryText(summary)
      // The standard output may be full of events.
      yield* output.kind === "stdout" ? Console.error(text) : Console.log(text)
    })

/** Opens the output, decides the settings that it leaves open, and runs. */
const into = (
  given: Run & {
    readonly data: string
    readonly partitions: number | undefined
    readonly overwrite: boolean
    readonly sample: number | undefined
    readonly log: LogSettings
  }
) => {
  const { output, settings } = given
  const freely = Effect.all({
    resolved: resolveFreely(settings),
    faults: resolveFaultsFreely(settings, undefined)
  }).pipe(Effect.map(({ faults, resolved }): ResolvedSimulation => ({ ...resolved, faults })))
  switch (output.kind) {
    case "log":
    case "kafka":
      if (given.log.kind === "kafka") {
        const { kafka } = given.log
        return Effect.flatMap(
          Effect.promise(() => import("./sinks/kafkaOutput.ts")),
          ({ intoKafka }) => intoKafka({ ...given, kafka }, run(given))
        )
      }
      return Effect.flatMap(
        Effect.tryPromise({
          try: () => import("./sinks/logOutput.ts"),
          // A package with native code, which is not there for every platform.
          catch: (cause) =>
            new UserError({
              message: `The log cannot be used here: ${cause instanceof Error ? cause.message.split("\n")[0] : String(cause)}. Install the package lmdb, or write elsewhere: --output ndjson:DIR.`,
              exitCode: 3
            })
        }),
        ({ intoLog }) => intoLog(given, run(given))
      )
    case "null":
      return Effect.flatMap(freely, (resolved) => run(given)(nullSink, resolved))
    case "stdout":
      return Effect.flatMap(freely, (resolved) => run(given)(stdoutSink(given.sample), resolved)).pipe(
        Effect.catchTag("SampleComplete", () => Effect.void)
      )
    default:
      return intoFolder({ ...given, output }, run(given))
  }
}

/** `musify simulate`: a music service's listeners as events. */
export const command = Command.make("simulate", { ...options, folder: folderArgument }, (given) =>
  Effect.gen(function* () {
    const instead = eventsimInstead(given)
    if (instead !== undefined) return yield* wrong(instead)
    if (given.once && given.continuous) {
      return yield* wrong("--once and --continuous exclude each other: give one of them.")
    }
    const asked = given.output ?? (given.kafkaBrokerList === undefined ? undefined : "kafka")
    const parsed = parseOutput({
      output: given.sample === undefined ? asked : "stdout",
      compression: given.compression,
      folder: Option.getOrUndefined(given.folder)
    })
    if (Either.isLeft(parsed)) return yield* wrong(parsed.left)
    const output = parsed.right
    const shard = given.shard === undefined ? undefined : parsePart(given.shard)
    if (given.shard !== undefined && shard === undefined) {
      return yield* wrong(
        `The option --shard is "${given.shard}": a part and their number like 1/4 were expected, the part from 1 to the number.`
      )
    }
    const settings = { ...given, ...eventsimSettings(given), shard }
    const isLog = output.kind === "log" || output.kind === "kafka"
    const log: LogSettings = isLog
      ? yield* resolveLogSettings(
          {
            ...given,
            log: output.kind === "kafka" ? "kafka" : given.log,
            kafkaBrokers: given.kafkaBrokers ?? given.kafkaBrokerList
          },
          given.partitions
        )
      : { kind: "lmdb" }
    // Eventsim follows the clock only when it is told to.
    const follows = isLog && given.kafkaBrokerList === undefined && !given.once && settings.end === undefined
    const live = given.sample === undefined && (given.continuous || follows)
    const program = into({ ...given, output, settings, live, log })
    yield* live ? serving(program) : program
  }).pipe(
    Effect.provide(given.json || given.sample !== undefined ? Layer.empty : layerProgress),
    Effect.provide(layerScaledClock(given.speed))
  )
).pipe(Command.withDescription(help("musify simulate")))
