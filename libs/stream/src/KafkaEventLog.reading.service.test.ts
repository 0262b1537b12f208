import { produceLines } from "../../../tools/services/consoleProducer.ts"
import { bytesAt, type LogBatch } from "@musify/domain/RecordBatch.ts"
import { decodeHeaders } from "@musify/domain/recordHeaders.ts"
import { Duration, Effect, type Scope } from "effect"
import fc from "fast-check"
import kafkajs from "kafkajs"
import { Buffer } from "node:buffer"
import { describe, expect, inject, it } from "vitest"
import type { EventLogService, Membership } from "./EventLog.ts"
import type { EventLogError } from "./EventLogError.ts"
import type { KafkaSettings } from "./kafka/KafkaSettings.ts"
import { type KafkaEventLogService, makeKafkaEventLog } from "./KafkaEventLog.ts"
import { until, withAdmin, withKafka } from "./testing/kafkaAdmin.ts"
import { kafkaTestSettings } from "./testing/kafkaTestSettings.ts"
import { recordsOf } from "./testing/plainRecords.ts"

const topic = "listen_events"
const brokers = () => inject("kafkaBrokers")

/** A log with topics of its own, and their name in Kafka. */
const withLog = <A, E>(
  use: (log: KafkaEventLogService, name: string, settings: KafkaSettings) => Effect.Effect<A, E, Scope.Scope>,
  options: Partial<KafkaSettings> = {}
): Promise<A> => {
  const settings = kafkaTestSettings(brokers(), options)
  return Effect.runPromise(
    Effect.scoped(
      Effect.flatMap(makeKafkaEventLog(settings), (log) =>
        use(log, `${settings.topicPrefix}${topic}`, settings)
      )
    )
  )
}

const ask = <A>(promise: () => Promise<A>): Effect.Effect<A, unknown> =>
  Effect.tryPromise({ try: promise, catch: (cause) => cause })

/** A member that has been told its partitions: all of them. */
const joined = (log: EventLogService): Effect.Effect<Membership, EventLogError, Scope.Scope> =>
  Effect.gen(function* () {
    const member = yield* log.join("readers")
    yield* member.assignments.take.pipe(Effect.orDie)
    return member
  })

const plain = (batch: LogBatch) =>
  Array.from({ length: batch.count }, (_, i) => {
    const key = bytesAt(batch.keys, i)
    const value = bytesAt(batch.values, i)
    const headers = batch.headers === undefined ? null : bytesAt(batch.headers, i)
    return {
      offset: batch.offsets[i],
      key: key === null ? null : Buffer.from(key).toString(),
      value: value === null ? null : Buffer.from(value).toString(),
      headers:
        headers === null
          ? []
          : decodeHeaders(headers).map(([name, bytes]) => [name, Buffer.from(bytes).toString()])
    }
  })

/** Everything from an offset on, in reads of `maxBytes`. */
const readOn = (read: EventLogService["read"], partition: number, from: number, maxBytes: number) =>
  Effect.gen(function* () {
    const all: Array<ReturnType<typeof plain>[number]> = []
    for (let offset = from; ;) {
      const batch = yield* read(topic, partition, offset, maxBytes)
      if (batch.count === 0) return all
      all.push(...plain(batch))
      offset = batch.offsets[batch.count - 1] + 1
    }
  })

const numbered = (count: number, from = 0) =>
  recordsOf(Array.from({ length: count }, (_, i) => ({ key: `k${i}`, value: `value ${from + i}` })))

