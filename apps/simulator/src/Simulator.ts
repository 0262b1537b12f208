import { byTopic, type Topic } from "@musify/domain/Topic.ts"
import { Effect } from "effect"
import type { WrittenBatch } from "./EventWriter.ts"
import type { MadeListeners } from "./Listeners.ts"
import type { Simulation } from "./Simulation.ts"

/** What a simulation has done so far. */
export interface SimulatorState {
  /** Events, those included that the output had already. */
  readonly events: number
  /** Epoch ms up to which all events have been handed out. */
  readonly time: number
  /** Events handed out, by topic. */
  readonly written: Readonly<Record<Topic, number>>
  /** Times of the first and last event handed out (NaN: none), epoch ms. */
  readonly firstTs: number
  readonly lastTs: number
  /** Listeners, those included who joined on the way. */
  readonly listeners: number
}

/** A simulation that is advanced piece by piece, in this thread or by others. */
export interface Simulator<E> {
  /**
   * The events of a next piece of time before `until` (epoch ms), and whether `until` is reached. The arrays of a piece
   * stay as they are until the piece after the next is asked for.
   */
  readonly advance: (
    until: number
  ) => Effect.Effect<{ readonly done: boolean; readonly batches: ReadonlyArray<WrittenBatch> }, E>
  readonly state: () => SimulatorState
}

/**
 * A simulation in this thread, which writes about `budget` events at once. `others`: the initial listeners that it does
 * not make itself.
 */
export const localSimulator = <E = never>(
  simulation: Simulation,
  budget: number,
  others: Effect.Effect<ReadonlyArray<MadeListeners>, E> = Effect.succeed([])
): Simulator<E> => ({
  advance: (until) =>
    Effect.gen(function* () {
      if (simulation.lacksListeners) simulation.adopt(yield* others)
      const done = simulation.advance(until, budget)
      return { done, batches: simulation.take() }
    }),
  state: () => {
    const { listeners, time, writer } = simulation
    return {
      events: writer.events,
      time,
      written: byTopic(writer.written),
      firstTs: writer.firstTs,
      lastTs: writer.lastTs,
      listeners: listeners.count
    }
  }
})
