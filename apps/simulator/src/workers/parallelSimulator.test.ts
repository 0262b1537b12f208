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
import type { MadeListeners } from "../Listeners.ts"
import { cast, configOf, monday } from "../testing/collect.ts"
import type { Connection } from "./Connection.ts"
import { listenerMakers } from "./listenerMakers.ts"
import { parallelSimulator } from "./parallelSimulator.ts"
import type { MakeListeners } from "./protocol.ts"
import { serveSlice } from "./serveSlice.ts"
import { type Slice, wholePart } from "./Slice.ts"

/** A worker in this thread: messages and shared arrays are those of a real one. */
const connect = <Message, Answer>(): Connection<Message, Answer> => {
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

const broken = <Message, Answer>(): Connection<Message, Answer> => ({
  ...connect(),
  onFailure: (listener) => queueMicrotask(() => listener(new Error("out of memory")))
})

it("a worker that fails ends the simulation with a message", async () => {
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

/** As `local`, with listeners that several make. */
const madeTogether = (
  options: {
    readonly seed: number
    readonly partitions: ReadonlyArray<number>
    readonly slice?: Slice | undefined
  },
  makers: number,
  connection: typeof connect = connect
) =>
  Effect.gen(function* () {
    const { others, own, start } = yield* listenerMakers({
      users: base.users,
      makers,
      connect: () => connection<MakeListeners, MadeListeners>()
    })
    const all = { ...base, ...options, cast: makeCast() }
    start(all)
    return localSimulator(new Simulation({ ...all, initial: own }), 1000, others)
  })

/** As `connect`; it ends as soon as it has answered, as a thread does that has nothing more to wait for. */
const ending = <Message, Answer>(): Connection<Message, Answer> => {
  const connection = connect<Message, Answer>()
  let end: (cause: unknown) => void = () => {}
  return {
    ...connection,
    onFailure: (listener) => (end = listener),
    onAnswer: (listener) =>
      connection.onAnswer((answer) => {
        listener(answer)
        end(new Error("it ended with code 0"))
      })
  }
}

it("listeners that several threads make live as those that one makes", () =>
  fc.assert(
    fc.asyncProperty(
      fc.record({
        seed: fc.nat(1000),
        makers: fc.integer({ min: 2, max: 5 }),
        shard: fc.constantFrom(undefined, { index: 0, count: 2 }, { index: 1, count: 2 })
      }),
      async ({ makers, seed, shard }) => {
        const slice = shard === undefined ? undefined : { shard, worker: wholePart }
        const options = { seed, partitions: [2, 1, 2, 2], slice }
        const ends = [monday + 2 * hour, monday + 20 * hour]
        const one = localSimulator(new Simulation({ ...base, ...options, cast: makeCast() }), 1000)
        const expected = await Effect.runPromise(linesOf(one, ends))
        const made = Effect.flatMap(madeTogether(options, makers, ending), (simulator) =>
          linesOf(simulator, ends)
        )
        expect(await Effect.runPromise(Effect.scoped(made))).toEqual(expected)
      }
    ),
    { numRuns: 10 }
  ))

it("a thread that fails to make listeners ends the simulation with a message", async () => {
  const failed = Effect.flatMap(madeTogether({ seed: 1, partitions: [1, 1, 1, 1] }, 3, broken), (simulator) =>
    linesOf(simulator, [monday + hour])
  )
  expect(await Effect.runPromise(Effect.flip(Effect.scoped(failed)))).toMatchObject({
    exitCode: 3,
    message: expect.stringContaining("out of memory")
  })
})