describe("Kafka's records arrive as they were written", () => {
  it("with null keys, null values, headers, 10 MB, and without what transactions took back", () =>
    withLog((log, name) =>
      Effect.gen(function* () {
        const big = "x".repeat(10_000_000)
        yield* ask(() =>
          withKafka(brokers(), async (kafka) => {
            const producer = kafka.producer({
              createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
              transactionalId: name,
              maxInFlightRequests: 1,
              idempotent: true
            })
            await producer.connect()
            const send = async (end: "commit" | "abort", messages: Array<kafkajs.Message>) => {
              const transaction = await producer.transaction()
              await transaction.send({
                topic: name,
                messages: messages.map((message) => ({ ...message, partition: 0 }))
              })
              await transaction[end]()
            }
            await send("commit", [
              { key: null, value: "first", headers: { a: "1", b: ["2", "3"], ü: "" } },
              { key: "key", value: null },
              { key: "", value: "" }
            ])
            await send("abort", [{ key: "never", value: "never" }])
            await send("commit", [{ key: "big", value: big }])
            await send("abort", [{ key: "never", value: "never" }])
            await producer.disconnect()
          })
        )
        const expected = [
          {
            offset: 0,
            key: null,
            value: "first",
            headers: [
              ["a", "1"],
              ["b", "2"],
              ["b", "3"],
              ["ü", ""]
            ]
          },
          { offset: 1, key: "key", value: null, headers: [] },
          { offset: 2, key: "", value: "", headers: [] },
          // 3 is the first transaction's marker, 4 and 5 are the second one and its marker.
          { offset: 6, key: "big", value: big, headers: [] }
        ]
        // Kafka answers to a transaction's end before the end's marker is in the log.
        while ((yield* log.range(topic, 0)).end < 10) yield* Effect.sleep(20)
        const member = yield* joined(log)
        for (const read of [log.read, member.read]) {
          for (const maxBytes of [1, 1 << 20]) {
            const found = yield* readOn(read, 0, 0, maxBytes)
            expect(found.map(({ value }) => value?.length)).toEqual(
              expected.map(({ value }) => value?.length)
            )
            expect(found).toEqual(expected)
          }
        }
        // All that follows are records that nobody is to see.
        const { end } = yield* log.range(topic, 0)
        expect(end).toBe(10)
        for (const offset of [7, 8, 9, 10]) {
          expect((yield* log.read(topic, 0, offset, 100)).count).toBe(0)
          expect((yield* member.read(topic, 0, offset, 100)).count).toBe(0)
        }
      })
    ))

  it.each(["none", "gzip", "snappy", "lz4", "zstd"])(
    "from Kafka's console producer, compression %s",
    (type) =>
      withLog((log, name) =>
        Effect.gen(function* () {
          const lines = Array.from(
            { length: 400 },
            (_, i) => `{"song":"Döner ${i % 7} 🎵","artist":"The same artist","n":${i}}`
          )
          yield* ask(() =>
            produceLines({
              brokers: brokers(),
              topic: name,
              lines: lines.map((line, i) => `device ${i % 5}\t${line}`),
              keySeparator: "\t",
              settings: { "compression.type": type, "linger.ms": "100" }
            })
          )
          const member = yield* joined(log)
          const found = [
            ...(yield* readOn(member.read, 0, 0, 2000)),
            ...(yield* readOn(member.read, 1, 0, 1 << 20))
          ]
          expect(found.map(({ key, value }) => `${key}\t${value}`).sort()).toEqual(
            lines.map((line, i) => `device ${i % 5}\t${line}`).sort()
          )
          const keys = [0, 1].map(
            (partition) =>
              new Set(
                found.filter((_, i) => partition === Number(i >= found.length / 2)).map(({ key }) => key)
              )
          )
          expect(keys[0].size + keys[1].size).toBeGreaterThanOrEqual(5)
        })
      )
  )
})

