import { Buffer } from "node:buffer"
import { kafkaRequest } from "./kafkaRequest.ts"
import type { TopicPartitionName } from "./TopicPartitionName.ts"

/** What is wanted of a partition. */
export interface FetchPartition extends TopicPartitionName {
  /** The topic's id, where the broker can be asked by id (version 13): a topic made anew then has another one. */
  readonly topicId: string | undefined
  readonly offset: number
  readonly maxBytes: number
}

/** What came of a partition. */
export interface FetchedPartition {
  /** Name or id, as it was asked. */
  readonly topic: string
  readonly partition: number
  readonly error: number
  /** Readers get records up to here. */
  readonly lastStableOffset: number
  readonly logStart: number
  /** Transactions that failed: records of these producers from these offsets on, up to their marker, are void. */
  readonly aborted: ReadonlyArray<AbortedTransaction>
  /** Record batches; the last may be cut off. A view of the answer. */
  readonly records: Buffer
}

export interface AbortedTransaction {
  readonly producerId: number
  readonly firstOffset: number
}

const key = 1
const byId = 13
const byName = 11

/**
 * Reads from partitions: at least one whole batch of the first one that has any, of the others what fits. Waits up to
 * `waitMs` until there are `minBytes`. `newest`: the newest version that the broker has.
 */
export const fetchRequest = (
  partitions: ReadonlyArray<FetchPartition>,
  options: { readonly waitMs: number; readonly minBytes: number; readonly maxBytes: number },
  newest: number
): KafkaRequest<ReadonlyArray<FetchedPartition>> => {
  const ids = newest >= byId && partitions.every(({ topicId }) => topicId !== undefined)
  const flexible = ids
  const request = kafkaRequest<ReadonlyArray<FetchedPartition>>(
    { name: "Fetch", key, version: ids ? byId : byName, flexible },
    (writer) => {
      writer
        .int32(-1)
        .int32(options.waitMs)
        .int32(options.minBytes)
        .int32(options.maxBytes)
        .int8(1) // committed records only
        .int32(0)
        .int32(-1) // no fetch session
        // The order counts, so that a topic may come several times.
        .array(partitions, ({ maxBytes, offset, partition, topic, topicId }) => {
          if (ids && topicId !== undefined) writer.raw(Buffer.from(topicId, "hex"))
          else writer.string(topic)
          writer
            .array([partition], () => {
              writer.int32(partition).int32(-1).int64(offset)
              if (ids) writer.int32(-1)
              writer.int64(-1).int32(maxBytes).tags()
            })
            .tags()
        })
        .array([], () => undefined)
        .string("")
        .tags()
    },
    (reader) => {
      const throttleMs = reader.int32()
      const error = reader.int16()
      reader.int32()
      const answer = reader.array(() => {
        const topic = ids ? reader.raw(16).toString("hex") : (reader.string() ?? "")
        const list = reader.array((): FetchedPartition => {
          const partition = reader.int32()
          const own = reader.int16()
          reader.int64()
          const lastStableOffset = reader.int64()
          const logStart = reader.int64()
          const aborted = reader.array(() => {
            const transaction = { producerId: reader.int64(), firstOffset: reader.int64() }
            reader.tags()
            return transaction
          })
          reader.int32()
          const records = reader.blob()
          reader.tags()
          return {
            topic,
            partition,
            error: error === 0 ? own : error,
            lastStableOffset,
            logStart,
            aborted,
            records
          }
        })
        reader.tags()
        return list
      })
      return { throttleMs, answer: answer.flat() }
    }
  )
  return { ...request, requestTimeout: options.waitMs + 10_000 }
}
