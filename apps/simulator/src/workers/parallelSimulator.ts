import { dayMs } from "@musify/domain/Hour.ts"
import { byTopic, topics } from "@musify/domain/Topic.ts"
import type { UserError } from "@musify/runtime/UserError.ts"
import { Effect, type Scope } from "effect"
import type { CompiledCast } from "../CompiledCast.ts"
import type { Positions, WrittenBatch } from "../EventWriter.ts"
import type { Simulator } from "../Simulator.ts"
import { batchOf, makeStreams, type StreamBuffer } from "../StreamBuffer.ts"
import { type Connection, startThread, startWorkers } from "./Connection.ts"
import { mergeBatches } from "./merge.ts"
import { pieceReader } from "./pieceReader.ts"
import { ahead, type Answer, type Ask, type WorkerSetup } from "./protocol.ts"
import { hasWholePartitions, type Part, wholePart } from "./Slice.ts"

export interface ParallelOptions extends Omit<WorkerSetup, "cast" | "slice" | "ordered" | "room"> {
  /** Compiles the cast, while the threads start. */
  readonly makeCast: () => CompiledCast
  readonly partitions: ReadonlyArray<number>
  readonly skip: Positions
  readonly workers: number
  readonly shard?: Part | undefined
  /** Leave out what only puts the events of different workers into order. */
  readonly unordered?: boolean | undefined
  /** Events that a worker makes at once, about. */
  readonly windowEvents: number
  /** Starts a worker; a thread where nothing else is said. */
  readonly connect?: () => Connection<WorkerSetup | Ask, Answer>
}

/** The first piece of simulated time, ms; later ones have the length that gives about as many events as are wanted. */
const firstWindowMs = 60_000
const longestWindowMs = 30 * dayMs

/**
 * A simulation by several threads, each with a slice of the listeners. All write the same pieces of simulated time; the
 * next piece is written while the last is stored. Where each partition has one worker its batches go on as they are,
 * else they are merged.
 */
export const parallelSimulator = (
  options: ParallelOptions
): Effect.Effect<Simulator<UserError>, never, Scope.Scope> =>
  Effect.gen(function* () {
    const {
      connect = startThread,
      makeCast,
      partitions,
      shard = wholePart,
      skip,
      unordered,
      windowEvents,
      workers,
      ...simulation
    } = options
    const slices = Array.from({ length: workers }, (_, index) => ({
      shard,
      worker: { index, count: workers }
    }))
    const whole = unordered === true || hasWholePartitions(partitions, slices[0])

    const { connections, inbox } = yield* startWorkers(workers, connect)
    const cast = makeCast()
    slices.forEach((slice, index) =>
      connections[index].send({
        ...simulation,
        cast,
        partitions,
        slice,
        ordered: !whole,
        // A worker has some of the partitions, or some events of each.
        room: windowEvents * workers,
        // What several workers write together is skipped after it was merged.
        skip: whole ? skip : []
      })
    )

    const readers = slices.map(() => pieceReader(partitions))
    /** What workers write together goes here; made when it is known how long an event may be. */
    let merging: ReadonlyArray<StreamBuffer> | undefined
    const written = new Float64Array(topics.length)
    let time = simulation.start
    let windowMs = firstWindowMs
    /** Ends of the pieces that are asked for and not answered yet, epoch ms. */
    const asked: Array<number> = []
    let events = 0
    let listeners = 0
    let firstTs = Number.NaN
    let lastTs = Number.NaN
    /** Asks for more than the next piece, so that no worker waits for another or for this thread. */
    const askAhead = (until: number): void => {
      while (asked.length < ahead && (asked.length === 0 || asked[asked.length - 1] < until)) {
        const end = Math.min(until, (asked[asked.length - 1] ?? time) + windowMs)
        asked.push(end)
        for (const connection of connections) connection.send({ until: end })
      }
    }
    const sawTimes = (first: number, last: number): void => {
      if (Number.isNaN(first)) return
      firstTs = Number.isNaN(firstTs) ? first : Math.min(firstTs, first)
      lastTs = Number.isNaN(lastTs) ? last : Math.max(lastTs, last)
    }

    const advance = (until: number) =>
      Effect.gen(function* () {
        askAhead(until)
        const given = yield* inbox.take
        const end = asked.shift()!
        const made = given.reduce((sum, answer) => sum + answer.events, 0) - events
        events += made
        listeners = given.reduce((sum, answer) => sum + answer.listeners, 0)
        const passed = Math.max(1000, end - time)
        time = end
        const wanted = made === 0 ? Number.POSITIVE_INFINITY : (passed * windowEvents * workers) / made
        const next = Math.min(Math.max(wanted, windowMs / 2), windowMs * 2, longestWindowMs)
        windowMs = Math.max(1000, Math.round(next / 1000) * 1000)

        askAhead(until)

        const pieces = given.flatMap((answer, n) => readers[n](answer))
        let batches: ReadonlyArray<WrittenBatch>
        if (whole) {
          for (const answer of given) sawTimes(answer.firstTs, answer.lastTs)
          batches = pieces.map(({ arrays, count, partition, topic }) =>
            batchOf(arrays, topic, partition, count)
          )
        } else {
          const { longest } = given[0]
          merging ??= makeStreams({
            partitions,
            skip,
            longest,
            ordered: false,
            shared: false,
            takes: 2,
            room: 0
          })
          batches = merging.flatMap((into) => {
            const sources = pieces.filter(
              (piece) => piece.topic === into.topic && piece.partition === into.partition
            )
            if (sources.length === 0) return []
            const merged = mergeBatches(into, sources)
            sawTimes(merged.firstTs, merged.lastTs)
            return merged.batch === undefined ? [] : [merged.batch]
          })
        }
        for (const { records, topic } of batches) written[topics.indexOf(topic)] += records.count
        return { done: time >= until, batches }
      })

    return {
      advance,
      state: () => ({ events, time, written: byTopic(written), firstTs, lastTs, listeners })
    }
  })
