import { Duration, Effect, Exit, Mailbox, type Scope } from "effect"
import type { TopicPartition } from "../EventLog.ts"
import { type EventLogError, EventLogUnavailable } from "../EventLogError.ts"
import type { Cluster } from "./Cluster.ts"
import { Fetcher } from "./Fetcher.ts"
import { defaultSessionMs, Group } from "./Group.ts"
import { kafkaFailure } from "./kafkaFailure.ts"
import type { KafkaSettings } from "./KafkaSettings.ts"
import type { KafkaTopics } from "./KafkaTopics.ts"
import { Lane } from "./Lane.ts"

/** A membership under construction: who is told of its partitions, and what reads them ahead. */
interface Joined {
  readonly assignments: Mailbox.ReadonlyMailbox<ReadonlyArray<TopicPartition>, EventLogError>
  readonly fetcher: Fetcher
}

/**
 * Joins a group until the scope closes. It has connections of its own: joining blocks one until all members have come,
 * and a waiting fetch blocks another.
 */
export const joinGroup = (options: {
  readonly group: string
  /** Memberships of this process, by group, for commits. */
  readonly groups: Map<string, Set<Group>>
  readonly newCluster: () => Cluster
  readonly settings: KafkaSettings
  readonly topics: KafkaTopics
}): Effect.Effect<Joined, EventLogError, Scope.Scope> =>
  Effect.gen(function* () {
    const { group: name, groups, newCluster, settings, topics } = options
    const assignments = yield* Effect.acquireRelease(
      Mailbox.make<ReadonlyArray<TopicPartition>, EventLogError>(),
      (mailbox) => mailbox.shutdown
    )
    const opened = (cluster: Cluster) =>
      Effect.acquireRelease(
        Effect.tryPromise({
          try: () => cluster.watch(topics.names),
          catch: (cause) => kafkaFailure(`join the group ${name} in Kafka`, settings.brokers, cause)
        }).pipe(Effect.as(cluster)),
        () => Effect.promise(() => cluster.close())
      )
    const fetcher = new Fetcher(yield* opened(newCluster()), settings.readAheadBytes)
    const lanes = new Map<string, Lane>()
    const cluster = yield* opened(newCluster())
    yield* Effect.acquireRelease(
      Effect.sync(() => {
        const group = new Group({
          cluster,
          group: name,
          partitions: topics.all(),
          sessionMs: settings.session === undefined ? defaultSessionMs : Duration.toMillis(settings.session),
          onAssigned: (partitions) => {
            const before = new Map(lanes)
            lanes.clear()
            for (const { partition, topic } of partitions) {
              const lane = `${topic}/${partition}`
              lanes.set(lane, before.get(lane) ?? new Lane(topic, partition))
            }
            fetcher.assign(lanes)
            assignments.unsafeOffer(partitions.flatMap((one) => topics.topicOf(one) ?? []))
          },
          onFailed: (cause) => {
            const { message } = kafkaFailure(`stay in the group ${name} in Kafka`, settings.brokers, cause)
            assignments.unsafeDone(Exit.fail(new EventLogUnavailable({ message, retryable: false, cause })))
          }
        })
        groups.set(name, (groups.get(name) ?? new Set()).add(group))
        return group
      }),
      (group) =>
        Effect.promise(() => {
          groups.get(name)?.delete(group)
          return group.close()
        })
    )
    return { assignments, fetcher }
  })
