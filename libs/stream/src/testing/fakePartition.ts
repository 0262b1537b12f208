import { bytesColumn } from "@musify/domain/RecordBatch.ts"
import { Buffer } from "node:buffer"
import { encodeRecords } from "../kafka/encodeRecords.ts"
import type { AbortedTransaction, FetchedPartition } from "../kafka/fetchRequest.ts"
import type { KafkaCompression } from "../kafka/KafkaSettings.ts"
import { attributesAt, controlBit, lastOffsetOf, transactionalBit } from "../kafka/recordBatchHeader.ts"

const encoder = new TextEncoder()

/** A batch of records as a broker stores it; those whose value is null are gone (compacted). */
export const storedBatch = (
  base: number,
  values: ReadonlyArray<string>,
  options: {
    readonly compression?: KafkaCompression
    readonly transactionOf?: number
    /** A marker: the transaction of `transactionOf` succeeded or failed. */
    readonly marks?: "commit" | "abort"
    /** Offsets behind the last record that the batch once had. */
    readonly gone?: number
  } = {}
): Buffer => {
  const key = Buffer.from([0, 0, 0, options.marks === "commit" ? 1 : 0])
  const batch = encodeRecords(
    {
      count: values.length,
      keys: bytesColumn(values.map(() => (options.marks === undefined ? null : key))),
      values: bytesColumn(values.map((value) => encoder.encode(value)))
    },
    0,
    values.length,
    base,
    options.compression ?? "none",
    { producerId: options.transactionOf ?? -1, producerEpoch: 0, first: 0 }
  )
  batch.writeBigInt64BE(BigInt(base), 0)
  batch.writeInt32BE(values.length - 1 + (options.gone ?? 0), 23)
  let attributes = batch.readInt16BE(attributesAt)
  if (options.transactionOf !== undefined) attributes |= transactionalBit
  if (options.marks !== undefined) attributes |= controlBit
  batch.writeInt16BE(attributes, attributesAt)
  return batch
}

/** A transaction that failed, and the offset of the marker that says so. */
export interface FailedTransaction extends AbortedTransaction {
  readonly marker: number
}

/** What a broker answers of stored batches: whole ones from the one that holds `offset` on, the last one cut off. */
export const fetchFrom = (
  batches: ReadonlyArray<Buffer>,
  offset: number,
  maxBytes: number,
  failed: ReadonlyArray<FailedTransaction> = []
): FetchedPartition => {
  const found = batches.filter((batch) => lastOffsetOf(batch, 0) >= offset)
  const bytes = Buffer.concat(found)
  return {
    topic: "t",
    partition: 0,
    error: 0,
    lastStableOffset: batches.length === 0 ? 0 : lastOffsetOf(batches[batches.length - 1], 0) + 1,
    logStart: 0,
    // Those that reach into what is asked for.
    aborted: failed.filter(({ marker }) => marker >= offset),
    records: bytes.subarray(0, Math.max(found[0]?.length ?? 0, maxBytes))
  }
}
