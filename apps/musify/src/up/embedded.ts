import { layerWarehouse } from "@musify/batcher/runBatch.ts"
import { topics } from "@musify/domain/Topic.ts"
import { layer as layerLocalDirectory } from "@musify/lake/LocalDirectoryObjectStore.ts"
import { DataFolder } from "@musify/runtime/DataFolder.ts"
import { layerScaledClock } from "@musify/runtime/ScaledClock.ts"
import { EventLog } from "@musify/stream/EventLog.ts"
import { layer as layerLmdbEventLog } from "@musify/stream/LmdbEventLog.ts"
import { Effect, Layer } from "effect"

/** DuckDB's share of the one process's memory; beyond it, it goes to disk. */
const warehouseMemoryMiB = 1024

/** All state of one process in one data folder: LMDB log, local bucket, DuckDB file. */
export const layerEmbedded = (partitions: number) =>
  Layer.mergeAll(
    Layer.unwrapEffect(Effect.map(DataFolder, ({ log }) => layerLmdbEventLog({ path: log, partitions }))),
    Layer.unwrapEffect(Effect.map(DataFolder, ({ bucket }) => layerLocalDirectory({ directory: bucket }))),
    layerWarehouse({ memoryMiB: warehouseMemoryMiB })
  )

/** Log time of the newest record, epoch ms; undefined when the log is empty. */
export const newestLogTime = Effect.gen(function* () {
  const log = yield* EventLog
  let newest: number | undefined
  for (const topic of topics) {
    const partitions = yield* log.partitions(topic)
    for (let partition = 0; partition < partitions; partition++) {
      const { end, start } = yield* log.range(topic, partition)
      if (end === start) continue
      const { count, timestamps } = yield* log.read(topic, partition, end - 1, 1)
      if (count > 0) newest = Math.max(newest ?? Number.NEGATIVE_INFINITY, timestamps[count - 1])
    }
  }
  return newest
})

/** The pipeline's clock: `speed` times as fast as real time, and never behind what the log has already seen. */
export const layerPipelineClock = (speed: number) =>
  Layer.unwrapEffect(
    Effect.gen(function* () {
      const newest = yield* newestLogTime
      const now = yield* Effect.clockWith((clock) => clock.currentTimeMillis)
      return layerScaledClock(speed, newest !== undefined && newest > now ? newest : undefined)
    })
  )
