import { layer as layerLocalDirectory } from "@musify/lake/LocalDirectoryObjectStore.ts"
import { DataFolder, layerDataFolder } from "@musify/runtime/DataFolder.ts"
import type { EventLogError } from "@musify/stream/EventLogError.ts"
import { layer as layerLmdbEventLog } from "@musify/stream/LmdbEventLog.ts"
import { Effect, Layer } from "effect"
import { type EventSink, producerRole } from "../EventSink.ts"
import { replayedRecords } from "../ReplayJournal.ts"
import { resolveSimulation } from "../resolveSimulation.ts"
import type { ResolvedSimulation, SimulationSettings } from "../resolveSettings.ts"
import { logSink } from "./logSink.ts"

/** Runs a simulation into the log of a data folder. `live`: the end may lie in the future. */
export const intoLog = <E, R>(
  options: {
    readonly data: string
    readonly partitions: number | undefined
    readonly settings: SimulationSettings
    readonly live: boolean
  },
  run: (sink: EventSink<EventLogError>, resolved: ResolvedSimulation) => Effect.Effect<void, E, R>
) =>
  Effect.gen(function* () {
    const folder = yield* DataFolder
    yield* folder.lockRole(producerRole)
    const resolved = yield* resolveSimulation(options.settings, options.live)
    const partitions = options.partitions ?? Number((yield* folder.frozen("partitions")) ?? 2)
    yield* folder.freeze("partitions", String(partitions))
    const foreign = yield* replayedRecords(folder.root)
    yield* Effect.flatMap(logSink(foreign), (sink) => run(sink, resolved)).pipe(
      Effect.provide(layerLmdbEventLog({ path: folder.log, partitions }))
    )
  }).pipe(
    Effect.scoped,
    Effect.provide(
      Layer.unwrapEffect(Effect.map(DataFolder, ({ bucket }) => layerLocalDirectory({ directory: bucket })))
    ),
    Effect.provide(layerDataFolder(options.data))
  )
