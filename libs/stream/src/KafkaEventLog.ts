import type { Topic } from "@musify/domain/Topic.ts"
import { UserError } from "@musify/runtime/UserError.ts"
import { Clock, Duration, Effect, Layer, type Scope } from "effect"
import { type Append, EventLog, type EventLogService } from "./EventLog.ts"
import {
  type EventLogError,
  EventLogUnavailable,
  OffsetOutOfRange,
  UnexpectedOffset
} from "./EventLogError.ts"
import { Cluster } from "./kafka/Cluster.ts"
import { loadCompression } from "./kafka/compression.ts"
import { connectionOptions } from "./kafka/connectionOptions.ts"
import { askCoordinator } from "./kafka/coordinator.ts"
import type { Group } from "./kafka/Group.ts"
import { joinGroup } from "./kafka/joinGroup.ts"
import { kafkaFailure } from "./kafka/kafkaFailure.ts"
import type { KafkaSettings } from "./kafka/KafkaSettings.ts"
import { KafkaTopics } from "./kafka/KafkaTopics.ts"
import { LogReader, OutOfRange } from "./kafka/LogReader.ts"
import { Producer } from "./kafka/Producer.ts"
import { offsetsOf, rangeOf } from "./kafka/ranges.ts"
import { findLastNumber } from "./kafka/series.ts"
import { openTopics } from "./kafka/topics.ts"

/** Kafka as the event log: what `EventLog` promises, and where a producer's series ends. */
export interface KafkaEventLogService extends EventLogService {
  /**
   * The number of the next record of a series (kafka/series.ts) in a partition: one more than that of its last record in
   * the log, found by looking back from the log's end, past other producers' records, to offset `from` at most (default:
   * the log's start). Undefined: there is none of it. Appends of this log whose fate is not known are settled first.
   */
  readonly seriesEnd: (
    series: string,
    topic: Topic,
    partition: number,
    from?: number
  ) => Effect.Effect<number | undefined, EventLogError>
}

const seriesReadBytes = 1 << 20
/** A commit is a hint: nobody waits long for it, not even while the group rebalances. */
const commitMs = 5_000
const nobody = { standing: { generation: -1, memberId: "" } }
/** At the start nobody waits for a cluster that is away, but for one that is just starting. */
const startMs = 10_000

const isTagged = (cause: unknown): cause is EventLogError =>
  cause instanceof UnexpectedOffset ||
  cause instanceof OffsetOutOfRange ||
  cause instanceof EventLogUnavailable

