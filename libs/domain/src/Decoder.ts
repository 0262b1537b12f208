import { dayMs } from "./Hour.ts"
import type { EventColumns } from "./EventColumns.ts"
import type { LogBatch } from "./RecordBatch.ts"
import { makeScanningDecoder } from "./scanner/ScanningDecoder.ts"
import type { Topic } from "./Topic.ts"

/**
 * Version of what the decoder accepts and makes of it. A plan names it, so a change of any answer (not of speed) must
 * raise it.
 */
export const decoderVersion = 2

/** What is accepted beyond the Schema. */
export interface DecoderOptions {
  /** Longest value, bytes. */
  readonly maxBytes: number
  /** How far `ts` may lie past the record's log time, ms. The log time, not the clock: a second reading answers the same. */
  readonly maxAheadMs: number
}

export const defaultDecoderOptions: DecoderOptions = { maxBytes: 1024 * 1024, maxAheadMs: dayMs }

/** Decodes the values of one topic into columns: the hot path. Not shared between fibers. */
export interface Decoder {
  readonly topic: Topic
  /** Rows since the last `take`. */
  readonly count: number
  /**
   * Decodes a record's value and appends a row. Answers undefined, or the reason why the record is a dead letter; then
   * nothing was appended. Reasons are the same on every engine and every reading. `logTime`: epoch ms.
   */
  decode(value: Uint8Array | null, logTime: number, offset: number): string | undefined
  /** Decodes the records [from, to) of a batch and answers what `decode` would for each: the fastest way. */
  decodeBatch(batch: LogBatch, from: number, to: number): ReadonlyArray<string | undefined>
  /** The rows so far; the decoder is then empty. */
  take(): EventColumns
}

/** A decoder of one topic: scans what producers usually write, and leaves everything else to JSON.parse. */
export const makeDecoder = (topic: Topic, options: Partial<DecoderOptions> = {}): Decoder =>
  makeScanningDecoder(topic, { ...defaultDecoderOptions, ...options })
