/**
 * A column of byte strings: value `i` is `data.subarray(i === 0 ? 0 : ends[i - 1], ends[i])`.
 * `nulls[i] === 1` marks a value that is absent (a Kafka tombstone, a record without key); without `nulls` none is.
 */
export interface BytesColumn {
  readonly data: Uint8Array
  readonly ends: Int32Array
  readonly nulls?: Uint8Array
}

/** Records of one (topic, partition) as columns, so that no object per record is made on the way. */
export interface RecordBatch {
  /** Number of records; every column has this length. */
  readonly count: number
  readonly keys: BytesColumn
  readonly values: BytesColumn
  /** Headers of each record (recordHeaders.ts); absent when no record has any. */
  readonly headers?: BytesColumn
}

/** Records as the log returns them, in offset order. */
export interface LogBatch extends RecordBatch {
  /** Offset of each record: rising; holes are allowed (a compacted or transactional log has them). */
  readonly offsets: Float64Array
  /** Log time of each record, epoch ms. */
  readonly timestamps: Float64Array
  /**
   * Tells the log, once, that nobody reads the batch any more, so that its memory holds later records. Who does not tell
   * leaves it to the collector.
   */
  readonly release?: () => void
}

/** Value `index` of a column, as a view (no copy), or null. */
export const bytesAt = (column: BytesColumn, index: number): Uint8Array | null =>
  column.nulls !== undefined && column.nulls[index] === 1
    ? null
    : column.data.subarray(index === 0 ? 0 : column.ends[index - 1], column.ends[index])

/** The same as a copy: what is kept longer than the batch. (`slice` of a Node Buffer is none.) */
export const copyAt = (column: BytesColumn, index: number): Uint8Array | null => {
  const bytes = bytesAt(column, index)
  return bytes === null ? null : new Uint8Array(bytes)
}

/** A copy of a column. Not structuredClone, which copies the whole buffer of which a column is a part. */
export const copyColumn = ({ data, ends, nulls }: BytesColumn): BytesColumn => ({
  data: new Uint8Array(data),
  ends: ends.slice(),
  ...(nulls === undefined ? {} : { nulls: nulls.slice() })
})

/** Packs byte strings (null = absent) into a column. */
export const bytesColumn = (values: ReadonlyArray<Uint8Array | null>): BytesColumn => {
  const ends = new Int32Array(values.length)
  const nulls = new Uint8Array(values.length)
  let size = 0
  let anyNull = false
  for (let i = 0; i < values.length; i++) {
    const value = values[i]
    if (value === null) {
      nulls[i] = 1
      anyNull = true
    } else size += value.length
    ends[i] = size
  }
  const data = new Uint8Array(size)
  for (let i = 0; i < values.length; i++) {
    const value = values[i]
    if (value !== null) data.set(value, ends[i] - value.length)
  }
  return anyNull ? { data, ends, nulls } : { data, ends }
}
