import type { MessagePort } from "node:worker_threads"
import type { Cast } from "../Cast.ts"
import { loadCast } from "../cast/loadCast.ts"
import { Simulation } from "../Simulation.ts"
import { type Answer, type Ask, pieceSets, type WorkerSetup } from "./protocol.ts"

/** A worker's whole life: answers each `Ask` with the events of its slice up to then. */
export const serveSlice = (
  port: MessagePort,
  setup: WorkerSetup,
  cast: Cast = loadCast(setup.songs, setup.similar)
): void => {
  const simulation = new Simulation({ ...setup, cast, shared: true, takes: pieceSets })
  const { listeners, writer } = simulation
  port.on("message", ({ until }: Ask) => {
    while (!simulation.advance(until, Number.POSITIVE_INFINITY));
    // All are taken, also those without events: the streams use their sets in step with the pieces.
    const pieces = writer.streams.map((stream) => {
      const { count, partition, topic } = stream
      return { topic, partition, count, arrays: stream.takeArrays() }
    })
    const answer: Answer = {
      pieces: pieces.filter(({ count }) => count > 0),
      events: writer.events,
      firstTs: writer.firstTs,
      lastTs: writer.lastTs,
      listeners: listeners.count,
      longest: writer.longest
    }
    port.postMessage(answer)
  })
}
