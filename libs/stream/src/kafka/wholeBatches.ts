import type { Buffer } from "node:buffer"
import { BufferPool } from "./BufferPool.ts"
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
  /** Runs of batches, in offset order. Copies: a view would keep the whole answer in memory. */
  readonly runs: ReadonlyArray<Buffer>
  /** The offset after the last whole batch, also of those that readers do not see; undefined: there was none. */
  readonly next: number | undefined
}

/** Whether a batch that marks the end of a transaction says that it failed: the key is a version and a type, 0 = failed. */
const isAbortMarker = (records: Buffer, at: number): boolean => {
  // The one record: length, attributes, time, offset (one byte each: markers are small), key length, key.
  const keyAt = at + headerBytes + 5
  return records.readInt16BE(keyAt + 2) === 0
}

/** Memory of runs, each held by the lane that it waits in and by the batches that were read from it. */
export const runMemory = new BufferPool(16 << 20)

const copyOf = (bytes: Buffer, from: number, to: number): Buffer => {
  const copy = runMemory.take(to - from)
  bytes.copy(copy, 0, from, to)
  return copy
}

/** Takes a partition's answer apart: without what is cut off at the end, markers, and records of failed transactions. */
export const wholeBatches = (records: Buffer, aborted: ReadonlyArray<AbortedTransaction>): WholeBatches => {
  const pending = [...aborted].sort((a, b) => a.firstOffset - b.firstOffset)
  const failed = new Set<number>()
  const runs: Array<Buffer> = []
  let next: number | undefined
  let runStart = 0
  let at = 0
  const endRun = (skip: number): void => {
    if (at > runStart) runs.push(copyOf(records, runStart, at))
    runStart = at + skip
  }
  while (true) {
    const size = batchSizeAt(records, at)
    if (size === undefined) break
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
      endRun(size)
      if (isAbortMarker(records, at)) failed.delete(producer)
    } else if ((attributes & transactionalBit) !== 0 && failed.has(producer)) endRun(size)
    next = last + 1
    at += size
  }
  endRun(0)
  return { runs, next }
}
