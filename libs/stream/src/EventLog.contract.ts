import { bytesAt, bytesColumn, type RecordBatch } from "@musify/domain/RecordBatch.ts"
import { decodeHeaders, encodeHeaders } from "@musify/domain/recordHeaders.ts"
import { topics, type Topic } from "@musify/domain/Topic.ts"
import { Effect, Exit, type Layer } from "effect"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { EventLog } from "./EventLog.ts"
import { type EventLogError, EventLogUnavailable } from "./EventLogError.ts"
import { plainOf, readAll, recordsOf, type Plain } from "./testing/plainRecords.ts"

/** What an adapter promises beyond what all do. */
export interface LogCapabilities {
  /**
   * An append that expects an offset: "atomic", it lands there or nowhere, whoever else writes; "checked", it may land
   * behind another producer's records that came at the same time, and then fails and says so.
   */
  readonly conditionalAppend: "atomic" | "checked"
}

/** A log of two partitions per topic, empty at first. Building `layer` once more opens the same log again. */
export interface LogUnderTest {
  readonly layer: Layer.Layer<EventLog, unknown>
  readonly remove: () => void
}

const texts = (...values: ReadonlyArray<string>): RecordBatch =>
  recordsOf(values.map((value) => ({ key: "k", value })))

const plain: fc.Arbitrary<Plain> = fc.record({
  key: fc.option(fc.fullUnicodeString({ maxLength: 5 })),
  value: fc.option(fc.oneof(fc.fullUnicodeString({ maxLength: 40 }), fc.constant("")))
})
const place = fc.record({ topic: fc.constantFrom(...topics.slice(0, 2)), partition: fc.constantFrom(0, 1) })
const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("append" as const),
      parts: fc.array(
        fc.record({
          place,
          records: fc.array(plain, { maxLength: 20 }),
          expect: fc.constantFrom("nothing", "end", "end", "wrong")
        }),
        { maxLength: 4 }
      )
    })
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("read" as const),
      place,
      share: fc.double({ min: 0, max: 1, noNaN: true }),
      maxBytes: fc.oneof(fc.integer({ min: 1, max: 200 }), fc.constant(1 << 20))
    })
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("commit" as const),
      place,
      group: fc.constantFrom("a", "b"),
      offset: fc.nat(1e6)
    })
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("reopen" as const) }) }
)
type Step = typeof step extends fc.Arbitrary<infer A> ? A : never

/** The log as plain arrays. */
class Model {
  readonly partitions = new Map<string, Array<Plain>>()
  readonly groups = new Map<string, number>()
  of({ partition, topic }: { readonly topic: Topic; readonly partition: number }): Array<Plain> {
    const name = `${topic}/${partition}`
    const records = this.partitions.get(name) ?? []
    this.partitions.set(name, records)
    return records
  }
}

const runStep = (model: Model, next: Exclude<Step, { readonly kind: "reopen" }>) =>
  Effect.gen(function* () {
    const log = yield* EventLog
    switch (next.kind) {
      case "append": {
        const ends = new Map<Array<Plain>, number>()
        let fails = false
        const firsts: Array<number> = []
        const appends = next.parts.map(({ expect: expected, place: at, records }) => {
          const before = model.of(at)
          const end = ends.get(before) ?? before.length
          if (expected === "wrong") fails = true
          firsts.push(end)
          ends.set(before, end + records.length)
          const batch = { ...at, records: recordsOf(records) }
          return expected === "nothing"
            ? batch
            : { ...batch, expectedOffset: expected === "wrong" ? end + 1 : end }
        })
        const exit = yield* Effect.exit(log.append(appends))
        if (fails) {
          expect(Exit.isFailure(exit)).toBe(true)
          return
        }
        expect(exit).toEqual(Exit.succeed(firsts))
        for (const { place: at, records } of next.parts) model.of(at).push(...records)
        return
      }
      case "read": {
        const all = model.of(next.place)
        const offset = Math.floor(next.share * all.length)
        const batch = yield* log.read(next.place.topic, next.place.partition, offset, next.maxBytes)
        expect(batch.count > 0).toBe(offset < all.length)
        expect(plainOf(batch)).toEqual(
          all.slice(offset, offset + batch.count).map((record, i) => ({ offset: offset + i, ...record }))
        )
        const bytes = batch.keys.data.length + batch.values.data.length
        expect(batch.count <= 1 || bytes <= next.maxBytes).toBe(true)
        return
      }
      case "commit": {
        const { topic, partition } = next.place
        yield* log.commit(next.group, topic, partition, next.offset)
        model.groups.set(`${next.group}/${topic}/${partition}`, next.offset)
      }
    }
  })

