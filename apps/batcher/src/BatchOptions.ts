import type { BuildProgress, BuildSummary, HourRange } from "@musify/warehouse/buildPass.ts"
import type { Duration } from "effect"
import { Effect } from "effect"

/** What a batcher does in one pass. */
export interface BatchOptions {
  /** Most hours of a transaction: history is loaded in pieces of this size. */
  readonly maxHours: number
  /** Most lake rows of a transaction; bounds memory. One hour is always taken whole. */
  readonly maxRows: number
  /** The only hours to build, both included. */
  readonly range?: HourRange | undefined
  /** What to build again though nothing of it is new: a model and its dependents, hours, or all. */
  readonly rebuild?:
    { readonly model?: string | undefined; readonly range?: HourRange | undefined } | undefined
  /** After each transaction. */
  readonly onProgress: (progress: BuildProgress) => Effect.Effect<void>
}

export const defaultBatchOptions: BatchOptions = {
  maxHours: 240,
  maxRows: 1_000_000,
  onProgress: () => Effect.void
}

/** When a watching batcher looks again: this long after the last pass, or at a minute of every hour (UTC). */
export type BatchRhythm = { readonly every: Duration.DurationInput } | { readonly minute: number }

/** The production rhythm: hourly at five past. */
export const atFivePast: BatchRhythm = { minute: 5 }

export interface WatchOptions extends BatchOptions {
  /** Or what to ask for it before each pause: loading history wants shorter ones. */
  readonly rhythm: BatchRhythm | (() => BatchRhythm)
  /** After each pass. */
  readonly onBatch: (summary: BatchSummary) => Effect.Effect<void>
  /** After a pass that failed in a way that a later one can mend; the batcher goes on. */
  readonly onTrouble: (message: string) => Effect.Effect<void>
}

/** What a pass did; `--json` prints it. */
export type BatchSummary = BuildSummary
