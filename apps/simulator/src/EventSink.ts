import { type Topic, topics } from "@musify/domain/Topic.ts"
import type { Effect } from "effect"
import type { Positions, WrittenBatch } from "./EventWriter.ts"

/** The role (`DataFolder.lockRole`) of whoever writes events into a data folder's log: one at a time. */
export const producerRole = "producer"

/** Where simulated events go. */
export interface EventSink<E> {
  /** Partitions per topic, in the order of `topics`. */
  readonly partitions: ReadonlyArray<number>
  /** Records that are there already: that many events of each (topic, partition) are passed over. */
  readonly positions: Positions
  /** Every event ends in a line feed. */
  readonly newline: boolean
  /**
   * Takes events, one call at a time. The batches' bytes are reused by the simulation: what is needed of them is
   * written or copied before the first asynchronous step. `time`: epoch ms up to which all events have been handed
   * over with these.
   */
  readonly append: (batches: ReadonlyArray<WrittenBatch>, time: number) => Effect.Effect<void, E>
  /** Events that it takes best at once, where each append costs it a wait; otherwise as many as are made best. */
  readonly appendEvents?: number
  /** Does not care in which order the events of different listeners come. */
  readonly unordered?: boolean
  /** Wants to be told of time that passes without events as well. */
  readonly timed?: boolean
  /** Called when the history is written, and at the end. */
  readonly finish?: Effect.Effect<void, E>
  /** What went out, where that is not what came in: events by topic, faults by kind. */
  readonly summary?: () => {
    readonly events: Readonly<Record<Topic, number>>
    readonly faults: Readonly<Record<string, number>>
  }
}

/** The partitions of a sink that has none: one per topic. */
export const onePartition: ReadonlyArray<number> = topics.map(() => 1)
