import { Args, Command } from "@effect/cli"
import { topics } from "@musify/domain/Topic.ts"
import { writeCatalog } from "@musify/lake/catalog.ts"
import { layer as layerLocalDirectory } from "@musify/lake/LocalDirectoryObjectStore.ts"
import { ObjectStore } from "@musify/lake/ObjectStore.ts"
import { DataFolder, layerDataFolder } from "@musify/runtime/DataFolder.ts"
import { layerProgress, Progress } from "@musify/runtime/Progress.ts"
import { dataOption, jsonOption, setting } from "@musify/runtime/setting.ts"
import { layer as layerLmdbEventLog } from "@musify/stream/LmdbEventLog.ts"
import { Console, Effect, Layer } from "effect"
import { loadCatalog } from "./catalog/loadCatalog.ts"
import { producerRole } from "./EventSink.ts"
import { replay, type ReplaySummary } from "./replay.ts"

const args = Args.text({ name: "path" }).pipe(
  Args.withDescription("NDJSON files named by topic, .gz too, or folders of them"),
  Args.atLeast(1)
)

const options = {
  data: dataOption,
  json: jsonOption,
  again: setting.boolean("again", { description: "Send files again that were replayed before." }),
  songs: setting.optionalText("songs", {
    description:
      "Song catalog of the events: the Million Song data set's .h5 files (folder or .tar.gz), track_metadata.db or songs.csv, or Eventsim's listen_counts.txt(.gz)."
  }),
  partitions: setting.optionalInteger("partitions", {
    min: 1,
    max: 1000,
    description: "Partitions per topic of a new log. Default: 2."
  })
}

/** `musify replay`: another producer's files onto the log. */
export const replayCommand = Command.make("replay", { ...options, paths: args }, (given) =>
  Effect.gen(function* () {
    const folder = yield* DataFolder
    const progress = yield* Progress
    yield* folder.lockRole(producerRole)
    if (given.songs !== undefined) {
      const { songs } = yield* loadCatalog(given.songs)
      yield* folder.freeze("songs", yield* writeCatalog(yield* ObjectStore, songs))
    }
    const partitions = given.partitions ?? Number((yield* folder.frozen("partitions")) ?? 2)
    yield* folder.freeze("partitions", String(partitions))
    const summary = yield* replay({
      paths: given.paths,
      root: folder.root,
      again: given.again,
      onProgress: ({ records }) => progress.report("replay", { done: records, unit: "records" })
    }).pipe(Effect.provide(layerLmdbEventLog({ path: folder.log, partitions })))
    yield* progress.finish("replay")
    yield* Console.log(given.json ? JSON.stringify(summary) : summaryText(summary))
  }).pipe(
    Effect.scoped,
    Effect.provide(
      Layer.unwrapEffect(Effect.map(DataFolder, ({ bucket }) => layerLocalDirectory({ directory: bucket })))
    ),
    Effect.provide(layerDataFolder(given.data)),
    Effect.provide(given.json ? Layer.empty : layerProgress)
  )
).pipe(
  Command.withDescription(
    [
      "Puts what another producer wrote on the log, byte for byte: NDJSON files by topic, merged by ts.",
      "Each file is sent once per data folder (again with --again); a replay that was cut off goes on where it stopped.",
      "",
      "Examples:",
      "  musify replay output/                      a folder with listen_events, page_view_events, …",
      "  musify replay listen_events.ndjson.gz --songs songs.csv"
    ].join("\n")
  )
)

const summaryText = (summary: ReplaySummary): string =>
  [
    ...topics.map((topic) => `${topic.padEnd(22)}${String(summary.records[topic]).padStart(12)}`),
    ...summary.passedOver.map((path) => `passed over, replayed before: ${path}`)
  ].join("\n")
