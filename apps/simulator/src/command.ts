import { Command } from "@effect/cli"
import { topics } from "@musify/domain/Topic.ts"
import { layer as layerLocalDirectory } from "@musify/lake/LocalDirectoryObjectStore.ts"
import { DataFolder, layerDataFolder } from "@musify/runtime/DataFolder.ts"
import { layerProgress, Progress } from "@musify/runtime/Progress.ts"
import { serving } from "@musify/runtime/runMain.ts"
import { layerScaledClock } from "@musify/runtime/ScaledClock.ts"
import { dataOption, jsonOption, setting } from "@musify/runtime/setting.ts"
import { UserError } from "@musify/runtime/UserError.ts"
import { layer as layerLmdbEventLog } from "@musify/stream/LmdbEventLog.ts"
import { Clock, Console, Effect, Layer } from "effect"
import { join } from "node:path"
import { type EventSink, logSink, ndjsonSink, nullSink, producerRole } from "./EventSink.ts"
import { faultOptions, resolveFaultsFreely } from "./faults/resolveFaults.ts"
import { replayedRecords } from "./ReplayJournal.ts"
import { type ResolvedSimulation, resolveFreely, resolveSimulation } from "./resolveSimulation.ts"
import { simulateInto, type SimulateSummary } from "./simulate.ts"

/** Options that say what is simulated; `up` has them too. */
export const simulationOptions = {
  days: setting.optionalInteger("days", {
    min: 0,
    description: "The history begins this many full UTC days before today. Default: 14."
  }),
  start: setting.optionalTime("start", { description: "Begin of the history (UTC), instead of --days." }),
  end: setting.optionalTime("end", { description: "End of the simulation (UTC). Default: now, then live." }),
  users: setting.optionalInteger("users", { min: 1, description: "Listeners at the start. Default: 10000." }),
  seed: setting.optionalInteger("seed", {
    description: "Seed of all randomness. Default: the config's, or 1."
  }),
  songs: setting.optionalText("songs", {
    description:
      "Song catalog: the Million Song data set's .h5 files (folder or .tar.gz), track_metadata.db or songs.csv, or Eventsim's listen_counts.txt(.gz). Default: 10,000 generated songs."
  }),
  similarSongs: setting.optionalText("similar-songs", {
    description:
      "Eventsim's similar_songs.csv(.gz): after a song that it names, one of its similar songs is played. Default: any song."
  }),
  config: setting.optionalText("config", {
    description: "Config file in Eventsim's format. Default: a built-in one."
  }),
  growthRate: setting.optionalNumber("growth-rate", {
    min: 0,
    description: "Growth of the number of listeners per year (0.01 = 1 %). Default: the config's."
  }),
  attritionRate: setting.optionalNumber("attrition-rate", {
    min: 0,
    description: "Share of listeners that leaves per year. Default: the config's."
  }),
  tag: setting.optionalText("tag", { description: "A/B group, written with every known user." }),
  localTime: setting.boolean("local-time", {
    description: "Daily rhythm and weekends by the listeners' own clocks instead of UTC."
  }),
  eventsimCompatible: setting.boolean("eventsim-compatible", {
    description: "Eventsim's own behaviour where ours differs on purpose (docs/simulator/from-eventsim.md)."
  }),
  ...faultOptions
}

const options = {
  ...simulationOptions,
  data: dataOption,
  json: jsonOption,
  output: setting.text("output", {
    default: "log",
    description:
      "Where events go: log (the data folder's), ndjson:DIR (one file per topic), or null (to measure)."
  }),
  partitions: setting.optionalInteger("partitions", {
    min: 1,
    max: 1000,
    description: "Partitions per topic of a new log. Default: 2."
  }),
  speed: setting.number("speed", { default: 1, min: 0.001, description: "How fast the clock runs." }),
  live: setting.boolean("live", { description: "Follow the clock also where --end or --output would end." }),
  continuous: setting.boolean("continuous", { description: "The same as --live (Eventsim's name)." }),
  once: setting.boolean("once", { description: "Write the history and end." })
}

/** Real milliseconds between two live batches. */
export const liveBatchMs = 500

const wrong = (message: string) => new UserError({ message, exitCode: 2 })

