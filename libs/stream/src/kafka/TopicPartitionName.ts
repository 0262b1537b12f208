/** A partition under the topic's name in Kafka, its prefix included. */
export interface TopicPartitionName {
  readonly topic: string
  readonly partition: number
}

/** Items by topic, in the order in which the topics are first named. */
export const groupByTopic = <A extends TopicPartitionName>(
  items: ReadonlyArray<A>
): ReadonlyArray<readonly [topic: string, items: ReadonlyArray<A>]> => {
  const groups = new Map<string, Array<A>>()
  for (const item of items) {
    const group = groups.get(item.topic)
    if (group === undefined) groups.set(item.topic, [item])
    else group.push(item)
  }
  return [...groups]
}
