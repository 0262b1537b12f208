import { copyColumn } from "@musify/domain/RecordBatch.ts"
import type { Topic } from "@musify/domain/Topic.ts"
import { Clock, Effect, Layer } from "effect"
import type { Append, EventLogService } from "./EventLog.ts"
import { EventLog } from "./EventLog.ts"
import type { EventLogError } from "./EventLogError.ts"
import { EventLogUnavailable, OffsetOutOfRange, UnexpectedOffset } from "./EventLogError.ts"
import type { StoredBatch } from "./StoredBatch.ts"
import { soleMember } from "./soleMember.ts"
import { joinSlices, takeSlices } from "./StoredBatch.ts"

const attempt = <A>(evaluate: () => A): Effect.Effect<A, EventLogError> =>
  Effect.try({ try: evaluate, catch: (cause) => cause as EventLogError })

/** A log in memory, for tests of what reads and writes logs. It passes the same contract as the stored ones. */
export const makeInMemoryEventLog = (options: { readonly partitions: number }): EventLogService => {
  const stored = new Map<string, Array<StoredBatch>>()
  const groups = new Map<string, number>()

  const batchesOf = (topic: Topic, partition: number): Array<StoredBatch> => {
    if (!Number.isInteger(partition) || partition < 0 || partition >= options.partitions) {
      throw new EventLogUnavailable({ message: `${topic} has no partition ${partition}.`, retryable: false })
    }
    const name = `${topic}/${partition}`
    const batches = stored.get(name) ?? []
    stored.set(name, batches)
    return batches
  }
  const endOf = (batches: ReadonlyArray<StoredBatch>): number => {
    const last = batches.at(-1)
    return last === undefined ? 0 : last.base + last.count
  }

  const appendAll = (appends: ReadonlyArray<Append>, now: number): ReadonlyArray<number> => {
    const undo = new Map(
      appends.map(({ partition, topic }) => {
        const batches = batchesOf(topic, partition)
        return [batches, batches.length]
      })
    )
    try {
      return appends.map(({ expectedOffset, partition, records, topic }) => {
        const batches = batchesOf(topic, partition)
        const base = endOf(batches)
        if (expectedOffset !== undefined && expectedOffset !== base) {
          throw new UnexpectedOffset({ topic, partition, expected: expectedOffset, found: base })
        }
        if (records.count > 0) batches.push({ ...copy(records), base, timestamp: now })
        return base
      })
    } catch (cause) {
      for (const [batches, length] of undo) batches.length = length
      throw cause
    }
  }

  const log: EventLogService = {
    partitions: () => Effect.succeed(options.partitions),
    join: () => soleMember(log),
    append: (appends) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) => attempt(() => appendAll(appends, now))),
    read: (topic, partition, offset, maxBytes) =>
      attempt(() => {
        const batches = batchesOf(topic, partition)
        const end = endOf(batches)
        if (!(offset >= 0 && offset <= end)) {
          throw new OffsetOutOfRange({ topic, partition, offset, start: 0, end })
        }
        const wanted = batches.filter(({ base, count }) => base + count > offset)
        return joinSlices(takeSlices(wanted, offset, maxBytes))
      }),
    range: (topic, partition) => attempt(() => ({ start: 0, end: endOf(batchesOf(topic, partition)) })),
    commit: (group, topic, partition, offset) =>
      attempt(() => {
        batchesOf(topic, partition)
        groups.set(`${group}/${topic}/${partition}`, offset)
      }),
    committed: (group, topic, partition) => attempt(() => groups.get(`${group}/${topic}/${partition}`))
  }
  return log
}

// The caller may use its buffers again after an append.
const copy = (records: Append["records"]): Append["records"] => ({
  count: records.count,
  keys: copyColumn(records.keys),
  values: copyColumn(records.values),
  ...(records.headers === undefined ? {} : { headers: copyColumn(records.headers) })
})

/** A new, empty log in memory. */
export const layerInMemoryEventLog = (options: { readonly partitions: number }): Layer.Layer<EventLog> =>
  Layer.sync(EventLog, () => makeInMemoryEventLog(options))
