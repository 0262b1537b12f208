import type { Buffer } from "node:buffer"
import { kafkaRequest } from "./kafkaRequest.ts"
import { groupByTopic, type TopicPartitionName } from "./TopicPartitionName.ts"

/** A record batch for a partition. */
export interface ProducePartition extends TopicPartitionName {
  readonly batch: Buffer
}

export interface ProducedPartition extends TopicPartitionName {
  readonly error: number
  readonly detail: string | null
  /** Offset of the batch's first record. */
  readonly baseOffset: number
}

const kind = { name: "Produce", key: 0, version: 8, flexible: false }
const allReplicas = -1

/** Appends one batch to each partition; answered when all replicas have it, within `waitMs`. */
export const produceRequest = (
  partitions: ReadonlyArray<ProducePartition>,
  waitMs: number
): KafkaRequest<ReadonlyArray<ProducedPartition>> =>
  kafkaRequest<ReadonlyArray<ProducedPartition>>(
    kind,
    (writer) => {
      writer
        .string(null)
        .int16(allReplicas)
        .int32(waitMs)
        .array(groupByTopic(partitions), ([topic, list]) => {
          writer.string(topic).array(list, ({ batch, partition }) => writer.int32(partition).blob(batch))
        })
    },
    (reader) => {
      const answer = reader.array(() => {
        const topic = reader.string() ?? ""
        return reader.array((): ProducedPartition => {
          const partition = reader.int32()
          const error = reader.int16()
          const baseOffset = reader.int64()
          reader.int64()
          reader.int64()
          const records = reader.array(() => `record ${reader.int32()}: ${reader.string() ?? "refused"}`)
          const message = reader.string()
          return {
            topic,
            partition,
            error,
            baseOffset,
            detail: [message, ...records.slice(0, 1)].filter(Boolean).join("; ")
          }
        })
      })
      return { throttleMs: reader.int32(), answer: answer.flat() }
    }
  )
