import { Command } from "@effect/cli"
import { layer as layerLocalDirectory } from "@musify/lake/LocalDirectoryObjectStore.ts"
import { DataFolder, layerDataFolder } from "@musify/runtime/DataFolder.ts"
import { layerProgress, Progress } from "@musify/runtime/Progress.ts"
import { serving } from "@musify/runtime/runMain.ts"
import { dataOption, jsonOption, setting } from "@musify/runtime/setting.ts"
import { UserError } from "@musify/runtime/UserError.ts"
import { layer as layerLmdbEventLog } from "@musify/stream/LmdbEventLog.ts"
import { Console, Effect, Layer } from "effect"
import { ingest } from "./ingest.ts"
import { defaultIngestOptions } from "./IngestOptions.ts"
import { type IngestSummary, unavailable } from "./IngestSummary.ts"

const options = {
  data: dataOption,
  json: jsonOption,
  once: setting.boolean("once", { description: "End when the log is drained and every file closed." }),
  roll: setting.duration("roll", {
    default: defaultIngestOptions.roll,
    description: "A micro-batch ends this long after its first record."
  }),
  rows: setting.integer("roll-rows", {
    default: defaultIngestOptions.rows,
    min: 1,
    description: "… or at this many records."
  }),
  bytes: setting.integer("roll-bytes", {
    default: defaultIngestOptions.bytes,
    min: 1,
    description: "… or at this many bytes of raw records; with the number of partitions it bounds the memory."
  }),
  maxFiles: setting.integer("roll-files", {
    default: defaultIngestOptions.maxFiles,
    min: 1,
    description: "… or before it would open more files (event hours) than this."
  }),
  durability: setting.choice("durability", ["power", "process"], {
    default: "power",
    description:
      "What a stored object survives: power = also a power cut (fsync); process = a kill -9, at less cost."
  })
}

/** `musify ingest`: brings the log of a data folder into its lake. */
export const command = Command.make("ingest", options, ({ data, durability, json, ...rolling }) => {
  const run = Effect.gen(function* () {
    const progress = yield* Progress
    const summary = yield* ingest({
      ...rolling,
      onProgress: ({ records }) => progress.report("ingest", { done: records, unit: "records" })
    })
    yield* progress.finish("ingest")
    yield* Console.log(json ? JSON.stringify(summary) : summaryText(summary))
    if (summary.halted.length > 0) return yield* haltedError(summary)
  })
  const store = Layer.unwrapEffect(
    Effect.map(DataFolder, ({ bucket }) => layerLocalDirectory({ directory: bucket, durability }))
  )
  const log = Layer.unwrapEffect(Effect.map(DataFolder, ({ log: path }) => layerLmdbEventLog({ path })))
  return (rolling.once ? run : serving(run)).pipe(
    Effect.provide(Layer.merge(store, log)),
    Effect.provide(json ? Layer.empty : layerProgress),
    Effect.provide(layerDataFolder(data))
  )
}).pipe(
  Command.withDescription(
    [
      "Brings the event log into the lake of Parquet files, each record exactly once.",
      "Ends with exit code 1, naming them, when partitions had to stop; several may run on one data folder.",
      "--once ends with exit code 3 when the disk or the log goes on failing: run it again when that is mended.",
      "",
      "Examples:",
      "  musify ingest                       follow the log, a micro-batch every two minutes",
      "  musify ingest --once                drain the log, close every file, print the summary",
      "  musify ingest --roll 5s --json      short micro-batches"
    ].join("\n")
  )
)

/** One line per topic, for people. */
export const summaryText = (summary: IngestSummary): string =>
  Object.entries(summary.topics)
    .map(([topic, { deadLetters, files, plans, records, rows, unknownFields }]) => {
      const letters = Object.entries(deadLetters).map(([kind, count]) => `${count} ${kind}`)
      return (
        `${topic}: ${records} records, ${rows} rows in ${files} files of ${plans} micro-batches` +
        (letters.length > 0 ? `; dead letters: ${letters.join(", ")}` : "") +
        (unknownFields > 0 ? `; ${unknownFields} unknown fields left out` : "")
      )
    })
    .join("\n")

/** Each partition that stopped and why. Exit code 3 when nothing is wrong but that a part is not reachable, else 1. */
export const haltedError = ({ halted }: IngestSummary): UserError =>
  new UserError({
    message: halted
      .map(({ message, partition, topic }) => `${topic}/${partition} has stopped: ${message}`)
      .join("\n"),
    exitCode: halted.every(({ reason }) => reason === unavailable) ? 3 : 1
  })
