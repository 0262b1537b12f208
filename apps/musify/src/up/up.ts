import { Command } from "@effect/cli"
import { DataFolder, layerDataFolder } from "@musify/runtime/DataFolder.ts"
import { layerProgress } from "@musify/runtime/Progress.ts"
import { serving } from "@musify/runtime/runMain.ts"
import { UserError } from "@musify/runtime/UserError.ts"
import { producerRole } from "@musify/simulator/EventSink.ts"
import { replayedRecords } from "@musify/simulator/ReplayJournal.ts"
import { resolveSimulation } from "@musify/simulator/resolveSimulation.ts"
import { Console, Effect, Layer } from "effect"
import { layerEmbedded, layerPipelineClock } from "./embedded.ts"
import { summaryText } from "./summaryText.ts"
import { upSettings } from "./UpOptions.ts"
import { upLive } from "./upLive.ts"
import { upOnce } from "./upOnce.ts"

/** `musify up`: the composition root of the whole pipeline in one process, on embedded adapters. */
export const upCommand = Command.make("up", upSettings, (options) => {
  const pipeline = Effect.gen(function* () {
    const folder = yield* DataFolder
    const foreign = yield* replayedRecords(folder.root)
    const resolved = yield* resolveSimulation(options)
    if (!options.once) return yield* serving(upLive(options, resolved, foreign))
    const summary = yield* upOnce(resolved, foreign)
    yield* Console.log(options.json ? JSON.stringify(summary) : summaryText(summary))
    if (!summary.audit.ok)
      return yield* new UserError({ message: "The audit found differences; see the report.", exitCode: 1 })
  })

  return Effect.gen(function* () {
    const folder = yield* DataFolder
    yield* folder.lockRole("up")
    yield* folder.lockRole(producerRole)
    const partitions = options.partitions ?? Number((yield* folder.frozen("partitions")) ?? 2)
    yield* folder.freeze("partitions", String(partitions))
    yield* pipeline.pipe(
      Effect.provide(layerPipelineClock(options.speed).pipe(Layer.provideMerge(layerEmbedded(partitions))))
    )
  }).pipe(
    Effect.scoped,
    Effect.provide(layerDataFolder(options.data)),
    Effect.provide(options.json ? Layer.empty : layerProgress)
  )
}).pipe(
  Command.withDescription(
    [
      "Runs everything in one process: simulator, event log, ingestor, lake, batcher, star schema and dashboard.",
      "It makes the history first, with the dashboard open all the while, and then goes on live. Stopped or killed, the",
      "next start goes on where this one ended.",
      "",
      "Examples:",
      "  musify up                                    14 days of 10,000 listeners, then live, http://127.0.0.1:4300",
      "  musify up --speed 60                         then an hour a minute",
      "  musify up --production                       micro-batches of two minutes, hours built at five past",
      "  musify up --once --days 3 --users 500        a small history, audited, no dashboard",
      "  musify up --songs songs.csv --config eventsim.json --data my-data"
    ].join("\n")
  )
)