/** `musify simulate`: a music service's listeners as events. */
export const command = Command.make("simulate", options, (given) => {
  const live =
    given.live || given.continuous || (given.output === "log" && !given.once && given.end === undefined)
  if (given.once && (given.live || given.continuous)) {
    return Effect.fail(wrong("--once and --live exclude each other: give one of them."))
  }
  const run = <E>(sink: EventSink<E>, resolved: ResolvedSimulation) =>
    Effect.gen(function* () {
      const progress = yield* Progress
      const now = yield* Clock.currentTimeMillis
      let historyDone = false
      const summary = yield* simulateInto(sink, {
        ...resolved,
        until: live ? Math.min(resolved.until, now) : resolved.until,
        live,
        liveIntervalMs: liveBatchMs * given.speed,
        onProgress: ({ events, share }) =>
          Effect.gen(function* () {
            if (historyDone) return
            const total = share > 0 && share < 1 ? { total: Math.round(events / share) } : {}
            yield* progress.report("simulate", { done: events, ...total, unit: "events" })
            if (!live || share < 1) return
            historyDone = true
            yield* progress.finish("simulate")
            yield* progress.say("The simulation is live. Ctrl-C stops it.")
          })
      })
      if (!historyDone) yield* progress.finish("simulate")
      const result = { ...summary, refusedSongs: resolved.refusedSongs }
      yield* Console.log(given.json ? JSON.stringify(result) : summaryText(summary))
    })

  const toLog = Effect.gen(function* () {
    const folder = yield* DataFolder
    yield* folder.lockRole(producerRole)
    const resolved = yield* resolveSimulation(live ? { ...given, end: undefined } : given)
    const partitions = given.partitions ?? Number((yield* folder.frozen("partitions")) ?? 2)
    yield* folder.freeze("partitions", String(partitions))
    const foreign = yield* replayedRecords(folder.root)
    yield* Effect.flatMap(logSink(foreign), (sink) =>
      run(sink, { ...resolved, end: given.end, until: Math.min(resolved.until, given.end ?? resolved.until) })
    ).pipe(Effect.provide(layerLmdbEventLog({ path: folder.log, partitions })))
  }).pipe(
    Effect.scoped,
    Effect.provide(
      Layer.unwrapEffect(Effect.map(DataFolder, ({ bucket }) => layerLocalDirectory({ directory: bucket })))
    ),
    Effect.provide(layerDataFolder(given.data))
  )
  /** Settings of an output that is no data folder; `manifest` is where its faults are written down. */
  const freely = (manifest: string | undefined) =>
    Effect.all({
      resolved: resolveFreely(given),
      faults: resolveFaultsFreely(given, manifest)
    }).pipe(Effect.map(({ faults, resolved }): ResolvedSimulation => ({ ...resolved, faults })))
  const elsewhere =
    given.output === "null"
      ? Effect.flatMap(freely(undefined), (resolved) => run(nullSink, resolved))
      : given.output.startsWith("ndjson:") && given.output.length > 7
        ? Effect.scoped(
            Effect.flatMap(freely(join(given.output.slice(7), "faults.parquet")), (resolved) =>
              Effect.flatMap(ndjsonSink(given.output.slice(7)), (sink) => run(sink, resolved))
            )
          )
        : Effect.fail(wrong(`The output (--output) is ${given.output}, expected log, ndjson:DIR or null.`))
  const program = given.output === "log" ? toLog : elsewhere
  return (live ? serving(program) : program).pipe(
    Effect.provide(given.json ? Layer.empty : layerProgress),
    Effect.provide(layerScaledClock(given.speed))
  )
}).pipe(
  Command.withDescription(
    [
      "Simulates the listeners of a music service by Eventsim's model: the history first, as fast as possible, then live.",
      "The same settings give the same events, so a run that was stopped goes on exactly where the log ends.",
      "",
      "Examples:",
      "  musify simulate                             14 days and today so far into the log, then live",
      "  musify simulate --once --days 3 --users 500 a small history",
      "  musify simulate --config eventsim.json --songs songs.csv",
      "  musify simulate --output ndjson:out --start 2015-06-01 --end 2015-09-01",
      "  musify simulate --output null --once        how fast is it?"
    ].join("\n")
  )
)

/** One line per topic, for people. */
export const summaryText = (summary: SimulateSummary): string => {
  const lines = topics.map((topic) => `${topic.padEnd(22)}${String(summary.events[topic]).padStart(12)}`)
  const span =
    summary.firstTs === null || summary.lastTs === null
      ? "nothing new"
      : `${new Date(summary.firstTs).toISOString()} to ${new Date(summary.lastTs).toISOString()}`
  const faults = Object.entries(summary.faults ?? {})
  const done = faults.length === 0 ? [] : [`Faults: ${faults.map(([kind, n]) => `${n} ${kind}`).join(", ")}`]
  return [...lines, ...done, `${span}, ${summary.listeners} listeners so far`].join("\n")
}
