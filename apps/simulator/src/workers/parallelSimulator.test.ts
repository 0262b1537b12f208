import { topics } from "@musify/domain/Topic.ts"
import { Effect } from "effect"
import fc from "fast-check"
import { Buffer } from "node:buffer"
import { MessageChannel } from "node:worker_threads"
import { expect, it } from "vitest"
import { compileCast } from "../CompiledCast.ts"
import type { WrittenBatch } from "../EventWriter.ts"
import { Simulation } from "../Simulation.ts"
import { localSimulator, type Simulator } from "../Simulator.ts"
import { cast, configOf, monday } from "../testing/collect.ts"
import { type Connection, parallelSimulator } from "./parallelSimulator.ts"
import { serveSlice } from "./serveSlice.ts"

/** A worker in this thread: messages and shared arrays are those of a real one. */
const connect = (): Connection => {
  const { port1, port2 } = new MessageChannel()
  serveSlice(port2)
  return {
    send: (message) => port1.postMessage(message),
    onAnswer: (listener) => port1.on("message", listener),
    onFailure: () => {},
    close: () => Promise.resolve(port1.close())
  }
}

type Lines = Record<string, Array<string>>

const remember = (lines: Lines, batches: ReadonlyArray<WrittenBatch>): void => {
  for (const { partition, records, topic } of batches) {
    const list = (lines[`${topic}/${partition}`] ??= [])
    for (let n = 0; n < records.count; n++) {
      const from = n === 0 ? 0 : records.values.ends[n - 1]
      const key = Buffer.from(records.keys.data.subarray(8 * n, 8 * n + 8)).toString()
      list.push(key + Buffer.from(records.values.data.subarray(from, records.values.ends[n])).toString())
    }
  }
}

/** All that a simulator writes. What it hands out is looked at late: when the next piece is there already. */
const linesOf = <E>(simulator: Simulator<E>, ends: ReadonlyArray<number>) =>
  Effect.gen(function* () {
    const lines: Lines = {}
    let before: ReadonlyArray<WrittenBatch> = []
    for (const end of ends) {
      for (let reached = false; !reached;) {
        const { batches, done } = yield* simulator.advance(end)
        remember(lines, before)
        before = batches
        reached = done
      }
      remember(lines, before)
      before = []
    }
    return { lines, state: { ...simulator.state(), time: 0 } }
  })

const base = {
  config: configOf({ "growth-rate": 3 }),
  users: 150,
  start: monday
}
const makeCast = () => compileCast(cast, base.config, { shared: true })
const hour = 3_600_000
const windowEvents = 4096

const local = (options: { readonly seed: number; readonly partitions: ReadonlyArray<number> }) =>
  localSimulator(new Simulation({ ...base, ...options, cast: makeCast() }), 1000)

it("any number of workers writes what one does, in the same order, after any stop", () =>
  fc.assert(
    fc.asyncProperty(
      fc.record({
        seed: fc.nat(1000),
        workers: fc.integer({ min: 2, max: 4 }),
        partitions: fc.oneof(
          fc.integer({ min: 1, max: 6 }).map((n) => topics.map(() => n)),
          fc.tuple(...topics.map(() => fc.integer({ min: 1, max: 3 })))
        ),
        middle: fc.integer({ min: 1, max: 29 }),
        stopped: fc.array(fc.float({ min: 0, max: 1, noNaN: true }), { minLength: 24, maxLength: 24 })
      }),
      async ({ middle, partitions, seed, stopped, workers }) => {
        const ends = [monday + middle * hour, monday + 30 * hour]
        const expected = await Effect.runPromise(linesOf(local({ seed, partitions }), ends))
        const parallel = (skip: ReadonlyArray<ReadonlyArray<number>>) =>
          Effect.runPromise(
            Effect.scoped(
              Effect.flatMap(
                parallelSimulator({
                  ...base,
                  seed,
                  partitions,
                  skip,
                  workers,
                  windowEvents,
                  makeCast,
                  connect
                }),
                (simulator) => linesOf(simulator, ends)
              )
            )
          )
        expect(await parallel([])).toEqual(expected)

        // Each partition was stopped anywhere.
        let next = 0
        const skip = topics.map((topic, t) =>
          Array.from({ length: partitions[t] }, (_, p) =>
            Math.floor((expected.lines[`${topic}/${p}`]?.length ?? 0) * stopped[next++])
          )
        )
        const rest = Object.fromEntries(
          topics.flatMap((topic, t) =>
            skip[t].flatMap((count, p) => {
              const list = expected.lines[`${topic}/${p}`]?.slice(count) ?? []
              return list.length === 0 ? [] : [[`${topic}/${p}`, list]]
            })
          )
        )
        const resumed = await parallel(skip)
        expect(resumed.lines).toEqual(rest)
        expect(resumed.state.events).toBe(expected.state.events)
      }
    ),
    { numRuns: 15 }
  ))

it("a worker that fails ends the simulation with a message", async () => {
  const broken = (): Connection => ({
    ...connect(),
    onFailure: (listener) => queueMicrotask(() => listener(new Error("out of memory")))
  })
  const options = {
    ...base,
    seed: 1,
    partitions: [1, 1, 1, 1],
    skip: [],
    workers: 2,
    windowEvents,
    makeCast,
    connect: broken
  }
  const failed = Effect.scoped(
    Effect.flatMap(parallelSimulator(options), (simulator) => linesOf(simulator, [monday + hour]))
  )
  expect(await Effect.runPromise(Effect.flip(failed))).toMatchObject({
    exitCode: 3,
    message: expect.stringContaining("out of memory")
  })
})
