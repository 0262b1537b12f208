import type { LogBatch } from "@musify/domain/RecordBatch.ts"
import { bytesColumn, copyAt } from "@musify/domain/RecordBatch.ts"
import type { Topic } from "@musify/domain/Topic.ts"
import type { EventLogService } from "@musify/stream/EventLog.ts"
import { OffsetOutOfRange, UnexpectedOffset } from "@musify/stream/EventLogError.ts"
import { soleMember } from "@musify/stream/soleMember.ts"
import { overwrittenOnRelease } from "@musify/stream/testing/overwrittenOnRelease.ts"
import { Effect } from "effect"

interface StoredRecord {
  readonly offset: number
  readonly timestamp: number
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
  readonly headers: Uint8Array | null
}

/** A log in memory that a test can break: truncate it, make holes in it, make it anew. */
export class MemoryEventLog {
  private readonly partitionCount: number
  private readonly logs: Map<string, { start: number; end: number; records: Array<StoredRecord> }> = new Map()
  readonly committed: Map<string, number> = new Map()
  /** Log time of the records appended next. */
  now = 1_800_000_000_000

  constructor(partitionCount = 1) {
    this.partitionCount = partitionCount
  }

  private at(topic: Topic, partition: number) {
    const key = `${topic}/${partition}`
    const found = this.logs.get(key) ?? { start: 0, end: 0, records: [] }
    this.logs.set(key, found)
    return found
  }

  append(topic: Topic, partition: number, values: ReadonlyArray<Uint8Array | null>): void {
    for (const value of values) this.put(topic, partition, { key: null, value, headers: null })
  }

  private put(
    topic: Topic,
    partition: number,
    record: Pick<StoredRecord, "key" | "value" | "headers">
  ): void {
    const log = this.at(topic, partition)
    log.records.push({ offset: log.end++, timestamp: this.now++, ...record })
  }

  /** Offsets that hold no record, as in a compacted log. */
  skip(topic: Topic, partition: number, offsets: number): void {
    this.at(topic, partition).end += offsets
  }

  /** Retention: everything before `start` goes. */
  truncate(topic: Topic, partition: number, start: number): void {
    const log = this.at(topic, partition)
    log.start = Math.max(log.start, start)
    log.records = log.records.filter((record) => record.offset >= log.start)
  }

  /** The partition is deleted and made anew. */
  recreate(topic: Topic, partition: number): void {
    this.logs.delete(`${topic}/${partition}`)
  }

  offsets(topic: Topic, partition: number): ReadonlyArray<number> {
    return this.at(topic, partition).records.map((record) => record.offset)
  }

  readonly service: EventLogService = {
    partitions: () => Effect.sync(() => this.partitionCount),
    join: () => soleMember(this.service),
    append: (batches) =>
      Effect.suspend(() => {
        for (const { expectedOffset: expected, partition, topic } of batches) {
          const { end: found } = this.at(topic, partition)
          if (expected !== undefined && expected !== found)
            return new UnexpectedOffset({ topic, partition, expected, found })
        }
        return Effect.succeed(
          batches.map(({ partition, records: { count, headers, keys, values }, topic }) => {
            const { end } = this.at(topic, partition)
            for (let i = 0; i < count; i++)
              this.put(topic, partition, {
                key: copyAt(keys, i),
                value: copyAt(values, i),
                headers: headers === undefined ? null : copyAt(headers, i)
              })
            return end
          })
        )
      }),
    read: (topic, partition, offset, maxBytes) =>
      Effect.suspend(() => {
        const { end, records, start } = this.at(topic, partition)
        if (offset < start || offset > end)
          return new OffsetOutOfRange({ topic, partition, offset, start, end })
        const taken: Array<StoredRecord> = []
        let bytes = 0
        let index = lowerBound(records, offset)
        for (; index < records.length && (taken.length === 0 || bytes < maxBytes); index++) {
          taken.push(records[index])
          bytes += records[index].value?.length ?? 0
        }
        return Effect.succeed(overwrittenOnRelease(logBatch(taken)))
      }),
    range: (topic, partition) =>
      Effect.sync(() => {
        const { end, start } = this.at(topic, partition)
        return { start, end }
      }),
    commit: (group, topic, partition, offset) =>
      Effect.sync(() => void this.committed.set(`${group}/${topic}/${partition}`, offset)),
    committed: (group, topic, partition) =>
      Effect.sync(() => this.committed.get(`${group}/${topic}/${partition}`))
  }
}

const lowerBound = (records: ReadonlyArray<StoredRecord>, offset: number): number => {
  let low = 0
  let high = records.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (records[middle].offset < offset) low = middle + 1
    else high = middle
  }
  return low
}

const logBatch = (records: ReadonlyArray<StoredRecord>): LogBatch => ({
  count: records.length,
  keys: bytesColumn(records.map((record) => record.key)),
  values: bytesColumn(records.map((record) => record.value)),
  ...(records.some((record) => record.headers !== null)
    ? { headers: bytesColumn(records.map((record) => record.headers)) }
    : {}),
  offsets: Float64Array.from(records, (record) => record.offset),
  timestamps: Float64Array.from(records, (record) => record.timestamp)
})
