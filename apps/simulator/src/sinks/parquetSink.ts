import { dayMs, hourMs } from "@musify/domain/Hour.ts"
import type { LogBatch, RecordBatch } from "@musify/domain/RecordBatch.ts"
import { type Topic, topics } from "@musify/domain/Topic.ts"
import { BatchBuilder, type BatchLimits } from "@musify/lake/BatchBuilder.ts"
import { makeLocalDirectoryObjectStore } from "@musify/lake/LocalDirectoryObjectStore.ts"
import { deadLetterPrefix, lakePrefix } from "@musify/lake/objectNames.ts"
import type { ObjectStoreService } from "@musify/lake/ObjectStore.ts"
import type { ObjectStoreError } from "@musify/lake/ObjectStoreError.ts"
import { fileError, UserError } from "@musify/runtime/UserError.ts"
import { Effect, type Scope } from "effect"
import type { Buffer } from "node:buffer"
import { type EventSink, onePartition } from "../EventSink.ts"
import type { WrittenBatch } from "../EventWriter.ts"
import { asBuffer, eventTime } from "./eventTime.ts"
import type { OutputFolder } from "./OutputFolder.ts"

/** Rows of a file at most: an hour of many listeners becomes several. */
const limits: BatchLimits = { rows: 200_000, bytes: 128 * 1024 * 1024, files: 64 }

/** Folders of an output of Parquet files: one per topic, and one for what cannot be a row. */
export const parquetNames: ReadonlyArray<string> = [...topics, "dead-letters"]

/** Where a file lies in the folder: topics right in it, without the lake's `lake/`. */
const nameInFolder = (name: string): string => (name.startsWith("lake/") ? name.slice(5) : name)

const firstOffsetOf = (name: string): number => Number(/-(\d+)\.parquet$/.exec(name)?.[1] ?? Number.NaN)

/** The events of one topic, gathered until their hour is over. */
class TopicHours {
  readonly topic: Topic
  /** Events that are in files. */
  records: number
  /** Behind the last event that was taken. */
  private next: number
  private builder: BatchBuilder
  private hourEnd = Number.NEGATIVE_INFINITY
  private lastTs = 0
  private readonly rows: number

  constructor(topic: Topic, records: number, rows: number) {
    this.topic = topic
    this.records = records
    this.next = records
    this.rows = rows
    this.builder = this.builderFrom(records)
  }

  // The log time is the event's own, so that none is ahead of it.
  private builderFrom(start: number): BatchBuilder {
    return new BatchBuilder(this.topic, 0, start, { ...limits, rows: this.rows })
  }

  /** Takes events and answers the batches that are full: those of hours that are over. */
  take(records: RecordBatch, time: number): ReadonlyArray<BatchBuilder> {
    const full: Array<BatchBuilder> = []
    const data = asBuffer(records.values.data)
    const batch = this.logBatch(records, data, time)
    let from = 0
    while (from < batch.count) {
      let to = from
      while (to < batch.count && batch.timestamps[to] < this.hourEnd) to++
      while (from < to) {
        from = this.builder.add({ ...batch, count: to }, from)
        if (from < to) full.push(this.cut())
      }
      if (from < batch.count) {
        this.hourEnd = (Math.floor(batch.timestamps[from] / hourMs) + 1) * hourMs
        if (!this.builder.isEmpty) full.push(this.cut())
      }
    }
    this.next += records.count
    return full
  }

  /** What was gathered so far. */
  cut(): BatchBuilder {
    const { builder } = this
    this.builder = this.builderFrom(builder.next)
    return builder
  }

  /**
   * As the log would give the events at `time`: the log time is the event's own, or the one before it where it has none
   * or lies too far ahead to be true, so that it is a dead letter and ends no hour.
   */
  private logBatch(records: RecordBatch, data: Buffer, time: number): LogBatch {
    const { ends } = records.values
    const timestamps = new Float64Array(records.count)
    const offsets = new Float64Array(records.count)
    for (let n = 0; n < records.count; n++) {
      const ts = eventTime(data, n === 0 ? 0 : ends[n - 1], ends[n])
      if (ts <= time + dayMs) this.lastTs = ts
      timestamps[n] = this.lastTs
      offsets[n] = this.next + n
    }
    return { ...records, timestamps, offsets }
  }
}