const compare = (model: Model) =>
  Effect.gen(function* () {
    const log = yield* EventLog
    for (const topic of topics.slice(0, 2)) {
      for (const partition of [0, 1]) {
        const expected = model.of({ topic, partition })
        expect(yield* log.range(topic, partition)).toEqual({ start: 0, end: expected.length })
        const found = yield* readAll(topic, partition, 300)
        expect(found).toEqual(expected.map((record, offset) => ({ offset, ...record })))
        for (const group of ["a", "b"]) {
          const committed = yield* log.committed(group, topic, partition)
          expect(committed).toBe(model.groups.get(`${group}/${topic}/${partition}`))
        }
      }
    }
  })

/** The suite that every adapter of EventLog passes. */
export const eventLogContract = (
  name: string,
  make: () => LogUnderTest,
  options: LogCapabilities & { readonly numRuns?: number }
): void => {
  const withLog = <A>(use: Effect.Effect<A, unknown, EventLog>): Promise<A> => {
    const log = make()
    return Effect.runPromise(use.pipe(Effect.provide(log.layer), Effect.ensuring(Effect.sync(log.remove))))
  }
  const failureOf = <A>(effect: Effect.Effect<A, EventLogError, EventLog>) => Effect.flip(effect)
  const topic = "listen_events"

  describe(`${name} keeps the contract of EventLog`, () => {
    it("gives offsets from 0 on, without holes, per partition", () =>
      withLog(
        Effect.gen(function* () {
          const log = yield* EventLog
          expect(yield* log.partitions(topic)).toBe(2)
          expect(yield* log.range(topic, 0)).toEqual({ start: 0, end: 0 })
          const bases = yield* log.append([
            { topic, partition: 0, records: texts("a", "b") },
            { topic, partition: 1, records: texts("c") },
            { topic, partition: 0, records: texts("d") }
          ])
          expect(bases).toEqual([0, 0, 2])
          expect(yield* log.append([{ topic, partition: 0, records: texts() }])).toEqual([3])
          expect(yield* log.range(topic, 0)).toEqual({ start: 0, end: 3 })
          expect(plainOf(yield* log.read(topic, 0, 1, 1000)).map(({ value }) => value)).toEqual(["b", "d"])
          expect((yield* log.read("auth_events", 0, 0, 1000)).count).toBe(0)
        })
      ))

    it("stamps the Clock's time of the append", () =>
      withLog(
        Effect.gen(function* () {
          const log = yield* EventLog
          const before = yield* Effect.clockWith((clock) => clock.currentTimeMillis)
          yield* log.append([{ topic, partition: 0, records: texts("a", "b") }])
          const after = yield* Effect.clockWith((clock) => clock.currentTimeMillis)
          const { timestamps } = yield* log.read(topic, 0, 0, 1000)
          expect(timestamps.length).toBe(2)
          for (const time of timestamps) expect(time >= before && time <= after).toBe(true)
        })
      ))

    it("refuses an append that expects another end, and appends none of its parts", () =>
      withLog(
        Effect.gen(function* () {
          const log = yield* EventLog
          yield* log.append([{ topic, partition: 0, records: texts("a"), expectedOffset: 0 }])
          const error = yield* failureOf(
            log.append([
              { topic, partition: 1, records: texts("x") },
              { topic, partition: 0, records: texts("b"), expectedOffset: 0 }
            ])
          )
          expect(error).toMatchObject({
            _tag: "UnexpectedOffset",
            topic,
            partition: 0,
            expected: 0,
            found: 1
          })
          expect(yield* log.range(topic, 0)).toEqual({ start: 0, end: 1 })
          expect(yield* log.range(topic, 1)).toEqual({ start: 0, end: 0 })
        })
      ))

    it("never moves a reader silently: an offset outside of the range is an error", () =>
      withLog(
        Effect.gen(function* () {
          const log = yield* EventLog
          yield* log.append([{ topic, partition: 0, records: texts("a", "b") }])
          expect((yield* log.read(topic, 0, 2, 1000)).count).toBe(0)
          for (const offset of [3, -1]) {
            const error = yield* failureOf(log.read(topic, 0, offset, 1000))
            expect(error).toMatchObject({ _tag: "OffsetOutOfRange", offset, start: 0, end: 2 })
          }
        })
      ))

    it("has no other partitions", () =>
      withLog(
        Effect.gen(function* () {
          const log = yield* EventLog
          for (const partition of [-1, 2, 0.5]) {
            const error = yield* failureOf(log.append([{ topic, partition, records: texts("a") }]))
            expect(error).toMatchObject({ _tag: "EventLogUnavailable", retryable: false })
            yield* failureOf(log.range(topic, partition))
            yield* failureOf(log.read(topic, partition, 0, 1))
          }
        })
      ))

    it("does not look at the caller's buffers after an append", () =>
      withLog(
        Effect.gen(function* () {
          const log = yield* EventLog
          const records = texts("before")
          yield* log.append([{ topic, partition: 0, records }])
          records.values.data.fill(33)
          records.values.ends.fill(0)
          expect(plainOf(yield* log.read(topic, 0, 0, 100))[0].value).toBe("before")
        })
      ))

    it("keeps the headers of records, beside records without any", () =>
      withLog(
        Effect.gen(function* () {
          const log = yield* EventLog
          const headers = [encodeHeaders([["origin", new TextEncoder().encode("a/0")]]), null]
          yield* log.append([{ topic, partition: 0, records: texts("none") }])
          yield* log.append([
            { topic, partition: 0, records: { ...texts("one", "null"), headers: bytesColumn(headers) } }
          ])
          const found: Array<readonly [string | null, ReadonlyArray<string>]> = []
          for (let offset = 0; offset < 3;) {
            const batch = yield* log.read(topic, 0, offset, 1000)
            plainOf(batch).forEach(({ value }, i) => {
              const bytes = batch.headers === undefined ? null : bytesAt(batch.headers, i)
              const pairs = bytes === null ? [] : decodeHeaders(bytes)
              found.push([value, pairs.map(([name, text]) => `${name}=${new TextDecoder().decode(text)}`)])
            })
            offset += batch.count
          }
          expect(found).toEqual([
            ["none", []],
            ["one", ["origin=a/0"]],
            ["null", []]
          ])
        })
      ))

    it("loses nothing when appends run at once", () =>
      withLog(
        Effect.gen(function* () {
          const log = yield* EventLog
          const bases = yield* Effect.forEach(
            Array.from({ length: 50 }, (_, i) => i),
            (i) => log.append([{ topic, partition: 0, records: texts(`${i}-0`, `${i}-1`) }]),
            { concurrency: "unbounded" }
          )
          const all = yield* readAll(topic, 0, 1000)
          expect(all.length).toBe(100)
          bases.forEach(([base], i) => {
            expect([all[base].value, all[base + 1].value]).toEqual([`${i}-0`, `${i}-1`])
          })
        })
      ))

    it("lets several read one partition at once, each from its own offset on", () =>
      withLog(
        Effect.gen(function* () {
          const log = yield* EventLog
          const total = 200
          yield* log.append([
            { topic, partition: 0, records: texts(...Array.from({ length: total }, (_, i) => `${i}`)) }
          ])
          const readFrom = (offset: number) =>
            Effect.gen(function* () {
              const found: Array<number> = []
              for (let at = offset; at < total; at = found[found.length - 1] + 1) {
                const { count, offsets } = yield* log.read(topic, 0, at, 100)
                for (let i = 0; i < count; i++) found.push(offsets[i])
              }
              return found
            })
          const starts = [0, 150, 0, 60, 199]
          const found = yield* Effect.forEach(starts, readFrom, { concurrency: "unbounded" })
          expect(found).toEqual(
            starts.map((start) => Array.from({ length: total - start }, (_, i) => start + i))
          )
        })
      ))

    it(`lets one of several producers win that expect the same end (${options.conditionalAppend})`, async () => {
      const log = make()
      // Each producer has opened the log for itself, as processes do.
      const race = (i: number) =>
        EventLog.pipe(
          Effect.flatMap((opened) =>
            opened.append([{ topic, partition: 0, records: texts(`${i}`), expectedOffset: 0 }])
          ),
          Effect.either,
          Effect.provide(log.layer)
        )
      const all = Effect.gen(function* () {
        yield* Effect.provide(Effect.void, log.layer)
        const results = yield* Effect.all([0, 1, 2].map(race), { concurrency: "unbounded" })
        const records = yield* Effect.provide(readAll(topic, 0, 1000), log.layer)
        const winners = results.flatMap((result, i) => (result._tag === "Right" ? [i] : []))
        const failed = results.flatMap((result) => (result._tag === "Left" ? [result.left] : []))
        expect(winners.length).toBe(1)
        expect(records[0].value).toBe(`${winners[0]}`)
        const landed = failed.filter((error) => error instanceof EventLogUnavailable)
        for (const error of failed) {
          expect(error).toMatchObject(
            error instanceof EventLogUnavailable
              ? { message: expect.stringContaining("instead of 0"), retryable: false }
              : { _tag: "UnexpectedOffset", expected: 0 }
          )
        }
        expect(records.length).toBe(1 + landed.length)
        if (options.conditionalAppend === "atomic") expect(landed).toEqual([])
      })
      await Effect.runPromise(Effect.ensuring(all, Effect.sync(log.remove)))
    })

    it("takes values of 10 MB and appends of many records", () =>
      withLog(
        Effect.gen(function* () {
          const log = yield* EventLog
          const big = "x".repeat(10_000_000)
          const many = Array.from({ length: 20_000 }, (_, i) => `value ${i} ${"y".repeat(100)}`)
          yield* log.append([{ topic, partition: 0, records: texts("small", big, ...many) }])
          expect((yield* log.read(topic, 0, 0, 100)).count).toBe(1)
          expect(plainOf(yield* log.read(topic, 0, 1, 100))[0].value).toBe(big)
          const all = yield* readAll(topic, 0, 1 << 18)
          expect(all.map(({ offset }) => offset)).toEqual(Array.from({ length: 20_002 }, (_, i) => i))
          expect(all.slice(2).map(({ value }) => value)).toEqual(many)
        })
      ))

    it("behaves like arrays, whatever is appended, read, committed and reopened", () =>
      fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
          const log = make()
          const model = new Model()
          const sessions: Array<Array<Exclude<Step, { readonly kind: "reopen" }>>> = [[]]
          for (const next of steps) {
            if (next.kind === "reopen") sessions.push([])
            else sessions[sessions.length - 1].push(next)
          }
          try {
            for (const session of sessions) {
              const run = Effect.gen(function* () {
                for (const next of session) yield* runStep(model, next)
                yield* compare(model)
              })
              await Effect.runPromise(Effect.provide(run, log.layer))
            }
          } finally {
            log.remove()
          }
        }),
        { numRuns: options.numRuns ?? 60 }
      ))
  })
}
