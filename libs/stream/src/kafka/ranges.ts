import type { Cluster } from "./Cluster.ts"
import { codeFault } from "./KafkaFault.ts"
import { listOffsetsRequest } from "./listOffsetsRequest.ts"
import type { TopicPartitionName } from "./TopicPartitionName.ts"

/** Start (first offset that is still there) and end (past the last record that readers get) of a partition. */
export interface Range {
  readonly start: number
  readonly end: number
}

/** One end of partitions, in order. */
export const offsetsOf = (
  cluster: Cluster,
  partitions: ReadonlyArray<TopicPartitionName>,
  which: "start" | "end",
  timeoutMs: number
): Promise<ReadonlyArray<number>> =>
  cluster.insist(timeoutMs, async () => {
    // Kafka refuses to be asked twice for the same.
    const distinct = new Map(partitions.map((item) => [`${item.topic}/${item.partition}`, item]))
    const byNode = new Map<number, Array<TopicPartitionName>>()
    for (const item of distinct.values()) {
      const node = cluster.leader(item.topic, item.partition)
      byNode.set(node, [...(byNode.get(node) ?? []), item])
    }
    const found = new Map<string, number>()
    await Promise.all(
      [...byNode].map(async ([node, list]) => {
        for (const { error, offset, partition, topic } of await cluster.sendTo(
          node,
          listOffsetsRequest(list, which)
        )) {
          if (error !== 0) throw codeFault(error, `${topic}/${partition}`)
          found.set(`${topic}/${partition}`, offset)
        }
      })
    )
    return partitions.map(({ partition, topic }) => found.get(`${topic}/${partition}`)!)
  })

export const rangeOf = async (
  cluster: Cluster,
  partition: TopicPartitionName,
  timeoutMs: number
): Promise<Range> => {
  const [[start], [end]] = await Promise.all([
    offsetsOf(cluster, [partition], "start", timeoutMs),
    offsetsOf(cluster, [partition], "end", timeoutMs)
  ])
  return { start, end: Math.max(start, end) }
}
