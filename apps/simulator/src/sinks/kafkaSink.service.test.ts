import { bytesAt } from "@musify/domain/RecordBatch.ts"
import { decodeHeaders } from "@musify/domain/recordHeaders.ts"
import { type Topic, topics } from "@musify/domain/Topic.ts"
import { numberHeader, seriesHeader } from "@musify/stream/kafka/series.ts"
import { type KafkaEventLogService, makeKafkaEventLog } from "@musify/stream/KafkaEventLog.ts"
import { kafkaTestSettings } from "@musify/stream/testing/kafkaTestSettings.ts"
import { bytesColumn } from "@musify/domain/RecordBatch.ts"
import { Effect } from "effect"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, expect, inject, it } from "vitest"

const home = mkdtempSync(join(tmpdir(), "musify-kafka-sink-"))
afterAll(() => rmSync(home, { recursive: true, force: true }))

const root = new URL("../../../../", import.meta.url).pathname
const partitions = 3
const large = ["--users", "1000", "--start", "2026-06-01", "--end", "2026-06-07", "--once"]
const small = ["--users", "20", "--start", "2026-06-01", "--end", "2026-06-02", "--once"]

/** `musify simulate` into topics with this prefix. */
const simulate = (prefix: string, data: string, options: ReadonlyArray<string> = large) => {
  const child = spawn(
    process.execPath,
    [
      ...["tools/run.mjs", "apps/simulator/src/main.ts", "--output", "kafka"],
      ...["--kafka-topic-prefix", prefix, "--data", join(home, data), ...options],
      ...(options.includes("--partitions") ? [] : ["--partitions", String(partitions)]),
      ...(options.includes("--kafka-brokers") ? [] : ["--kafka-brokers", inject("kafkaBrokers").join(",")])
    ],
    { cwd: root, stdio: ["ignore", "pipe", "pipe"] }
  )
  let output = ""
  child.stdout.on("data", (text) => (output += text))
  child.stderr.on("data", (text) => (output += text))
  const ended = once(child, "close").then(([code]) => ({ code: code as number | null, output }))
  return { child, ended }
}

const places = topics.flatMap((topic) =>
  Array.from({ length: partitions }, (_, partition) => ({ topic, partition }))
)

/** Values, keys and numbers of a partition's records that belong to a series, or (undefined) to none. */
const recordsOf = (log: KafkaEventLogService, topic: Topic, partition: number, ofSeries: boolean) =>
  Effect.gen(function* () {
    const found: Array<{ key: string; value: string; number: string | undefined }> = []
    const series = new Set<string>()
    for (let offset = 0; ;) {
      const batch = yield* log.read(topic, partition, offset, 1 << 20)
      if (batch.count === 0) break
      for (let i = 0; i < batch.count; i++) {
        const bytes = batch.headers === undefined ? null : bytesAt(batch.headers, i)
        const headers = new Map(
          decodeHeaders(bytes ?? new Uint8Array(0)).map(([name, value]) => [
            name,
            Buffer.from(value).toString()
          ])
        )
        if (headers.has(seriesHeader) !== ofSeries) continue
        if (ofSeries) series.add(headers.get(seriesHeader)!)
        found.push({
          key: Buffer.from(bytesAt(batch.keys, i) ?? []).toString(),
          value: Buffer.from(bytesAt(batch.values, i)!).toString(),
          number: headers.get(numberHeader)
        })
      }
      offset = batch.offsets[batch.count - 1] + 1
    }
    expect(series.size).toBeLessThanOrEqual(1)
    return found
  })

it(
  "goes on with the exact event after any kill -9, past other producers' records",
  () =>
    Effect.gen(function* () {
      const whole = kafkaTestSettings(inject("kafkaBrokers"), { partitions })
      const cut = kafkaTestSettings(inject("kafkaBrokers"), { partitions })
      expect(yield* Effect.promise(() => simulate(whole.topicPrefix, "whole").ended)).toMatchObject({
        code: 0
      })

      const expected = yield* makeKafkaEventLog(whole)
      const log = yield* makeKafkaEventLog(cut)
      const total = yield* Effect.map(
        Effect.forEach(places, ({ partition, topic }) => expected.range(topic, partition)),
        (ranges) => ranges.reduce((sum, { end }) => sum + end, 0)
      )
      const written = Effect.map(
        Effect.forEach(places, ({ partition, topic }) => log.range(topic, partition)),
        (ranges) => ranges.reduce((sum, { end }) => sum + end, 0)
      )
      const foreign = { count: 1, keys: bytesColumn([null]), values: bytesColumn([Buffer.from("not ours")]) }
      let kills = 0
      for (const share of [0.01, 0.2, 0.5, 0.8]) {
        const { child, ended } = simulate(cut.topicPrefix, "cut", [...large, "--kafka-compression", "gzip"])
        while (child.exitCode === null && (yield* written) < share * total) yield* Effect.sleep(2)
        if (child.kill("SIGKILL")) kills++
        yield* Effect.promise(() => ended)
        yield* log.append(places.map((place) => ({ ...place, records: foreign })))
      }
      expect(kills).toBeGreaterThan(1)
      // The data folder is lost, and another machine goes on.
      const last = yield* Effect.promise(() => simulate(cut.topicPrefix, "elsewhere").ended)
      expect(last).toMatchObject({ code: 0 })
      for (const { partition, topic } of places) {
        const all = yield* recordsOf(expected, topic, partition, true)
        const found = yield* recordsOf(log, topic, partition, true)
        expect(found).toEqual(all)
        expect(found.map(({ number }) => number)).toEqual(found.map((_, i) => String(i)))
        expect((yield* recordsOf(log, topic, partition, false)).length).toBe(4)
      }
      const again = yield* Effect.promise(() => simulate(cut.topicPrefix, "elsewhere").ended)
      expect(again.output).toContain("nothing new")
    }).pipe(Effect.scoped, Effect.runPromise),
  300_000
)

it("says what is wrong: nowhere to write, another number of partitions", async () => {
  const prefix = kafkaTestSettings(inject("kafkaBrokers")).topicPrefix
  expect((await simulate(prefix, "few", small).ended).code).toBe(0)
  const other = await simulate(prefix, "few", [...small, "--partitions", "5"]).ended
  expect(other).toMatchObject({ code: 2, output: expect.stringContaining("has 3 partitions, but 5") })
  const nobody = await simulate(prefix, "nobody", [...small, "--kafka-brokers", "127.0.0.1:1"]).ended
  expect(nobody).toMatchObject({ code: 3, output: expect.stringContaining("127.0.0.1:1") })
})
