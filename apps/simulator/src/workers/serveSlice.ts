import type { MessagePort } from "node:worker_threads"
import type { Cast } from "../Cast.ts"
import { loadCast } from "../cast/loadCast.ts"
import { Simulation } from "../Simulation.ts"
import { type Answer, type Ask, transferred, type WorkerSetup } from "./protocol.ts"

/** Sets of arrays per stream: one is being stored, one handed out, and two for the pieces that are asked for ahead. */
const takes = 4

/** A worker's whole life: answers each `Ask` with the events of its slice up to then. */
export const serveSlice = (
  port: MessagePort,
  setup: WorkerSetup,
  cast: Cast = loadCast(setup.songs, setup.similar)
): void => {
  const simulation = new Simulation({ ...setup, cast, takes })
  const { listeners, writer } = simulation
  const { streams } = writer
  port.on("message", ({ returned, until }: Ask) => {
    for (const { arrays, stream, turn } of returned) streams[stream].restore(turn, arrays)
    while (!simulation.advance(until, Number.POSITIVE_INFINITY));
    const batches = streams.flatMap((stream, index) => {
      const { count, turn } = stream
      if (count === 0) return []
      stream.take()
      return [{ stream: index, turn, count, arrays: stream.lend(turn) }]
    })
    const answer: Answer = {
      batches,
      events: writer.events,
      firstTs: writer.firstTs,
      lastTs: writer.lastTs,
      listeners: listeners.count,
      longest: writer.longest
    }
    port.postMessage(answer, transferred(batches))
  })
}