describe("a member reads on from any offset", () => {
  it("as from an array, wherever it goes", () =>
    withLog(
      (log) =>
        Effect.gen(function* () {
          const member = yield* joined(log)
          const sizes = [1, 40, 3, 500, 2]
          let total = 0
          for (const size of sizes) {
            yield* log.append([{ topic, partition: 0, records: numbered(size, total) }])
            total += size
          }
          const step = fc.record({
            jump: fc.option(fc.nat(total), { freq: 3 }),
            reads: fc.integer({ min: 1, max: 4 }),
            maxBytes: fc.constantFrom(1, 100, 3000, 1 << 20)
          })
          yield* ask(() =>
            fc.assert(
              fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
                let offset = 0
                for (const { jump, maxBytes, reads } of steps) {
                  if (jump !== null) offset = jump
                  for (let r = 0; r < reads; r++) {
                    const batch = await Effect.runPromise(member.read(topic, 0, offset, maxBytes))
                    expect(batch.count > 0).toBe(offset < total)
                    plain(batch).forEach((record, i) =>
                      expect(record).toMatchObject({ offset: offset + i, value: `value ${offset + i}` })
                    )
                    offset += batch.count
                  }
                }
              }),
              { numRuns: 40 }
            )
          )
        }),
      { readAheadBytes: 1 << 20 }
    ))

  it("and is told what comes later, and an offset that the log has not", () =>
    withLog((log) =>
      Effect.gen(function* () {
        const member = yield* joined(log)
        expect((yield* member.read(topic, 0, 0, 100)).count).toBe(0)
        yield* log.append([{ topic, partition: 0, records: numbered(2) }])
        while ((yield* member.read(topic, 0, 0, 100)).count === 0) yield* Effect.sleep(20)
        for (const offset of [3, 1_000_000, -1]) {
          const error = yield* Effect.flip(member.read(topic, 0, offset, 100))
          expect(error).toMatchObject({ _tag: "OffsetOutOfRange", offset, start: 0, end: 2 })
        }
        expect((yield* member.read(topic, 0, 2, 100)).count).toBe(0)
      })
    ))
})

