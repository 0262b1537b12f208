import { setting } from "@musify/runtime/setting.ts"
import { UserError } from "@musify/runtime/UserError.ts"
import { Duration, Effect, Layer } from "effect"
import { defaultGcsOptions, parseBucketAddress } from "./gcs/GcsOptions.ts"
import { layer as layerLocalDirectory } from "./LocalDirectoryObjectStore.ts"
import type { ObjectStore } from "./ObjectStore.ts"
import type { ObjectStoreUnavailable } from "./ObjectStoreError.ts"

/** Settings of a command that reads a bucket. */
export const bucketOptions = {
  bucket: setting.optionalText("bucket", {
    description:
      "Bucket of Cloud Storage, as gs://NAME or gs://NAME/PREFIX. Without it the data folder's own bucket."
  }),
  gcsEndpoint: setting.optionalText("gcs-endpoint", {
    description:
      "Another server that speaks Cloud Storage's JSON API, as http://127.0.0.1:4443; it is sent no credentials unless --gcs-key-file names them."
  }),
  gcsKeyFile: setting.optionalText("gcs-key-file", {
    description:
      "Key file of the service account. Without it application default credentials, or those of the machine."
  }),
  gcsTimeout: setting.duration("gcs-timeout", {
    default: Duration.millis(defaultGcsOptions.timeoutMs),
    description: "How long one request to Cloud Storage may take."
  }),
  gcsRetryFor: setting.duration("gcs-retry-for", {
    default: defaultGcsOptions.retryFor,
    description:
      "How long a request is tried again, with growing pauses, before whoever made it waits and says so."
  }),
  gcsRequests: setting.integer("gcs-requests", {
    default: defaultGcsOptions.concurrency,
    min: 1,
    max: 1000,
    description: "Requests to Cloud Storage at a time."
  })
}

/** Settings of a command that writes a bucket. */
export const storeOptions = {
  ...bucketOptions,
  gcsStorageClass: setting.optionalChoice(
    "gcs-storage-class",
    ["STANDARD", "NEARLINE", "COLDLINE", "ARCHIVE"],
    {
      description: "Storage class of new objects. Without it the bucket's."
    }
  ),
  gcsKmsKey: setting.optionalText("gcs-kms-key", {
    description:
      "Customer-managed key for new objects: projects/…/locations/…/keyRings/…/cryptoKeys/…. Without it the bucket's."
  }),
  durability: setting.choice("durability", ["power", "process"], {
    default: "power",
    description:
      "What an object in the data folder survives: power = also a power cut (fsync); process = a kill -9, at less cost."
  })
}

/** Values of `bucketOptions`. */
export interface BucketSettings {
  readonly bucket: string | undefined
  readonly gcsEndpoint: string | undefined
  readonly gcsKeyFile: string | undefined
  readonly gcsTimeout: Duration.Duration
  readonly gcsRetryFor: Duration.Duration
  readonly gcsRequests: number
}

/** Values of `storeOptions`. */
export interface StoreSettings extends BucketSettings {
  readonly gcsStorageClass: string | undefined
  readonly gcsKmsKey: string | undefined
  readonly durability: "power" | "process"
}

const wrong = (message: string) => Effect.fail(new UserError({ message, exitCode: 2 }))

const isEndpoint = (text: string): boolean => /^https?:\/\/[^/\s]+\/*$/.test(text)

const kmsKey = /^projects\/[^/]+\/locations\/[^/]+\/keyRings\/[^/]+\/cryptoKeys\/[^/]+$/

/**
 * The bucket that the settings name: Cloud Storage, or `localDirectory`, which is asked for only when none is named.
 * `writer`: the name of whoever writes; the start then proves that the bucket refuses a second put. Readers give none,
 * and nothing is written.
 */
export const layerObjectStore = <E, R>(
  settings: BucketSettings & Partial<StoreSettings>,
  localDirectory: Effect.Effect<string, E, R>,
  writer?: string
): Layer.Layer<ObjectStore, ObjectStoreUnavailable | UserError | E, R> =>
  Layer.unwrapEffect(
    Effect.gen(function* () {
      const { bucket, durability, gcsEndpoint, gcsKmsKey } = settings
      if (bucket === undefined) {
        const directory = yield* localDirectory
        return layerLocalDirectory(durability === undefined ? { directory } : { directory, durability })
      }
      const address = parseBucketAddress(bucket)
      if (address === undefined)
        return yield* wrong(
          `The bucket is ${JSON.stringify(bucket)} (--bucket), but gs://NAME or gs://NAME/PREFIX was expected.`
        )
      if (gcsEndpoint !== undefined && !isEndpoint(gcsEndpoint))
        return yield* wrong(
          `The server of the bucket is ${JSON.stringify(gcsEndpoint)} (--gcs-endpoint), but http://HOST:PORT was expected.`
        )
      if (gcsKmsKey !== undefined && !kmsKey.test(gcsKmsKey))
        return yield* wrong(
          `The key for new objects is ${JSON.stringify(gcsKmsKey)} (--gcs-kms-key), but projects/…/locations/…/keyRings/…/cryptoKeys/… was expected.`
        )
      // A quarter of a second to load: only for whom has a bucket there.
      const { layer } = yield* Effect.promise(() => import("./gcs/GcsObjectStore.ts"))
      return layer(
        {
          ...address,
          endpoint: gcsEndpoint,
          keyFile: settings.gcsKeyFile,
          storageClass: settings.gcsStorageClass,
          kmsKeyName: gcsKmsKey,
          timeoutMs: Duration.toMillis(settings.gcsTimeout),
          retryFor: settings.gcsRetryFor,
          concurrency: settings.gcsRequests
        },
        writer
      )
    })
  )