const makeService = (
  cluster: Cluster,
  topics: KafkaTopics,
  settings: KafkaSettings,
  newCluster: () => Cluster
): KafkaEventLogService => {
  const timeoutMs = Duration.toMillis(settings.timeout)
  const reader = new LogReader(cluster, timeoutMs)
  const producer = new Producer(cluster, settings.compression, timeoutMs)
  const groups = new Map<string, Set<Group>>()
  /** Its name in Kafka: logs beside each other on one cluster, told apart by their topics' prefix, share no members. */
  const groupOf = (name: string): string => `${settings.topicPrefix}${name}`

  const asking = <A>(doing: string, ask: () => Promise<A>): Effect.Effect<A, EventLogError> =>
    Effect.tryPromise({
      // What is thrown before the first wait fails as well.
      try: async () => ask(),
      catch: (cause) => (isTagged(cause) ? cause : kafkaFailure(doing, settings.brokers, cause))
    })

  const outOfRange = (topic: Topic, partition: number, offset: number) => (cause: unknown) => {
    throw cause instanceof OutOfRange
      ? new OffsetOutOfRange({ topic, partition, offset, ...cause.range })
      : cause
  }

  const append = async (batches: ReadonlyArray<Append>, now: number): Promise<ReadonlyArray<number>> => {
    const parts = batches.map((batch) => ({ ...topics.nameOf(batch), records: batch.records }))
    // Kafka has no conditional append: the end is looked at before, and where the records landed after.
    const looked = batches.flatMap(({ expectedOffset, records }, i) =>
      expectedOffset !== undefined || records.count === 0 ? [parts[i]] : []
    )
    const ends = new Map<string, number>()
    const expected: Array<number | undefined> = []
    const check = async (): Promise<void> => {
      const found = looked.length === 0 ? [] : await offsetsOf(cluster, looked, "end", timeoutMs)
      looked.forEach(({ partition, topic }, i) => ends.set(`${topic}/${partition}`, found[i]))
      batches.forEach(({ expectedOffset, partition, records, topic }, i) => {
        const name = `${parts[i].topic}/${partition}`
        const end = ends.get(name)
        if (expectedOffset !== undefined && end !== undefined && end !== expectedOffset) {
          throw new UnexpectedOffset({ topic, partition, expected: expectedOffset, found: end })
        }
        expected.push(end)
        if (end !== undefined) ends.set(name, end + records.count)
      })
    }
    const bases = await producer.append(parts, now, check)
    return bases.map((base, i) => {
      const offset = base ?? expected[i] ?? 0
      const { expectedOffset, partition, records, topic } = batches[i]
      if (expectedOffset !== undefined && offset !== expectedOffset) {
        throw new EventLogUnavailable({
          message: `${records.count} records for ${topic}/${partition} landed at offset ${offset} instead of ${expectedOffset}: another producer wrote at the same time. They are in the log, behind its records.`,
          retryable: false
        })
      }
      return offset
    })
  }

  const log: KafkaEventLogService = {
    partitions: (topic) => Effect.succeed(topics.partitions(topic)),
    append: (batches) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) => asking("write to Kafka", () => append(batches, now))),
    read: (topic, partition, offset, maxBytes) =>
      asking(`read ${topic}/${partition} from Kafka`, () =>
        reader
          .read(topics.nameOf({ topic, partition }), offset, maxBytes)
          .catch(outOfRange(topic, partition, offset))
      ),
    range: (topic, partition) =>
      asking(`ask Kafka for the range of ${topic}/${partition}`, () =>
        rangeOf(cluster, topics.nameOf({ topic, partition }), timeoutMs)
      ),
    join: (name) =>
      joinGroup({ group: groupOf(name), groups, newCluster, settings, topics }).pipe(
        Effect.map(({ assignments, fetcher }) => ({
          assignments,
          read: (topic, partition, offset, maxBytes) =>
            Effect.suspend(() => {
              const at = topics.nameOf({ topic, partition })
              const ready = reader.ahead(fetcher, at, offset, maxBytes)
              if (ready !== undefined) return Effect.succeed(ready)
              return asking(`read ${topic}/${partition} from Kafka`, () =>
                reader.readAhead(fetcher, at, offset, maxBytes).catch(outOfRange(topic, partition, offset))
              )
            })
        }))
      ),
    commit: (groupName, topic, partition, offset) =>
      asking(`commit an offset of ${topic}/${partition} to Kafka`, async () => {
        const group = groupOf(groupName)
        const name = topics.nameOf({ topic, partition })
        const partitions = [{ partition: name.partition, offset: String(offset) }]
        await askCoordinator(cluster, group, Math.min(timeoutMs, commitMs), (broker) => {
          // A group that has members takes commits of theirs alone, in their current generation.
          const [{ standing }] = [...(groups.get(group) ?? []), nobody]
          return broker.offsetCommit({
            groupId: group,
            groupGenerationId: standing.generation,
            memberId: standing.memberId,
            topics: [{ topic: name.topic, partitions }]
          })
        })
      }),
    committed: (groupName, topic, partition) =>
      asking(`ask Kafka for the committed offset of ${topic}/${partition}`, async () => {
        const group = groupOf(groupName)
        const name = topics.nameOf({ topic, partition })
        const { responses } = await askCoordinator(cluster, group, timeoutMs, (broker) =>
          broker.offsetFetch({
            groupId: group,
            topics: [{ topic: name.topic, partitions: [{ partition: name.partition }] }]
          })
        )
        const offset = Number(responses[0]?.partitions[0]?.offset ?? -1)
        return offset < 0 ? undefined : offset
      }),
    seriesEnd: (series, topic, partition, from = 0) =>
      asking(`find the end of the series in ${topic}/${partition}`, async () => {
        const name = topics.nameOf({ topic, partition })
        await producer.settle([name])
        const { end, start } = await rangeOf(cluster, name, timeoutMs)
        const last = await findLastNumber(series, { start: Math.max(start, from), end }, (offset) =>
          reader.read(name, offset, seriesReadBytes)
        )
        return last === undefined ? undefined : last + 1
      })
  }
  return log
}

/** Connects to the cluster and opens its topics. Fails with a UserError where settings or topics are wrong. */
export const makeKafkaEventLog = (
  settings: KafkaSettings
): Effect.Effect<KafkaEventLogService, EventLogUnavailable | UserError, Scope.Scope> =>
  Effect.gen(function* () {
    const options = yield* connectionOptions(settings)
    const newCluster = () => new Cluster(settings.brokers, options)
    const cluster = yield* Effect.acquireRelease(Effect.sync(newCluster), (opened) =>
      Effect.promise(() => opened.close())
    )
    const topics = new KafkaTopics(cluster, settings.topicPrefix)
    yield* Effect.tryPromise({
      try: async () => {
        await loadCompression(settings.compression)
        await openTopics(cluster, topics.names, settings, options, startMs)
      },
      catch: (cause) =>
        cause instanceof UserError ? cause : kafkaFailure("open the log in Kafka", settings.brokers, cause)
    })
    topics.open()
    yield* Effect.acquireRelease(
      Effect.sync(() => {
        const look = () => void cluster.refresh().catch(() => undefined)
        return setInterval(look, Duration.toMillis(settings.metadataMaxAge)).unref()
      }),
      (timer) => Effect.sync(() => clearInterval(timer))
    )
    return makeService(cluster, topics, settings, newCluster)
  })

/** Kafka as a layer. */
export const layer = (settings: KafkaSettings): Layer.Layer<EventLog, EventLogUnavailable | UserError> =>
  Layer.scoped(EventLog, makeKafkaEventLog(settings))