describe("a log that changes under its readers", () => {
  it("tells that retention has passed them, and moves nobody", () =>
    withLog((log, name) =>
      Effect.gen(function* () {
        const member = yield* joined(log)
        yield* log.append([{ topic, partition: 0, records: numbered(100) }])
        expect(plain(yield* member.read(topic, 0, 0, 1))).toMatchObject([{ offset: 0 }])
        const trim = (offset: string) =>
          ask(() =>
            withAdmin(brokers(), async (admin) => {
              // The admin's view of the leaders may be older than the topic.
              await until(() => admin.fetchTopicOffsets(name).then(() => true))
              await admin.deleteTopicRecords({ topic: name, partitions: [{ partition: 0, offset }] })
            })
          )
        yield* trim("60")
        // A waiting reader at the end is not concerned; one that was passed is told.
        expect((yield* member.read(topic, 0, 100, 1)).count).toBe(0)
        for (const read of [member.read, log.read]) {
          const error = yield* Effect.flip(read(topic, 0, 1, 1))
          expect(error).toMatchObject({ _tag: "OffsetOutOfRange", offset: 1, start: 60, end: 100 })
        }
        expect(plain(yield* member.read(topic, 0, 60, 1))).toMatchObject([{ offset: 60 }])
        yield* trim("-1")
        yield* Effect.sleep(600)
        expect((yield* Effect.flip(member.read(topic, 0, 30, 1)))._tag).toBe("OffsetOutOfRange")
        expect((yield* member.read(topic, 0, 100, 1)).count).toBe(0)
      })
    ))

  it.each([
    ["shorter", 10],
    ["longer", 300]
  ])("tells that the topic was deleted and made anew, %s than before", (_, count) =>
    withLog((log, name) =>
      Effect.gen(function* () {
        const member = yield* joined(log)
        yield* log.append([{ topic, partition: 0, records: numbered(100) }])
        expect((yield* member.read(topic, 0, 0, 1 << 20)).count).toBe(100)
        yield* log.append([{ topic, partition: 1, records: numbered(100) }])
        expect((yield* log.read(topic, 1, 0, 1 << 20)).count).toBe(100)
        yield* ask(() =>
          withAdmin(brokers(), async (admin) => {
            await admin.deleteTopics({ topics: [name] })
            await until(() =>
              admin.createTopics({ topics: [{ topic: name, numPartitions: 2 }], waitForLeaders: false })
            )
            // A broker that is behind its controller would take records for the old topic, and delete them with it.
            await until(async () => (await admin.fetchTopicOffsets(name)).every(({ high }) => high === "0"))
          })
        )
        yield* ask(() =>
          withKafka(brokers(), async (kafka) => {
            const producer = kafka.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner })
            await producer.connect()
            for (const partition of [0, 1]) {
              const messages = Array.from({ length: count }, (__, i) => ({ value: `new ${i}`, partition }))
              await until(() => producer.send({ topic: name, messages }).then(() => true))
            }
            await producer.disconnect()
          })
        )
        // The member stood at the end of the old topic: it gets nothing of the new one before it is told.
        while (true) {
          const result = yield* Effect.either(member.read(topic, 0, 100, 1000))
          if (result._tag === "Left" && result.left.message.includes("was deleted and made anew")) break
          if (result._tag === "Right") expect(result.right.count).toBe(0)
          else expect(result.left).toMatchObject({ _tag: "EventLogUnavailable", retryable: true })
        }
        // Then it may look at the new one.
        const exit = yield* Effect.either(member.read(topic, 0, 100, 10))
        if (count < 100)
          expect(exit).toMatchObject({ left: { _tag: "OffsetOutOfRange", offset: 100, start: 0, end: 10 } })
        else expect(exit, JSON.stringify(exit)).toMatchObject({ right: { count: 1 } })
        expect(plain(yield* member.read(topic, 0, 0, 1))).toMatchObject([{ value: "new 0" }])
        expect(plain(yield* log.read(topic, 1, 0, 1))).toMatchObject([{ value: "new 0" }])
        // A producer sees it by where its records land.
        const appended = yield* Effect.either(
          log.append([{ topic, partition: 1, records: numbered(1, 100) }])
        )
        if (count < 100)
          expect(appended).toMatchObject({
            left: {
              _tag: "EventLogUnavailable",
              retryable: false,
              message: expect.stringContaining("ended at offset 100, and ends at 10 now")
            }
          })
        else expect(appended).toMatchObject({ right: [300] })
      })
    )
  )

  it("tells that there are more partitions than at the start", () =>
    withLog(
      (log, name, settings) =>
        Effect.gen(function* () {
          yield* log.append([{ topic, partition: 0, records: numbered(1) }])
          yield* ask(() =>
            withAdmin(brokers(), (admin) =>
              admin.createPartitions({ topicPartitions: [{ topic: name, count: 5 }] })
            )
          )
          const told = {
            _tag: "EventLogUnavailable",
            retryable: false,
            message: expect.stringContaining("has 5 partitions now, and had 2 when this program started")
          }
          while ((yield* Effect.either(log.read(topic, 0, 0, 1)))._tag === "Right") yield* Effect.sleep(50)
          expect(yield* Effect.flip(log.read(topic, 0, 0, 1))).toMatchObject(told)
          expect(
            yield* Effect.flip(log.append([{ topic, partition: 0, records: numbered(1) }]))
          ).toMatchObject(told)
          const again = yield* Effect.flip(makeKafkaEventLog(settings))
          expect(again).toMatchObject({
            message: expect.stringContaining("has 5 partitions, but 2 were asked for"),
            exitCode: 2
          })
        }),
      { metadataMaxAge: Duration.millis(200) }
    ))

  it("refuses a compacted topic", () =>
    Effect.gen(function* () {
      const settings = kafkaTestSettings(brokers())
      yield* ask(() =>
        withAdmin(brokers(), (admin) =>
          admin.createTopics({
            waitForLeaders: false,
            topics: [
              {
                topic: `${settings.topicPrefix}${topic}`,
                configEntries: [{ name: "cleanup.policy", value: "compact,delete" }]
              }
            ]
          })
        )
      )
      const error = yield* Effect.flip(makeKafkaEventLog({ ...settings, partitions: undefined }))
      expect(error).toMatchObject({ exitCode: 2, message: expect.stringContaining("is compacted") })
    }).pipe(Effect.scoped, Effect.runPromise))
})
