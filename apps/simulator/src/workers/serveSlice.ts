import type { MessagePort } from "node:worker_threads"
import { Simulation } from "../Simulation.ts"
import type { Arrays } from "../StreamBuffer.ts"
import {
  type Answer,
  type Ask,
  type FirstMessage,
  type MakeListeners,
  type NewArrays,
  pieceSets,
  type WorkerSetup
} from "./protocol.ts"

/**
 * A worker's whole life. Told what to simulate, it answers each `Ask` with the events of its slice up to then; told which
 * initial listeners to make, it answers with them.
 */
export const serveSlice = (port: MessagePort): void => {
  port.once("message", (first: FirstMessage) => {
    if ("initial" in first) makeListeners(port, first)
    else answerAsks(port, first)
  })
}

const makeListeners = (port: MessagePort, setup: MakeListeners): void => {
  const simulation = new Simulation(setup)
  // Nothing happens at the start itself: this makes the listeners, and no more.
  simulation.advance(setup.start, Number.POSITIVE_INFINITY)
  const made = simulation.listeners.made()
  port.postMessage(made, [made.words.buffer, made.numbers.buffer])
}

const answerAsks = (port: MessagePort, setup: WorkerSetup): void => {
  const simulation = new Simulation({ ...setup, shared: true, takes: pieceSets })
  const { listeners, writer } = simulation
  const { streams } = writer
  const sent = Array.from({ length: pieceSets }, () => [] as Array<Arrays | undefined>)
  let answers = 0
  port.on("message", ({ until }: Ask) => {
    while (!simulation.advance(until, Number.POSITIVE_INFINITY));
    const set = sent[answers++ % pieceSets]
    const counts = Int32Array.from(streams, ({ count }) => count)
    const made: Array<NewArrays> = []
    // All are taken, also those without events: the streams use their sets in step with the answers.
    streams.forEach((taken, stream) => {
      const arrays = taken.takeArrays()
      if (set[stream] === arrays) return
      set[stream] = arrays
      made.push({ stream, arrays })
    })
    const answer: Answer = {
      counts,
      made,
      events: writer.events,
      firstTs: writer.firstTs,
      lastTs: writer.lastTs,
      listeners: listeners.count,
      longest: writer.longest
    }
    port.postMessage(answer)
  })
}
