import { randomBytes } from "node:crypto"
import { join } from "node:path"
import { topics } from "@musify/domain/Topic.ts"
import { makeGcsObjectStore } from "@musify/lake/gcs/GcsObjectStore.ts"
import { defaultGcsOptions } from "@musify/lake/gcs/GcsOptions.ts"
import { makeBucket } from "@musify/lake/gcs/testing/makeBucket.ts"
import { readParquetRows } from "@musify/lake/parquetFile.ts"
import { makeKafkaEventLog } from "@musify/stream/KafkaEventLog.ts"
import { kafkaTestSettings } from "@musify/stream/testing/kafkaTestSettings.ts"
import { Effect, Option } from "effect"
import { afterAll, expect, inject, it } from "vitest"
import { run, runJson, start, temporaryFolder, until, type Running } from "./musify.ts"

/* The whole ingest path on a real Kafka and a real Cloud Storage server, by the command line alone. */

const name = `ingest-${randomBytes(4).toString("hex")}`
const brokers = inject("kafkaBrokers")
const endpoint = inject("gcsEndpoint")
const topicPrefix = `${name}.`
const log = ["--kafka-brokers", brokers.join(","), "--kafka-topic-prefix", topicPrefix]
const bucket = ["--bucket", `gs://${name}/music`, "--gcs-endpoint", endpoint]
const started: Array<Running> = []
afterAll(() => {
  for (const { child } of started) child.kill("SIGKILL")
  folder.remove()
})

const ingestor = () => {
  const running = start([
    ...["ingest", ...log, ...bucket, "--group", name, "--roll", "1s", "--watch-every", "1s"],
    ...["--http-port", "0", "--log-format", "json"]
  ])
  started.push(running)
  return running
}
/** What `path` of a running ingestor answers, once `is` accepts it. */
const answered = (running: Running, path: string, is: (text: string) => boolean) => {
  let last = "nothing"
  return until(
    async () => {
      const port = /127\.0\.0\.1:(\d+)\/metrics/.exec(running.output())?.[1]
      if (port === undefined) return undefined
      const text = await fetch(`http://127.0.0.1:${port}${path}`).then(
        (response) => response.text(),
        () => ""
      )
      last = text
      return is(text) ? text : undefined
    },
    () => `${path} answers ${last}; the ingestor said ${running.output()}`
  )
}
const folder = temporaryFolder()
/** Simulates a day into the log, of other listeners with another seed. */
const simulate = (seed: string) =>
  runJson([
    ...["simulate", ...log, "--data", join(folder.path, seed), "--once", "--seed", seed],
    ...["--users", "150", "--days", "1", "--partitions", "3"]
  ])

/** Offsets of each partition in lake and dead letters, and those of the log. */
const compared = Effect.gen(function* () {
  const store = makeGcsObjectStore({ ...defaultGcsOptions, bucket: name, prefix: "music/", endpoint })
  const settings = kafkaTestSettings(brokers, { topicPrefix, createTopics: false, partitions: undefined })
  const kafka = yield* makeKafkaEventLog(settings)
  const stored = new Map<string, Array<number>>()
  const logged = new Map<string, Array<number>>()
  for (const topic of topics) {
    for (const root of ["lake", "dead-letters"])
      for (const { name: file } of yield* store.list(`${root}/${topic}/`)) {
        const bytes = Option.getOrThrow(yield* store.get(file))
        for (const row of yield* Effect.promise(() => readParquetRows(file, bytes))) {
          const partition = `${topic}/${String(row._partition)}`
          stored.set(partition, [...(stored.get(partition) ?? []), Number(row._offset)])
        }
      }
    for (let partition = 0; partition < 3; partition++) {
      const { end } = yield* kafka.range(topic, partition)
      if (end > 0)
        logged.set(
          `${topic}/${partition}`,
          Array.from({ length: end }, (_, i) => i)
        )
    }
  }
  for (const offsets of stored.values()) offsets.sort((a, b) => a - b)
  return { stored, logged }
}).pipe(Effect.scoped)

it("stores each record once while ingestors come, are killed and go", async () => {
  await makeBucket(endpoint, name)
  await simulate("1")
  const [one, other] = [ingestor(), ingestor()]
  const owned = (text: string) => JSON.parse(text || "{}") as { ready?: boolean; partitions?: Array<unknown> }
  // Each has its share of the twelve partitions, and does its work.
  for (const running of [one, other])
    await answered(running, "/ready", (text) => {
      const { partitions, ready } = owned(text)
      return ready === true && partitions!.length > 0 && partitions!.length < 12
    })
  one.child.kill("SIGKILL")
  await simulate("2")
  const text = await answered(other, "/ready", (answer) => {
    const { partitions, ready } = owned(answer)
    return ready === true && partitions!.length === 12 && !/"lagRecords":[1-9]/.test(answer)
  })
  expect(text).toContain("listen_events/0")
  await answered(
    other,
    "/metrics",
    (answer) =>
      answer.includes("musify_ingest_records_total") &&
      /^musify_ingest_lag_records\{topic="listen_events",partition="0"\} 0$/m.test(answer)
  )
  other.child.kill("SIGTERM")
  expect((await other.finished).code).toBe(0)
  for (const line of other.output().trim().split("\n"))
    expect(JSON.parse(line)).toMatchObject({ logLevel: expect.any(String) as string })

  const summary = await runJson<{ halted: ReadonlyArray<unknown> }>(["ingest", "--once", ...log, ...bucket])
  expect(summary.halted).toEqual([])
  const { logged, stored } = await Effect.runPromise(compared)
  expect(stored).toEqual(logged)
  expect(await runJson(["audit", "--deep", ...bucket])).toMatchObject({ ok: true })
}, 600_000)

it("says in one message which part cannot be reached", async () => {
  const away = await run(["ingest", "--once", "--kafka-brokers", "127.0.0.1:1", ...bucket])
  expect(away.code).toBe(3)
  expect(away.stderr).toContain("127.0.0.1:1")
  const noBucket = await run([
    "ingest",
    "--once",
    ...log,
    "--bucket",
    "gs://no-such-bucket",
    "--gcs-endpoint",
    endpoint
  ])
  expect(noBucket.code).toBe(3)
  expect(noBucket.stderr).toContain("gs://no-such-bucket")
})
