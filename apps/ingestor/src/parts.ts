import { bucketOptions, layerObjectStore, type StoreSettings } from "@musify/lake/storeSettings.ts"
import type { ObjectStore } from "@musify/lake/ObjectStore.ts"
import type { ObjectStoreUnavailable } from "@musify/lake/ObjectStoreError.ts"
import { openDataFolder } from "@musify/runtime/DataFolder.ts"
import { dataOption } from "@musify/runtime/setting.ts"
import type { UserError } from "@musify/runtime/UserError.ts"
import type { EventLog } from "@musify/stream/EventLog.ts"
import type { EventLogUnavailable } from "@musify/stream/EventLogError.ts"
import { layerEventLog, logOptions, type LogSettings } from "@musify/stream/logSettings.ts"
import { Effect, Layer } from "effect"

/** Settings that say which log and which bucket are meant, of a command that reads both. */
export const partOptions = { data: dataOption, ...logOptions, ...bucketOptions }

/**
 * The log and the bucket that the settings name: Kafka and Cloud Storage, or those of the data folder, which is opened
 * (and made) only when it is used. `writer`: who writes; without one the bucket is only read.
 */
export const layerParts = (
  settings: { readonly data: string } & Pick<StoreSettings, keyof typeof bucketOptions> &
    Partial<StoreSettings>,
  log: LogSettings,
  writer?: string
): Layer.Layer<EventLog | ObjectStore, EventLogUnavailable | ObjectStoreUnavailable | UserError> =>
  Layer.unwrapEffect(
    Effect.gen(function* () {
      const folder = yield* Effect.cached(openDataFolder(settings.data))
      const path = log.kind === "lmdb" ? (yield* folder).log : ""
      const bucket = Effect.map(folder, (opened) => opened.bucket)
      return Layer.merge(layerEventLog(log, path), layerObjectStore(settings, bucket, writer))
    })
  )
