import process from "node:process"
import type { DecoderOptions } from "@musify/domain/Decoder.ts"
import { Duration } from "effect"
import type { Effect } from "effect"
import type { IngestStatus } from "./IngestStatus.ts"

/** The consumer group of ingestors unless they are told another. */
export const consumerGroup = "musify-ingestor"

/** What an ingestor is told. `defaultIngestOptions` are the production values. */
export interface IngestOptions {
  /** True: end when the log is drained and every file closed. False: follow the log for ever. */
  readonly once: boolean
  /** The consumer group that shares the partitions; its committed offset shows how far the lake is, for lag alone. */
  readonly group: string
  /** A micro-batch ends this long after its first record, and an open tail is sealed when no plan follows for so long. */
  readonly roll: Duration.Duration
  /** … or at this many records, */
  readonly rows: number
  /** … or at this many bytes of raw keys and values, */
  readonly bytes: number
  /** … or before it would open more files (event hours) than this; see BatchLimits. */
  readonly maxFiles: number
  /** Bytes of memory of records gathered and not stored yet, of all partitions together. */
  readonly gatherBytes: number
  /** Bytes of one read from the log, at most; with many partitions it is less (`ingest`). */
  readonly readBytes: number
  /** Files that are encoded or on their way to the store at a time, of all partitions together. */
  readonly puts: number
  /** Longest pause between two reads of a partition that has no more records. */
  readonly poll: Duration.Duration
  /** Who writes: kept in each plan, never compared. */
  readonly writer: string
  readonly decoder: Partial<DecoderOptions>
  /** Where the ingestor notes how it is, for whoever asks. */
  readonly status: IngestStatus
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

export const defaultIngestOptions: Omit<IngestOptions, "onProgress" | "status"> = {
  once: false,
  group: consumerGroup,
  roll: Duration.minutes(2),
  rows: 100_000,
  bytes: 12 * 1024 * 1024,
  maxFiles: 64,
  gatherBytes: 64 * 1024 * 1024,
  readBytes: 1024 * 1024,
  puts: 8,
  poll: Duration.millis(100),
  writer: `ingestor-${process.pid}`,
  decoder: {}
}
