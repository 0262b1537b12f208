import process from "node:process"
import type { DecoderOptions } from "@musify/domain/Decoder.ts"
import { Duration } from "effect"
import type { Effect } from "effect"

/** What an ingestor is told. `defaultIngestOptions` are the production values. */
export interface IngestOptions {
  /** True: end when the log is drained and every file closed. False: follow the log for ever. */
  readonly once: boolean
  /** A micro-batch ends this long after its first record, and an open tail is sealed when no plan follows for so long. */
  readonly roll: Duration.Duration
  /** … or at this many records, */
  readonly rows: number
  /** … or at this many bytes of raw keys and values, */
  readonly bytes: number
  /** … or before it would open more files (event hours) than this. */
  readonly maxFiles: number
  /** Bytes of one read from the log. */
  readonly readBytes: number
  /** Longest pause of the reader when the log is idle. */
  readonly poll: Duration.Duration
  /** Who writes: kept in each plan, never compared. */
  readonly writer: string
  readonly decoder: Partial<DecoderOptions>
  /** Called after each closed micro-batch. */
  readonly onProgress: (progress: IngestProgress) => Effect.Effect<void>
}

/** How far an ingestor has come since its start. */
export interface IngestProgress {
  /** Records whose files are all there. */
  readonly records: number
  readonly files: number
  readonly plans: number
}

export const defaultIngestOptions: Omit<IngestOptions, "onProgress"> = {
  once: false,
  roll: Duration.minutes(2),
  rows: 100_000,
  bytes: 12 * 1024 * 1024,
  maxFiles: 64,
  readBytes: 1024 * 1024,
  poll: Duration.millis(100),
  writer: `ingestor-${process.pid}`,
  decoder: {}
}