interface FullBatch {
  readonly hours: TopicHours
  readonly builder: BatchBuilder
}

export interface ParquetOptions {
  /** Rows of a file at most (default 200,000). */
  readonly rows?: number
}

/**
 * Parquet files by topic and hour (`listen_events/year=2026/month=11/day=23/hour=16/0-0-<first>.parquet`) with the
 * lake's columns; `_offset` is the event's number in its topic. A file is written when its hour is over or full, and at
 * the end. What cannot be a row is in `dead-letters/`, as in the lake. After any stop, files that were not noted are
 * removed, and the simulation goes on with the event after those that were.
 */
export const parquetSink = (
  folder: OutputFolder,
  { rows = limits.rows }: ParquetOptions = {}
): Effect.Effect<EventSink<UserError>, UserError, Scope.Scope> =>
  Effect.gen(function* () {
    const store = yield* stored(makeLocalDirectoryObjectStore({ directory: folder.path }))
    const { records } = folder.durable
    yield* stored(Effect.forEach(topics, (topic) => removeFrom(store, topic, records[topic])))
    const byTopic = topics.map((topic) => new TopicHours(topic, records[topic], rows))

    // Several at once: a file waits for the disk most of its time.
    const putAll = (full: ReadonlyArray<FullBatch>) =>
      Effect.gen(function* () {
        const files = full.flatMap(({ builder }) => builder.freeze(0, "simulator").files)
        yield* Effect.forEach(
          files,
          (file) => stored(Effect.suspend(() => store.putIfAbsent(nameInFolder(file.path), file.encode()))),
          { concurrency: 8, discard: true }
        )
        for (const { builder, hours } of full) hours.records = builder.next
      })
    const note = Effect.try({
      try: () =>
        folder.note({
          records: Object.fromEntries(byTopic.map(({ topic, records }) => [topic, records])) as Record<
            Topic,
            number
          >,
          bytes: {}
        }),
      catch: (cause) => fileError(`write to ${folder.path}`, cause)
    })
    const append = (batches: ReadonlyArray<WrittenBatch>, time: number) =>
      Effect.suspend(() => {
        const full = batches.flatMap((batch) => {
          const hours = byTopic[topics.indexOf(batch.topic)]
          return hours.take(batch.records, time).map((builder) => ({ hours, builder }))
        })
        return full.length === 0 ? Effect.void : Effect.zipRight(putAll(full), note)
      })

    // One thing at a time, also when the end comes while an append is under way.
    const turn = Effect.unsafeMakeSemaphore(1)
    let broken = false
    yield* Effect.addFinalizer(() =>
      Effect.gen(function* () {
        if (broken) return
        broken = true
        yield* putAll(
          byTopic.map((hours) => ({ hours, builder: hours.cut() })).filter(({ builder }) => !builder.isEmpty)
        )
        yield* note
      }).pipe(turn.withPermits(1), Effect.orDie)
    )
    return {
      partitions: onePartition,
      positions: topics.map((topic) => [records[topic]]),
      newline: false,
      append: (batches, time) =>
        Effect.suspend(() => (broken ? Effect.interrupt : append(batches, time))).pipe(
          Effect.tapError(() => Effect.sync(() => (broken = true))),
          Effect.uninterruptible,
          turn.withPermits(1)
        )
    } satisfies EventSink<UserError>
  })

const stored = <A>(effect: Effect.Effect<A, ObjectStoreError>): Effect.Effect<A, UserError> =>
  Effect.mapError(effect, ({ message }) => new UserError({ message, exitCode: 3 }))

/** Removes a topic's files whose first event is number `from` or later. */
const removeFrom = (store: ObjectStoreService, topic: Topic, from: number) =>
  Effect.forEach([nameInFolder(lakePrefix(topic)), deadLetterPrefix(topic)], (prefix) =>
    Effect.flatMap(store.list(prefix), (entries) =>
      Effect.forEach(
        entries.filter(({ name }) => firstOffsetOf(name) >= from),
        ({ name }) => store.remove(name)
      )
    )
  )
