import type { Song } from "@musify/domain/Song.ts"
import type { SimilarSongs } from "../SimilarSongs.ts"
import type { SimulationOptions } from "../Simulation.ts"
import type { Arrays } from "../StreamBuffer.ts"

/** What a worker thread is started with. */
export interface WorkerSetup extends Omit<SimulationOptions, "cast" | "takes"> {
  readonly songs: ReadonlyArray<Song>
  readonly similar: SimilarSongs | undefined
}

/** Arrays of a worker's stream on their way from thread to thread. */
export interface Lent {
  /** Index among the streams, which are ordered by topic and partition. */
  readonly stream: number
  /** Number of the set among the stream's. */
  readonly turn: number
  readonly arrays: Arrays
}

/** To a worker: write the events before `until` (epoch ms). With the arrays of earlier answers. */
export interface Ask {
  readonly until: number
  readonly returned: ReadonlyArray<Lent>
}

/** From a worker: the events since the last answer. */
export interface Answer {
  readonly batches: ReadonlyArray<Lent & { readonly count: number }>
  /** See `SimulatorState`; of this worker's listeners. */
  readonly events: number
  readonly firstTs: number
  readonly lastTs: number
  readonly listeners: number
  /** Bytes that an event may have, at most. */
  readonly longest: number
}

/** What of a message moves instead of being copied. */
export const transferred = (lent: ReadonlyArray<Lent>): Array<ArrayBuffer> =>
  lent.flatMap(({ arrays: { bytes, ends, keys, order } }) =>
    [bytes, ends, keys, order].map((view) => view.buffer as ArrayBuffer)
  )
