import { Buffer } from "node:buffer"
import type { AbortedTransaction } from "./fetchRequest.ts"
import { KafkaFault } from "./KafkaFault.ts"
import {
  attributesOf,
  baseOffsetOf,
  batchSizeAt,
  controlBit,
  formatOf,
  headerBytes,
  lastOffsetOf,
  producerIdOf,
  transactionalBit
} from "./recordBatchHeader.ts"

/** The batches of a fetched partition that readers may see. */
export interface WholeBatches {
  /** Each a copy of its own, in offset order: a view would keep the whole answer in memory. */
  readonly batches: ReadonlyArray<Buffer>
  /** The offset after the last whole batch, also of those that readers do not see; undefined: there was none. */
  readonly next: number | undefined
}

/** Whether a batch that marks the end of a transaction says that it failed: the key is a version and a type, 0 = failed. */
const isAbortMarker = (records: Buffer, at: number): boolean => {
  // The one record: length, attributes, time, offset (one byte each: markers are small), key length, key.
  const keyAt = at + headerBytes + 5
  return records.readInt16BE(keyAt + 2) === 0
}

/** Takes a partition's answer apart: without what is cut off at the end, markers, and records of failed transactions. */
export const wholeBatches = (records: Buffer, aborted: ReadonlyArray<AbortedTransaction>): WholeBatches => {
  const pending = [...aborted].sort((a, b) => a.firstOffset - b.firstOffset)
  const failed = new Set<number>()
  const batches: Array<Buffer> = []
  let next: number | undefined
  for (let at = 0; ;) {
    const size = batchSizeAt(records, at)
    if (size === undefined) return { batches, next }
    if (formatOf(records, at) !== 2) {
      throw new KafkaFault(
        `the records at offset ${baseOffsetOf(records, at)} are in Kafka's format ${formatOf(records, at)} of before 2017, which is not read`,
        { retryable: false }
      )
    }
    const attributes = attributesOf(records, at)
    const last = lastOffsetOf(records, at)
    while (pending.length > 0 && pending[0].firstOffset <= last) failed.add(pending.shift()!.producerId)
    const producer = producerIdOf(records, at)
    if ((attributes & controlBit) !== 0) {
      if (isAbortMarker(records, at)) failed.delete(producer)
    } else if ((attributes & transactionalBit) === 0 || !failed.has(producer)) {
      const copy = Buffer.allocUnsafeSlow(size)
      records.copy(copy, 0, at, at + size)
      batches.push(copy)
    }
    next = last + 1
    at += size
  }
}
