import process from "node:process"
import { layer as layerStore } from "@musify/lake/LocalDirectoryObjectStore.ts"
import { layer as layerLog } from "@musify/stream/LmdbEventLog.ts"
import { Effect, Layer } from "effect"
import { ingest } from "../ingest.ts"

// Ingests a log into a bucket in small micro-batches, slowly enough to be killed in the middle of them.
const [logPath, directory] = process.argv.slice(2)
process.stdout.write("started\n")
Effect.runFork(
  ingest({ once: true, rows: 150, readBytes: 20_000, onProgress: () => Effect.sleep(10) }).pipe(
    Effect.provide(Layer.merge(layerLog({ path: logPath }), layerStore({ directory })))
  )
)
