import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { it } from "@effect/vitest"
import { Duration, Effect } from "effect"
import { afterAll, beforeAll, describe, expect } from "vitest"
import { startJsonApiServer } from "./gcs/testing/JsonApiServer.ts"
import type { JsonApiServer } from "./gcs/testing/JsonApiServer.ts"
import { ObjectStore } from "./ObjectStore.ts"
import type { StoreSettings } from "./storeSettings.ts"
import { layerObjectStore } from "./storeSettings.ts"

const directory = fs.mkdtempSync(path.join(os.tmpdir(), "musify-store-settings-"))
let server: JsonApiServer
beforeAll(async () => {
  server = await startJsonApiServer()
})
afterAll(async () => {
  await server.close()
  fs.rmSync(directory, { recursive: true, force: true })
})

const settings: StoreSettings = {
  bucket: undefined,
  gcsEndpoint: undefined,
  gcsKeyFile: undefined,
  gcsTimeout: Duration.seconds(30),
  gcsRetryFor: Duration.zero,
  gcsRequests: 4,
  gcsStorageClass: undefined,
  gcsKmsKey: undefined,
  durability: "process"
}

const locate = (more: Partial<StoreSettings>, local = Effect.succeed(directory), writer?: string) =>
  Effect.map(ObjectStore, (store) => store.locate("x")).pipe(
    Effect.provide(layerObjectStore({ ...settings, ...more }, local, writer)),
    Effect.scoped
  )

describe("the bucket that settings name", () => {
  it.live("is the data folder's own, or one of Cloud Storage, for which no data folder is asked", () =>
    Effect.gen(function* () {
      expect(yield* locate({})).toBe(path.join(directory, "x"))
      const asked = Effect.die("the data folder was asked for")
      const gcs = { bucket: `gs://${server.bucket}/a/b`, gcsEndpoint: server.endpoint }
      expect(yield* locate(gcs, asked)).toBe("gs://test-bucket/a/b/x")
      expect(server.requests).toEqual([])
      expect(yield* locate(gcs, asked, "writer")).toBe("gs://test-bucket/a/b/x")
      expect(server.requests.map(({ kind }) => kind)).toEqual(["put", "put", "get", "delete"])
    })
  )

  it.live("is refused, by exit code 2 and the option's name, when it is written wrongly", () =>
    Effect.gen(function* () {
      const bucket = "gs://bucket"
      for (const [option, wrong] of [
        ["--bucket", { bucket: "s3://bucket" }],
        ["--gcs-endpoint", { bucket, gcsEndpoint: "127.0.0.1:4443" }],
        ["--gcs-endpoint", { bucket, gcsEndpoint: "http://127.0.0.1:4443/storage/v1" }],
        ["--gcs-kms-key", { bucket, gcsKmsKey: "my-key" }]
      ] as const) {
        const error = yield* Effect.flip(locate(wrong))
        expect(error).toMatchObject({ _tag: "UserError", exitCode: 2 })
        expect(error.message).toContain(option)
        expect(error.message).toContain("was expected")
      }
    })
  )

  it.live("reaches the server with what the settings say of new objects", () =>
    Effect.gen(function* () {
      const gcsKmsKey = "projects/p/locations/l/keyRings/r/cryptoKeys/k"
      const all = {
        bucket: `gs://${server.bucket}`,
        gcsEndpoint: server.endpoint,
        gcsStorageClass: "COLDLINE",
        gcsKmsKey
      } as const
      yield* Effect.flatMap(ObjectStore, (store) => store.putIfAbsent("y", new Uint8Array(1))).pipe(
        Effect.provide(layerObjectStore({ ...settings, ...all }, Effect.succeed(directory))),
        Effect.scoped
      )
      const stored = server.objects.get("y")
      expect(stored?.query.get("kmsKeyName")).toBe(gcsKmsKey)
      expect(stored?.resource.storageClass).toBe("COLDLINE")
    })
  )
})
