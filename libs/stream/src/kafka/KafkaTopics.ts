import { type Topic, topics } from "@musify/domain/Topic.ts"
import { EventLogUnavailable } from "../EventLogError.ts"
import type { TopicPartition } from "../EventLog.ts"
import type { Cluster } from "./Cluster.ts"
import type { TopicPartitionName } from "./TopicPartitionName.ts"

/** The topics under their names in Kafka, and how many partitions they had when the log was opened. */
export class KafkaTopics {
  readonly names: ReadonlyArray<string>
  private readonly prefix: string
  private readonly cluster: Cluster
  private counts: ReadonlyMap<string, number> = new Map()

  constructor(cluster: Cluster, prefix: string) {
    this.cluster = cluster
    this.prefix = prefix
    this.names = topics.map((topic) => `${prefix}${topic}`)
  }

  /** Takes the numbers of partitions as they are now. */
  open(): void {
    this.counts = new Map(this.names.map((name) => [name, this.cluster.topic(name)?.leaders.length ?? 0]))
  }

  partitions(topic: Topic): number {
    return this.counts.get(`${this.prefix}${topic}`) ?? 0
  }

  all(): ReadonlyArray<TopicPartitionName> {
    return [...this.counts].flatMap(([topic, count]) =>
      Array.from({ length: count }, (_, partition) => ({ topic, partition }))
    )
  }

  /** The partition under its topic's name in Kafka. Throws an EventLogUnavailable when there is none of it. */
  nameOf({ partition, topic }: TopicPartition): TopicPartitionName {
    const name = `${this.prefix}${topic}`
    const count = this.partitions(topic)
    if (!(Number.isInteger(partition) && partition >= 0 && partition < count)) {
      throw new EventLogUnavailable({
        message: `${topic} has no partition ${partition}: the topic ${name} in Kafka has partitions 0 to ${count - 1}.`,
        retryable: false
      })
    }
    const now = this.cluster.topic(name)?.leaders.length ?? count
    if (now !== count) {
      throw new EventLogUnavailable({
        message: `The topic ${name} in Kafka has ${now} partitions now, and had ${count} when this program started: it would pass over the new ones. Start it again.`,
        retryable: false
      })
    }
    return { topic: name, partition }
  }

  topicOf({ partition, topic }: TopicPartitionName): TopicPartition | undefined {
    const found = topics.find((known) => `${this.prefix}${known}` === topic)
    return found === undefined ? undefined : { topic: found, partition }
  }
}
