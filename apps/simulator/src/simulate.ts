import type { Song } from "@musify/domain/Song.ts"
import type { Topic } from "@musify/domain/Topic.ts"
import type { UserError } from "@musify/runtime/UserError.ts"
import type { EventLog } from "@musify/stream/EventLog.ts"
import type { EventLogError } from "@musify/stream/EventLogError.ts"
import { Clock, Effect, Fiber, type Scope } from "effect"
import { loadCast } from "./cast/loadCast.ts"
import { compileCast } from "./CompiledCast.ts"
import type { EventSink } from "./EventSink.ts"
import { logSink } from "./sinks/logSink.ts"
import type { EventsimConfig } from "./EventsimConfig.ts"
import type { SimilarSongs } from "./SimilarSongs.ts"
import type { FaultSettings } from "./faults/faultySink.ts"
import { Simulation } from "./Simulation.ts"
import { localSimulator, type Simulator } from "./Simulator.ts"
import { listenerMakers, makersOf } from "./workers/listenerMakers.ts"
import { type Part, sliceShare, wholePart } from "./workers/Slice.ts"

/** How far a simulation has come. */
export interface SimulateProgress {
  /** Events so far, including those that the log had already. */
  readonly events: number
  /** Epoch ms up to which all events are written. */
  readonly simulatedTime: number
  /** Share of the history that is done, 0 to 1. */
  readonly share: number
}

export interface SimulateOptions<E = never, R = never> {
  readonly config: EventsimConfig
  readonly songs: ReadonlyArray<Song>
  /** By the numbers of `songs`; without it, any song follows any. */
  readonly similar?: SimilarSongs | undefined
  /** Listeners at the start. */
  readonly users: number
  readonly seed: number
  /** Epoch ms: the history's first moment. */
  readonly start: number
  /** Epoch ms: the history's end; events before it are written as fast as possible. */
  readonly until: number
  /** Go on after the history, writing each event when the clock reaches its time, for ever (or until `end`). */
  readonly live: boolean
  /** Epoch ms: the end of a live simulation. */
  readonly end?: number | undefined
  /** Clock time between two live batches, ms (default 500). */
  readonly liveIntervalMs?: number
  readonly onProgress?: (progress: SimulateProgress) => Effect.Effect<void, E, R>
  /** Records of a partition of the log that another producer wrote; see `logSink`. */
  readonly foreign?: (topic: Topic, partition: number) => number
  /** Threads that simulate (default 1: this one). The events are the same whatever their number. */
  readonly workers?: number | undefined
  /** Only these listeners. */
  readonly shard?: Part | undefined
  /** Faults on purpose, and where they are written down. */
  readonly faults?: FaultSettings | undefined
}

export interface SimulateSummary {
  /** Events written by this run, by topic (those of earlier runs are not counted). */
  readonly events: Readonly<Record<Topic, number>>
  /** Time of the first and last event that this run wrote, epoch ms; null when it wrote none. */
  readonly firstTs: number | null
  readonly lastTs: number | null
  /** Listeners so far, those included who joined on the way. */
  readonly listeners: number
  /** With faults on purpose: how many of each kind this run wrote. */
  readonly faults?: Readonly<Record<string, number>>
}

/**
 * Events per chunk of history: a few ms of work, after which others in the process get their turn. The bytes of a chunk
 * stay in the processor's cache.
 */
const chunkEvents = 16_384
/** The same of a worker, several of whose chunks are in memory at once. */
const workerChunkEvents = 8192

/**
 * Simulates into the event log and goes on where the log ends: the same options give the same events, so the number of
 * records in a partition says which of its events comes next. With another producer at work it fails
 * (`UnexpectedOffset`).
 */
export const simulate = <E = never, R = never>(
  options: SimulateOptions<E, R>
): Effect.Effect<SimulateSummary, EventLogError | UserError | E, EventLog | R> =>
  Effect.flatMap(logSink(options.foreign), (sink) => simulateInto(sink, options))

/** As `simulate`, into any sink. */
export const simulateInto = <SE, E = never, R = never>(
  sink: EventSink<SE>,
  options: SimulateOptions<E, R>
): Effect.Effect<SimulateSummary, SE | UserError | E, R> =>
  options.faults === undefined
    ? simulatePlainly(sink, options)
    : Effect.scoped(
        Effect.gen(function* () {
          const { faultySink } = yield* Effect.promise(() => import("./faults/faultySink.ts"))
          return yield* simulatePlainly(yield* faultySink(sink, options.faults!, options.seed), options)
        })
      )

