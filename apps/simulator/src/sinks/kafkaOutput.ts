import { type Topic, topics } from "@musify/domain/Topic.ts"
import { layer as layerLocalDirectory } from "@musify/lake/LocalDirectoryObjectStore.ts"
import { DataFolder, type DataFolderService, layerDataFolder } from "@musify/runtime/DataFolder.ts"
import { UserError } from "@musify/runtime/UserError.ts"
import type { EventLogError } from "@musify/stream/EventLogError.ts"
import type { KafkaSettings } from "@musify/stream/kafka/KafkaSettings.ts"
import { type KafkaEventLogService, makeKafkaEventLog } from "@musify/stream/KafkaEventLog.ts"
import { Effect, Layer } from "effect"
import { createHash } from "node:crypto"
import { type EventSink, producerRole } from "../EventSink.ts"
import { resolveSimulation } from "../resolveSimulation.ts"
import type { ResolvedSimulation, SimulationSettings } from "../resolveSettings.ts"
import { kafkaSink } from "./kafkaSink.ts"
import { beganAt, readSeriesNote, type SeriesNote, writeSeriesNote } from "./SeriesNote.ts"

/** All that decides which events there are; frozen in the data folder. */
const deciding = ["seed", "users", "start", "config", "songs", "similar-songs", "shard", "faults"]

/**
 * The name of the simulation's events in Kafka: the same settings give the same, on any machine, so that a lost data
 * folder does not make events twice.
 */
const seriesOf = (
  folder: DataFolderService,
  partitions: ReadonlyArray<number>
): Effect.Effect<string, UserError> =>
  Effect.map(
    Effect.forEach(deciding, (name) => folder.frozen(name)),
    (values) =>
      createHash("sha256")
        .update(JSON.stringify([values.map((value) => value ?? null), partitions]))
        .digest("hex")
        .slice(0, 16)
  )

/** Where the series begins and how many events of it each partition has. */
const findSeries = (
  log: KafkaEventLogService,
  root: string,
  series: string,
  partitions: ReadonlyArray<number>
) =>
  Effect.gen(function* () {
    const places = topics.flatMap((topic, t) =>
      Array.from({ length: partitions[t] }, (_, partition) => ({ topic, partition }))
    )
    const kept = yield* readSeriesNote(root, series)
    const found = yield* Effect.forEach(places, ({ partition, topic }) =>
      Effect.gen(function* () {
        const { end, start } = yield* log.range(topic, partition)
        const offset = kept === undefined ? start : beganAt(kept, topic, partition)
        const count = yield* log.seriesEnd(series, topic, partition, offset)
        if (kept !== undefined && count === undefined && start > offset) {
          return yield* new UserError({
            message: `Kafka has dropped all events of this simulation from ${topic}/${partition} (its log starts at offset ${start} now): which one comes next cannot be told. Begin anew in another folder (--data) and with other topics (--kafka-topic-prefix), and keep records longer (--kafka-retention).`,
            exitCode: 1
          })
        }
        return {
          topic,
          partition,
          offset: kept !== undefined || count !== undefined ? offset : end,
          count: count ?? 0
        }
      })
    )
    const note: SeriesNote = {
      series,
      began: found.map(({ offset, partition, topic }) => ({ topic, partition, offset }))
    }
    // Before the first event: from then on the log is asked for no more than the series itself.
    if (kept === undefined) yield* writeSeriesNote(root, note)
    const positions = topics.map((topic) =>
      found.filter((one) => one.topic === topic).map(({ count }) => count)
    )
    return { note, positions }
  })

/** Runs a simulation into Kafka, and goes on with the event after the last one that is there. */
export const intoKafka = <E, R>(
  options: {
    readonly data: string
    readonly kafka: KafkaSettings
    readonly settings: SimulationSettings
    readonly live: boolean
  },
  run: (sink: EventSink<EventLogError | UserError>, resolved: ResolvedSimulation) => Effect.Effect<void, E, R>
) =>
  Effect.gen(function* () {
    const folder = yield* DataFolder
    yield* folder.lockRole(producerRole)
    const resolved = yield* resolveSimulation(options.settings, options.live)
    const log = yield* makeKafkaEventLog(options.kafka)
    const partitions = yield* Effect.forEach(topics, (topic) => log.partitions(topic))
    // More partitions than before would send other listeners' events to each.
    yield* folder.freeze("kafka-partitions", partitions.join(","))
    const series = yield* seriesOf(folder, partitions)
    const { note, positions } = yield* findSeries(log, folder.root, series, partitions)
    const began = (topic: Topic, partition: number) => beganAt(note, topic, partition)
    const sink = yield* kafkaSink({ log, series, partitions, positions, began, patient: options.live })
    const { faults } = resolved
    yield* run(sink, {
      ...resolved,
      faults:
        faults === undefined
          ? undefined
          : { ...faults, foreign: (topic, partition) => [[0, began(topic, partition)]] }
    })
  }).pipe(
    Effect.scoped,
    Effect.provide(
      Layer.unwrapEffect(Effect.map(DataFolder, ({ bucket }) => layerLocalDirectory({ directory: bucket })))
    ),
    Effect.provide(layerDataFolder(options.data))
  )
