import type { InitialRange, SimulationOptions } from "../Simulation.ts"
import type { Arrays } from "../StreamBuffer.ts"

/** The first message to a worker that simulates: what. */
export type WorkerSetup = Omit<SimulationOptions, "initial" | "shared" | "takes">

/** The only message to a worker that makes initial listeners: which. It answers with `MadeListeners` (Listeners.ts). */
export interface MakeListeners extends Omit<
  SimulationOptions,
  "skip" | "ordered" | "shared" | "takes" | "room"
> {
  readonly initial: InitialRange
}

/** What a new worker may be told. */
export type FirstMessage = WorkerSetup | MakeListeners

/**
 * Pieces of time that a worker is asked for ahead, at most. Its arrays are in shared memory and are used in turn: those
 * of a piece are written again when it is asked for the piece `pieceSets` later.
 */
export const ahead = 3

/** One piece is being stored, one was handed out, the others are asked for. */
export const pieceSets = ahead + 2

/** The others: write the events before `until` (epoch ms). */
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

/** Arrays of a set that the other side has not seen, by the index of their stream. */
export interface NewArrays {
  readonly stream: number
  readonly arrays: Arrays
}

/** From a worker: the events since the last answer. */
export interface Answer {
  /** Events by stream, in the order of `makeStreams`. */
  readonly counts: Int32Array
  /**
   * What is new in the set of this answer, the n-th's being number n modulo `pieceSets`. Shared memory is dear to send:
   * it is sent once, and again only where an array had to grow.
   */
  readonly made: ReadonlyArray<NewArrays>
  /** See `SimulatorState`; of this worker's listeners. */
  readonly events: number
  readonly firstTs: number
  readonly lastTs: number
  readonly listeners: number
  /** Bytes that an event may have, at most. */
  readonly longest: number
}
