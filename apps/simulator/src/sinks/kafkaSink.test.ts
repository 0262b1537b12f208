import { bytesAt, bytesColumn, type RecordBatch } from "@musify/domain/RecordBatch.ts"
import { decodeHeaders } from "@musify/domain/recordHeaders.ts"
import { type Topic, topics } from "@musify/domain/Topic.ts"
import type { Append } from "@musify/stream/EventLog.ts"
import { EventLogUnavailable } from "@musify/stream/EventLogError.ts"
import { numberHeader, seriesHeader } from "@musify/stream/kafka/series.ts"
import { Effect } from "effect"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { kafkaSink, type SeriesLog } from "./kafkaSink.ts"

const series = "0123456789abcdef"
const partitions = [2, 2, 2, 2]

interface Stored {
  readonly value: string
  readonly number: number
}

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString()

/** A log that fails on demand: before anything landed, after a part of each batch did, or after all. */
class FailingLog implements SeriesLog {
  readonly stored = new Map<string, Array<Stored>>()
  private readonly plan: Iterator<number | null>
  constructor(plan: Iterator<number | null>) {
    this.plan = plan
  }

  of(topic: Topic, partition: number): Array<Stored> {
    const name = `${topic}/${partition}`
    const list = this.stored.get(name) ?? []
    this.stored.set(name, list)
    return list
  }

  readonly append = (batches: ReadonlyArray<Append>) =>
    Effect.suspend(() => {
      const share = this.plan.next().value as number | null
      for (const { partition, records, topic } of batches) {
        const landed = share === null ? records.count : Math.floor(share * records.count)
        for (let i = 0; i < landed; i++) {
          const headers = new Map(decodeHeaders(bytesAt(records.headers!, i)!))
          expect(text(headers.get(seriesHeader)!)).toBe(series)
          this.of(topic, partition).push({
            value: text(bytesAt(records.values, i)!),
            number: Number(text(headers.get(numberHeader)!))
          })
        }
      }
      return share === null
        ? Effect.succeed([])
        : Effect.fail(new EventLogUnavailable({ message: "the answer is lost", retryable: true }))
    })

  readonly seriesEnd = (_: string, topic: Topic, partition: number) =>
    Effect.sync(() => {
      const last = this.of(topic, partition).at(-1)
      return last === undefined ? undefined : last.number + 1
    })
}

const recordsOf = (values: ReadonlyArray<string>): RecordBatch => ({
  count: values.length,
  keys: bytesColumn(values.map(() => Buffer.from("device01"))),
  values: bytesColumn(values.map((value) => Buffer.from(value)))
})

const sinkOver = (log: SeriesLog, options: { readonly patient: boolean; readonly position?: number }) =>
  kafkaSink({
    log,
    series,
    partitions,
    positions: topics.map(() => [options.position ?? 0, options.position ?? 0]),
    began: () => 0,
    patient: options.patient
  })

describe("the sink of Kafka", () => {
  it("has every event in the log once and in order, whatever of an append landed before it failed", () =>
    fc.assert(
      fc.asyncProperty(
        fc.infiniteStream(fc.option(fc.double({ min: 0, max: 1, noNaN: true }), { freq: 1 })),
        fc.array(fc.array(fc.tuple(fc.constantFrom(...topics), fc.nat(1), fc.nat(5)), { maxLength: 4 }), {
          maxLength: 6
        }),
        async (plan, appends) => {
          const log = new FailingLog(plan)
          const sent = new Map<string, Array<string>>()
          const run = Effect.gen(function* () {
            const sink = yield* sinkOver(log, { patient: true })
            for (const [n, parts] of appends.entries()) {
              const distinct = new Map(parts.map((part) => [`${part[0]}/${part[1]}`, part]))
              const batches = [...distinct.values()].map(([topic, partition, count]) => {
                const values = Array.from({ length: count }, (_, i) => `${n} ${topic} ${partition} ${i}`)
                const name = `${topic}/${partition}`
                sent.set(name, [...(sent.get(name) ?? []), ...values])
                return { topic, partition, records: recordsOf(values) }
              })
              const appending = sink.append(batches, 0)
              // The simulation uses its bytes again while the append is under way.
              for (const { records } of batches) records.values.data.fill(33)
              yield* appending
            }
          })
          await Effect.runPromise(run)
          for (const [name, values] of sent) {
            const [topic, partition] = name.split("/")
            const stored = log.of(topic as Topic, Number(partition))
            expect(stored).toEqual(values.map((value, number) => ({ value, number })))
          }
        }
      )
    ))

  it("gives up a history after some failures, and at once what no waiting mends", () =>
    Effect.gen(function* () {
      const away = new FailingLog(
        (function* () {
          while (true) yield 0
        })()
      )
      const batch = { topic: topics[0], partition: 0, records: recordsOf(["a"]) }
      const sink = yield* sinkOver(away, { patient: false })
      expect(yield* Effect.flip(sink.append([batch], 0))).toMatchObject({ _tag: "EventLogUnavailable" })
      let tries = 0
      const broken: SeriesLog = {
        append: () => {
          tries++
          return Effect.fail(new EventLogUnavailable({ message: "no right to write", retryable: false }))
        },
        seriesEnd: away.seriesEnd
      }
      const other = yield* sinkOver(broken, { patient: true })
      expect(yield* Effect.flip(other.append([batch], 0))).toMatchObject({ message: "no right to write" })
      expect(tries).toBe(1)
    }).pipe(Effect.runPromise))

  it("looks again before its first append: what a killed run had under way may land late", () =>
    Effect.gen(function* () {
      const log = new FailingLog([null, null][Symbol.iterator]())
      const sink = yield* sinkOver(log, { patient: true })
      log.of(topics[1], 1).push({ value: "a", number: 0 })
      const batchOf = (values: ReadonlyArray<string>) => ({
        topic: topics[1],
        partition: 1,
        records: recordsOf(values)
      })
      yield* sink.append([batchOf(["a", "b"])], 0)
      yield* sink.append([batchOf(["c"])], 0)
      expect(log.of(topics[1], 1).map(({ value }) => value)).toEqual(["a", "b", "c"])
    }).pipe(Effect.runPromise))

  it("notices another simulator of the same series", () =>
    Effect.gen(function* () {
      const log = new FailingLog([0][Symbol.iterator]())
      log.of(topics[0], 0).push({ value: "theirs", number: 7 })
      const sink = yield* sinkOver(log, { patient: true, position: 3 })
      const batch = { topic: topics[0], partition: 0, records: recordsOf(["a", "b"]) }
      const error = yield* Effect.flip(sink.append([batch], 0))
      expect(error).toMatchObject({
        _tag: "UserError",
        exitCode: 1,
        message: expect.stringContaining("end at number 7, but 3 to 4 are being written")
      })
    }).pipe(Effect.runPromise))
})
