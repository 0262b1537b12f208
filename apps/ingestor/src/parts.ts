import { type BucketSettings, layerObjectStore, type StoreSettings } from "@musify/lake/storeSettings.ts"
import type { ObjectStore } from "@musify/lake/ObjectStore.ts"
import type { ObjectStoreUnavailable } from "@musify/lake/ObjectStoreError.ts"
import { openDataFolder } from "@musify/runtime/DataFolder.ts"
import { UserError } from "@musify/runtime/UserError.ts"
import type { EventLog } from "@musify/stream/EventLog.ts"
import type { EventLogUnavailable } from "@musify/stream/EventLogError.ts"
import { layerEventLog, type LogSettings } from "@musify/stream/logSettings.ts"
import { Effect, Layer } from "effect"
import fs from "node:fs"
import path from "node:path"

/** The settings that name a bucket, of a command that may also write it. */
type BucketGiven = { readonly data: string } & BucketSettings & Partial<StoreSettings>

/**
 * The log and the bucket that the settings name: Kafka and Cloud Storage, or those of the data folder, which is opened
 * (and made) only when it is used. `writer`: who writes.
 */
export const layerParts = (
  settings: BucketGiven,
  log: LogSettings,
  writer: string
): Layer.Layer<EventLog | ObjectStore, EventLogUnavailable | ObjectStoreUnavailable | UserError> =>
  Layer.unwrapEffect(
    Effect.gen(function* () {
      const folder = yield* Effect.cached(openDataFolder(settings.data))
      const logPath = log.kind === "lmdb" ? (yield* folder).log : ""
      const bucket = Effect.map(folder, (opened) => opened.bucket)
      return Layer.merge(layerEventLog(log, logPath), layerObjectStore(settings, bucket, writer))
    })
  )

/** The bucket that the settings name, to read it. A data folder must be there. */
export const layerBucket = (
  settings: BucketGiven
): Layer.Layer<ObjectStore, ObjectStoreUnavailable | UserError> =>
  layerObjectStore(
    settings,
    Effect.suspend(() =>
      fs.existsSync(path.join(settings.data, "musify-data.json"))
        ? Effect.map(openDataFolder(settings.data), ({ bucket }) => bucket)
        : new UserError({
            message: `There is no Musify data folder ${path.resolve(settings.data)}. Name another one (--data), or a bucket (--bucket).`,
            exitCode: 2
          })
    )
  )
