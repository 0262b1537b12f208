import { makeGcsObjectStore } from "@musify/lake/gcs/GcsObjectStore.ts"
import { defaultGcsOptions } from "@musify/lake/gcs/GcsOptions.ts"
import { makeBucket } from "@musify/lake/gcs/testing/makeBucket.ts"
import { makeKafkaEventLog } from "@musify/stream/KafkaEventLog.ts"
import { kafkaTestSettings } from "@musify/stream/testing/kafkaTestSettings.ts"
import { Effect, Option } from "effect"
import { mkdirSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { afterAll, expect, inject, test } from "vitest"
import { expectBadEventsApart, sendBadEvents } from "./badEvents.ts"
import { run, temporaryFolder } from "./musify.ts"

const folder = temporaryFolder()
afterAll(folder.remove)

/** All objects of a bucket as files, fetched as anybody would. */
const download = (endpoint: string, bucket: string, to: string): Promise<void> =>
  Effect.runPromise(
    Effect.gen(function* () {
      const store = makeGcsObjectStore({ ...defaultGcsOptions, bucket, endpoint })
      for (const { name } of yield* store.list("")) {
        const path = join(to, name)
        mkdirSync(dirname(path), { recursive: true })
        writeFileSync(path, Option.getOrThrow(yield* store.get(name)))
      }
    })
  )

test("bad events of ten kinds in Kafka: each is a dead letter in Cloud Storage, bit for bit, and nothing else is hurt", async () => {
  const brokers = inject("kafkaBrokers")
  const endpoint = inject("gcsEndpoint")
  const bucket = "bad-events"
  await makeBucket(endpoint, bucket)
  const settings = kafkaTestSettings(brokers, { partitions: 1 })
  const placed = await Effect.runPromise(
    Effect.scoped(
      Effect.flatMap(makeKafkaEventLog(settings), (log) => Effect.promise(() => sendBadEvents(log)))
    )
  )
  const { code, stderr } = await run([
    ...["ingest", "--once", "--data", join(folder.path, "data")],
    ...["--kafka-brokers", brokers.join(","), "--kafka-topic-prefix", settings.topicPrefix],
    ...["--bucket", `gs://${bucket}`, "--gcs-endpoint", endpoint]
  ])
  expect(code, stderr).toBe(0)
  const copy = join(folder.path, "bucket")
  await download(endpoint, bucket, copy)
  await expectBadEventsApart(copy, placed)
})
