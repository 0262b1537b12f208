import { decoderVersion } from "@musify/domain/Decoder.ts"
import type { Process } from "./Process.ts"

/** Releases of the ingestor that take part: the second one's decoder has another version. */
export type Release = 1 | 2

/** Version of a release's decoder. */
export const decoderOf = (release: Release): number => decoderVersion + release - 1

/** The release whose decoder made a plan. */
export const releaseOf = (decoder: number): Release => (decoder === decoderOf(1) ? 1 : 2)

/** An ingestor process of a run. */
export interface Writer {
  /** Its place: who is killed there is followed by another one. */
  readonly slot: number
  readonly process: Process
  readonly release: Release
  readonly skewMs: number
  /** Partitions that it has given up. */
  readonly halted: Set<number>
  /** Partitions that had a reason to stop when it last looked for their tail. */
  readonly doubtful: Set<number>
  /** It has ended by itself or was asked to end. */
  hasEnded: boolean
  /** What it has read of each partition and not yet brought into files. */
  readonly reading: Map<number, Reading>
}

/** Offsets: records in [from, next) are held. */
export interface Reading {
  from: number
  next: number
}