const simulatePlainly = <SE, E, R>(
  sink: EventSink<SE>,
  options: SimulateOptions<E, R>
): Effect.Effect<SimulateSummary, SE | UserError | E, Exclude<R, Scope.Scope>> =>
  Effect.gen(function* () {
    const simulator = yield* makeSimulator(sink, options)
    let share = 0
    const report = () => {
      const { events, time } = simulator.state()
      if (options.until > options.start) {
        share = Math.min(1, (time - options.start) / (options.until - options.start))
      }
      return options.onProgress?.({ events, simulatedTime: time, share }) ?? Effect.void
    }

    // While one chunk is being written the next is made; never two, so that memory stays bounded.
    const runUntil = (until: number) =>
      Effect.gen(function* () {
        let writing: Fiber.Fiber<void, SE> | undefined
        for (let reached = false; !reached;) {
          const { batches, done } = yield* simulator.advance(until)
          reached = done
          if (writing !== undefined) yield* Fiber.join(writing)
          writing =
            batches.length === 0 && sink.timed !== true
              ? undefined
              : yield* Effect.fork(sink.append(batches, simulator.state().time))
          // Starts the append, and lets others in the process have their turn.
          yield* Effect.promise(() => new Promise<void>((resolve) => setImmediate(resolve)))
          yield* report()
        }
        if (writing !== undefined) yield* Fiber.join(writing)
      })
    const finish = sink.finish ?? Effect.void

    yield* runUntil(options.until)
    yield* finish
    if (options.live) {
      const end = options.end ?? Number.POSITIVE_INFINITY
      for (let reached = options.until; reached < end;) {
        const now = yield* Clock.currentTimeMillis
        // Everything that has happened by now, the current second included.
        const due = Math.min(end, Math.floor(now / 1000) * 1000 + 1)
        if (due > reached) {
          yield* runUntil(due)
          reached = due
        }
        yield* Effect.sleep(options.liveIntervalMs ?? 500)
      }
      yield* finish
    }
    const { firstTs, lastTs, listeners, written } = simulator.state()
    const changed = sink.summary?.()
    return {
      events: changed?.events ?? written,
      ...(changed === undefined ? {} : { faults: changed.faults }),
      firstTs: Number.isNaN(firstTs) ? null : firstTs,
      lastTs: Number.isNaN(lastTs) ? null : lastTs,
      listeners
    }
  }).pipe(Effect.scoped)

const makeSimulator = <SE, E, R>(
  sink: EventSink<SE>,
  { config, seed, shard, similar, songs, start, users, workers = 1 }: SimulateOptions<E, R>
): Effect.Effect<Simulator<UserError>, never, Scope.Scope> => {
  const common = {
    config,
    users,
    seed,
    start,
    partitions: sink.partitions,
    skip: sink.positions
  }
  const makeCast = (shared: boolean) =>
    compileCast(loadCast(songs, similar), config, { newline: sink.newline, shared })
  if (workers > 1) {
    return Effect.flatMap(
      Effect.promise(() => import("./workers/parallelSimulator.ts")),
      ({ parallelSimulator }) =>
        parallelSimulator({
          ...common,
          makeCast: () => makeCast(true),
          workers,
          shard,
          unordered: sink.unordered,
          windowEvents: Math.max(workerChunkEvents, (sink.appendEvents ?? 0) / workers)
        })
    )
  }
  return Effect.gen(function* () {
    const slice = shard === undefined ? undefined : { shard, worker: wholePart }
    const makers = makersOf(users * sliceShare(slice))
    const budget = sink.appendEvents ?? chunkEvents
    if (makers === 1)
      return localSimulator(new Simulation({ ...common, cast: makeCast(false), slice }), budget)
    const { others, own, start: send } = yield* listenerMakers({ users, makers })
    const cast = makeCast(true)
    send({ config, users, seed, start, partitions: sink.partitions, slice, cast })
    return localSimulator(new Simulation({ ...common, cast, slice, initial: own }), budget, others)
  })
}
