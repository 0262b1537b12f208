import type { Hash } from "node:crypto"
import { createHash } from "node:crypto"
import type { BytesColumn, LogBatch } from "@musify/domain/RecordBatch.ts"
import { bytesAt } from "@musify/domain/RecordBatch.ts"

/** Hex digits of a row hash or witness: the first half of SHA-256. */
const digits = 32

/**
 * Hash over the rows of one file: the raw values in offset order, then offset and length of each (−1 = no value).
 * Values that lie side by side in a batch are hashed in one call, and how the log cut its batches makes no difference.
 */
export class RowHasher {
  private readonly values: Hash = createHash("sha256")
  private offsets: Float64Array = new Float64Array(64)
  private lengths: Int32Array = new Int32Array(64)
  private count = 0

  /** Adds the records [from, to) of a batch. */
  add(batch: LogBatch, from: number, to: number): void {
    const { data, ends, nulls } = batch.values
    this.values.update(data.subarray(from === 0 ? 0 : ends[from - 1], ends[to - 1]))
    const needed = this.count + to - from
    if (needed > this.offsets.length) this.grow(needed)
    for (let i = from; i < to; i++) {
      this.offsets[this.count] = batch.offsets[i]
      this.lengths[this.count] =
        nulls !== undefined && nulls[i] === 1 ? -1 : ends[i] - (i === 0 ? 0 : ends[i - 1])
      this.count++
    }
  }

  private grow(needed: number): void {
    const capacity = Math.max(needed, this.offsets.length * 2)
    const offsets = new Float64Array(capacity)
    const lengths = new Int32Array(capacity)
    offsets.set(this.offsets)
    lengths.set(this.lengths)
    this.offsets = offsets
    this.lengths = lengths
  }

  digest(): string {
    const values = this.values.digest()
    return createHash("sha256")
      .update(values)
      .update(new Uint8Array(this.offsets.buffer, 0, this.count * 8))
      .update(new Uint8Array(this.lengths.buffer, 0, this.count * 4))
      .digest("hex")
      .slice(0, digits)
  }
}

const addBytes = (hash: Hash, column: BytesColumn, index: number): void => {
  const bytes = bytesAt(column, index)
  hash.update(bytes === null ? "null\n" : `${bytes.length}\n`)
  if (bytes !== null) hash.update(bytes)
}

/**
 * Hash of one raw record: offset, log time, key and value. A plan keeps that of its last record as its witness; in a
 * log that was deleted and made anew the record at this offset has another log time, if nothing else.
 */
export const witnessOf = (batch: LogBatch, index: number): string => {
  const hash = createHash("sha256").update(`${batch.offsets[index]}\n${batch.timestamps[index]}\n`)
  addBytes(hash, batch.keys, index)
  addBytes(hash, batch.values, index)
  return hash.digest("hex").slice(0, digits)
}
