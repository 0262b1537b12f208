import type { Song } from "@musify/domain/Song.ts"
import type { SimilarSongs } from "../SimilarSongs.ts"
import type { SimulationOptions } from "../Simulation.ts"
import type { Arrays } from "../StreamBuffer.ts"

/** What a worker thread is started with. */
export interface WorkerSetup extends Omit<SimulationOptions, "cast" | "shared" | "takes"> {
  readonly songs: ReadonlyArray<Song>
  readonly similar: SimilarSongs | undefined
}

/**
 * Pieces of time that a worker is asked for ahead, at most. Its arrays are in shared memory and are used in turn: those
 * of a piece are written again when it is asked for the piece `pieceSets` later.
 */
export const ahead = 2

/** One piece is being stored, one was handed out, the others are asked for. */
export const pieceSets = ahead + 2

/** To a worker: write the events before `until` (epoch ms). */
export interface Ask {
  readonly until: number
}

/** Events of one stream of a worker, ascending by time and listener. */
export interface Piece {
  /** Index among `topics`. */
  readonly topic: number
  readonly partition: number
  readonly count: number
  readonly arrays: Arrays
}

/** From a worker: the events since the last answer. */
export interface Answer {
  readonly pieces: ReadonlyArray<Piece>
  /** See `SimulatorState`; of this worker's listeners. */
  readonly events: number
  readonly firstTs: number
  readonly lastTs: number
  readonly listeners: number
  /** Bytes that an event may have, at most. */
  readonly longest: number
}
