/*
 * The producer of the chaos run: writes records to Kafka through KafkaEventLog and notes what it was told is
 * acknowledged. One argument, ProducerArgs as JSON. Ends by a signal.
 */
import { bytesColumn } from "@musify/domain/RecordBatch.ts"
import { encodeHeaders } from "@musify/domain/recordHeaders.ts"
import { type Topic, topics } from "@musify/domain/Topic.ts"
import { describeFailure } from "@musify/runtime/runMain.ts"
import { makeKafkaEventLog } from "@musify/stream/KafkaEventLog.ts"
import { kafkaTestSettings } from "@musify/stream/testing/kafkaTestSettings.ts"
import { Duration, Effect, Exit } from "effect"
import { Buffer } from "node:buffer"
import { openSync } from "node:fs"
import { join } from "node:path"
import process from "node:process"
import { seeded } from "../musify.ts"
import { chaosRecord, type ChaosRecord, kindHeader } from "./chaosEvents.ts"
import { valueHash, writeAcknowledged } from "./journal.ts"
import type { ProducerArgs } from "./ProducerArgs.ts"

if (process.argv[2] === "--help") {
  console.log("One argument: what it is told, as JSON (ProducerArgs.ts).")
  process.exit(0)
}
const args = JSON.parse(process.argv[2]) as ProducerArgs
/** Events of one start have numbers of their own. */
const numbersPerStart = 10_000_000

const random = seeded(args.seed * 1009 + args.start)
const journal = openSync(join(args.journal, `${String(args.start).padStart(4, "0")}.ndjson`), "a")
let next = args.start * numbersPerStart

/** A larger append would be several batches of Kafka's, between which another producer's may come. */
const largestBatchBytes = 200_000

const makeBatch = (topic: Topic, partition: number, now: number) => {
  const records: Array<ChaosRecord> = []
  let bytes = 0
  for (let left = 1 + Math.floor(random() * 60); left > 0 && bytes < largestBatchBytes; left--) {
    const record = chaosRecord(topic, next++, now, random)
    const size = record.value?.length ?? 0
    // A record that is large alone is sent alone.
    if (size > largestBatchBytes) records.length = 0
    records.push(record)
    bytes += size
  }
  const count = records.length
  const header = (kind: string) => encodeHeaders([[kindHeader, Buffer.from(kind)]])
  return {
    topic,
    partition,
    records: {
      count,
      keys: bytesColumn(records.map(({ key }) => key)),
      values: bytesColumn(records.map(({ value }) => value)),
      headers: bytesColumn(records.map(({ kind }) => header(kind)))
    },
    hashes: records.map(({ value }) => valueHash(value))
  }
}

const run = Effect.gen(function* () {
  const log = yield* makeKafkaEventLog(
    kafkaTestSettings([args.brokers], {
      clientId: "chaos-producer",
      topicPrefix: args.topicPrefix,
      createTopics: false,
      partitions: undefined,
      timeout: Duration.seconds(10)
    })
  )
  console.log(`start ${args.start} writes`)
  while (true) {
    const began = Date.now()
    const batches: Array<ReturnType<typeof makeBatch>> = []
    for (const topic of topics) {
      const partitions = yield* log.partitions(topic)
      for (let partition = 0; partition < partitions; partition++)
        if (random() < 0.6) batches.push(makeBatch(topic, partition, began))
    }
    const written = yield* Effect.either(log.append(batches))
    if (written._tag === "Right") {
      batches.forEach(({ hashes, partition, topic }, i) =>
        writeAcknowledged(journal, { topic, partition, base: written.right[i], hashes })
      )
    } else {
      // Some of them may be in the log all the same; nobody was told, so nothing is promised.
      console.log(`${new Date().toISOString()} not acknowledged: ${written.left.message}`)
      yield* Effect.sleep(Duration.millis(300))
    }
    const records = batches.reduce((sum, { hashes }) => sum + hashes.length, 0)
    yield* Effect.sleep(Duration.millis(Math.max(0, (1000 * records) / args.rate - (Date.now() - began))))
  }
})

const exit = await Effect.runPromiseExit(Effect.scoped(run))
// No broker at the start, say: it ends as the commands do, and its supervisor starts it again.
if (Exit.isFailure(exit)) {
  const { exitCode, message } = describeFailure(exit.cause)
  console.log(`${new Date().toISOString()} ${message}`)
  process.exit(exitCode)
}
