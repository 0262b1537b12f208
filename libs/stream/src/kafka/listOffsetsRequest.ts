import { kafkaRequest } from "./kafkaRequest.ts"
import { groupByTopic, type TopicPartitionName } from "./TopicPartitionName.ts"

const kind = { name: "ListOffsets", key: 2, version: 5, flexible: false }
const consumer = -1
const readCommitted = 1
const unknownEpoch = -1

/** One end of a partition. */
export interface ListedOffset extends TopicPartitionName {
  readonly error: number
  readonly offset: number
}

/** Asks where partitions begin (`"start"`) or end: past the last record that a reader gets. */
export const listOffsetsRequest = (
  partitions: ReadonlyArray<TopicPartitionName>,
  which: "start" | "end"
): KafkaRequest<ReadonlyArray<ListedOffset>> =>
  kafkaRequest<ReadonlyArray<ListedOffset>>(
    kind,
    (writer) => {
      writer
        .int32(consumer)
        .int8(readCommitted)
        .array(groupByTopic(partitions), ([topic, list]) => {
          writer.string(topic).array(list, ({ partition }) => {
            writer
              .int32(partition)
              .int32(unknownEpoch)
              .int64(which === "start" ? -2 : -1)
          })
        })
    },
    (reader) => {
      const throttleMs = reader.int32()
      const answer = reader.array(() => {
        const topic = reader.string() ?? ""
        return reader.array(() => {
          const partition = reader.int32()
          const error = reader.int16()
          reader.int64()
          const offset = reader.int64()
          reader.int32()
          return { topic, partition, error, offset }
        })
      })
      return { throttleMs, answer: answer.flat() }
    }
  )
