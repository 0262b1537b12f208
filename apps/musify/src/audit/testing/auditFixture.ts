import { runBatch, layerWarehouse } from "@musify/batcher/runBatch.ts"
import { defaultBatchOptions } from "@musify/batcher/BatchOptions.ts"
import { bytesColumn } from "@musify/domain/RecordBatch.ts"
import { ingest } from "@musify/ingestor/ingest.ts"
import { writeCatalog } from "@musify/lake/catalog.ts"
import { layer as layerStore } from "@musify/lake/LocalDirectoryObjectStore.ts"
import { ObjectStore } from "@musify/lake/ObjectStore.ts"
import { layerDataFolder, DataFolder } from "@musify/runtime/DataFolder.ts"
import { EventLog, type EventLogService } from "@musify/stream/EventLog.ts"
import { makeInMemoryEventLog } from "@musify/stream/InMemoryEventLog.ts"
import { arbitraryHistory, trickyCatalog, type History } from "@musify/warehouse/spec/arbitraryHistories.ts"
import { Clock, Effect, Layer } from "effect"
import * as fc from "fast-check"
import { Buffer } from "node:buffer"
import fs from "node:fs"
import os from "node:os"
import path from "node:path"

/** A clock that stands after all events of the fixture, so that none lies past its log time. */
const clock = Object.assign(Clock.make(), { currentTimeMillis: Effect.succeed(Date.UTC(2026, 7, 1)) })

/** A small history with everything rare in it: some from a fixed seed, one after the other, of the same listeners. */
export const fixtureHistory = (): History => ({
  events: fc
    .sample(arbitraryHistory({ odd: false }), { seed: 8, numRuns: 8 })
    .flatMap(({ events }) => events),
  catalog: trickyCatalog
})

const value = (event: unknown): Buffer => Buffer.from(JSON.stringify(event))

/** Appends events to the log, where the history says; and, if told so, one malformed value at the end of a partition. */
export const appendEvents = (
  log: EventLogService,
  events: History["events"],
  malformed: boolean
): Effect.Effect<void, unknown> =>
  Effect.withClock(
    Effect.gen(function* () {
      for (const { event, partition, topic } of events)
        yield* log.append([
          {
            topic,
            partition,
            records: { count: 1, keys: bytesColumn([null]), values: bytesColumn([value(event)]) }
          }
        ])
      if (malformed)
        yield* log.append([
          {
            topic: "page_view_events",
            partition: 0,
            records: {
              count: 1,
              keys: bytesColumn([null]),
              values: bytesColumn([Buffer.from('{"ts":"soon"}')])
            }
          }
        ])
    }),
    clock
  )

const bucketLayer = Layer.unwrapEffect(
  Effect.map(DataFolder, ({ bucket }) => layerStore({ directory: bucket }))
)

const layers = (root: string, log: EventLogService) =>
  Layer.mergeAll(layerWarehouse({ threads: 1 }), bucketLayer, Layer.succeed(EventLog, log)).pipe(
    Layer.provideMerge(layerDataFolder(root))
  )

/** Ingests what the log has. */
export const ingestAll = (root: string, log: EventLogService): Promise<unknown> =>
  Effect.runPromise(Effect.provide(ingest({ once: true, rows: 20 }), layers(root, log)))

/** Builds and publishes what the lake has. */
export const buildAll = (root: string, log: EventLogService): Promise<unknown> =>
  Effect.runPromise(Effect.provide(runBatch(defaultBatchOptions), layers(root, log)))

/** A data folder under which a whole small pipeline has run to its end. */
export interface Fixture {
  readonly root: string
  readonly log: EventLogService
  readonly catalog: string
}

/** Runs the pipeline over the fixture's history in a new temporary folder. */
export const makeFixture = (history: History): Promise<Fixture> =>
  fillFixture(history.catalog, (log) => appendEvents(log, history.events, true))

/** Runs the pipeline over what `fill` appends to the log, in a new temporary folder. */
export const fillFixture = async (
  songs: History["catalog"],
  fill: (log: EventLogService, root: string) => Effect.Effect<unknown, unknown>
): Promise<Fixture> => {
  const root = fs.mkdtempSync(path.join(os.tmpdir(), "musify-audit-test-"))
  const log = makeInMemoryEventLog({ partitions: 2 })
  const catalog = await Effect.runPromise(
    Effect.provide(
      Effect.gen(function* () {
        const folder = yield* DataFolder
        const version = yield* writeCatalog(yield* ObjectStore, songs)
        yield* folder.freeze("songs", version)
        yield* Effect.withClock(fill(log, root), clock)
        return version
      }),
      layers(root, log)
    )
  )
  await ingestAll(root, log)
  await buildAll(root, log)
  return { root, log, catalog }
}

/** A copy of a fixture, to plant a fault in. */
export const copyFixture = (fixture: Fixture): Fixture => {
  const root = fs.mkdtempSync(path.join(os.tmpdir(), "musify-audit-test-"))
  fs.cpSync(fixture.root, root, { recursive: true })
  return { ...fixture, root }
}
