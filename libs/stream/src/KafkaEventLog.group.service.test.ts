import { startBroker } from "../../../tools/services/Services.ts"
import { bytesAt } from "@musify/domain/RecordBatch.ts"
import { topics } from "@musify/domain/Topic.ts"
import { Deferred, Duration, Effect, Exit, Fiber, Scope } from "effect"
import { Buffer } from "node:buffer"
import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import { describe, expect, inject, it } from "vitest"
import type { TopicPartition } from "./EventLog.ts"
import type { EventLogError } from "./EventLogError.ts"
import { type KafkaEventLogService, makeKafkaEventLog } from "./KafkaEventLog.ts"
import { kafkaTestSettings } from "./testing/kafkaTestSettings.ts"
import { recordsOf } from "./testing/plainRecords.ts"

const group = "readers"
const partitions = 4
const all = topics.flatMap((topic) =>
  Array.from({ length: partitions }, (_, partition) => ({ topic, partition }))
)
const nameOf = ({ partition, topic }: TopicPartition): string => `${topic}/${partition}`

/** Random numbers that a seed gives again. */
const dice = (seed: number) => {
  let state = seed
  return (below: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

/**
 * Where each partition has been read to, as a lake's chain knows it: whoever wants to go on has to say from where, and is
 * refused when another was faster.
 */
class Positions {
  readonly read = new Map(all.map((one) => [nameOf(one), 0]))
  refused = 0
  advance(name: string, from: number, to: number): boolean {
    if (this.read.get(name) !== from) {
      this.refused++
      return false
    }
    this.read.set(name, to)
    return true
  }
}

/** A process that reads whatever it is given, from the positions on; ends when it is told to. */
const member = (log: KafkaEventLogService, positions: Positions, errors: Array<EventLogError>) =>
  Effect.gen(function* () {
    const membership = yield* log.join(group)
    const mine = { now: [] as ReadonlyArray<TopicPartition>, changes: 0 }
    const follow = Effect.forever(
      Effect.map(membership.assignments.take, (list) => {
        mine.now = list
        mine.changes++
      })
    )
    const readAll = Effect.gen(function* () {
      const own = new Map<string, number>()
      while (true) {
        let busy = false
        for (const { partition, topic } of mine.now) {
          const name = nameOf({ topic, partition })
          const from = own.get(name) ?? positions.read.get(name)!
          const result = yield* Effect.either(membership.read(topic, partition, from, 2000))
          if (result._tag === "Left") {
            errors.push(result.left)
            own.delete(name)
            continue
          }
          const { count, offsets, values } = result.right
          if (count === 0) continue
          busy = true
          for (let i = 0; i < count; i++) {
            expect(offsets[i]).toBe(from + i)
            expect(Buffer.from(bytesAt(values, i)!).toString()).toBe(`${name} ${from + i}`)
          }
          if (positions.advance(name, from, from + count)) own.set(name, from + count)
          else own.delete(name)
        }
        yield* busy ? Effect.yieldNow() : Effect.sleep(10)
      }
    })
    yield* Effect.forkScoped(follow)
    yield* Effect.forkScoped(readAll)
    return mine
  })

/** Writes records that say what they are, until it is told to end. */
const writing = (log: KafkaEventLogService, enough: Effect.Effect<boolean>) =>
  Effect.gen(function* () {
    const ends = new Map(all.map((one) => [nameOf(one), 0]))
    while (!(yield* enough)) {
      yield* log.append(
        all.map((one) => {
          const end = ends.get(nameOf(one))!
          const values = Array.from({ length: 20 }, (_, i) => ({
            key: null,
            value: `${nameOf(one)} ${end + i}`
          }))
          return { ...one, records: recordsOf(values) }
        })
      )
      for (const one of all) ends.set(nameOf(one), ends.get(nameOf(one))! + 20)
      yield* Effect.sleep(20)
    }
    return ends
  })

describe("a group", () => {
  it("gives a lone member everything, two members half each, and everything to who is left", () =>
    Effect.gen(function* () {
      const settings = kafkaTestSettings(inject("kafkaBrokers"), { partitions })
      const log = yield* makeKafkaEventLog(settings)
      const first = yield* log.join(group)
      expect((yield* first.assignments.take).map(nameOf).sort()).toEqual(all.map(nameOf).sort())
      const scope = yield* Scope.make()
      const second = yield* Scope.extend(log.join(group), scope)
      const shares = yield* Effect.all([first.assignments.take, second.assignments.take], {
        concurrency: 2
      })
      expect(shares.map(({ length }) => length)).toEqual([8, 8])
      expect(shares.flat().map(nameOf).sort()).toEqual(all.map(nameOf).sort())
      yield* Scope.close(scope, Exit.void)
      expect((yield* first.assignments.take).length).toBe(16)
      // What a member commits is for others to see, and read back by name only.
      yield* log.commit(group, "auth_events", 1, 42)
      expect(yield* log.committed(group, "auth_events", 1)).toBe(42)
      expect(yield* log.committed(group, "auth_events", 2)).toBe(undefined)
    }).pipe(Effect.scoped, Effect.runPromise))

  it("is one of its log: another log on the same cluster has members of its own under the same name", () =>
    Effect.gen(function* () {
      for (let logs = 0; logs < 2; logs++) {
        const log = yield* makeKafkaEventLog(kafkaTestSettings(inject("kafkaBrokers"), { partitions }))
        const { assignments } = yield* log.join(group)
        expect((yield* assignments.take).map(nameOf).sort()).toEqual(all.map(nameOf).sort())
        yield* log.commit(group, "auth_events", 1, 42)
      }
    }).pipe(Effect.scoped, Effect.runPromise))

  it.each([1, 2])("reads everything once under any coming and going (seed %i)", (seed) =>
    Effect.gen(function* () {
      const random = dice(seed)
      const settings = kafkaTestSettings(inject("kafkaBrokers"), { partitions, readAheadBytes: 1 << 20 })
      const log = yield* makeKafkaEventLog(settings)
      const positions = new Positions()
      const errors: Array<EventLogError> = []
      const done = yield* Deferred.make<void>()
      const writer = yield* Effect.fork(writing(log, Deferred.isDone(done)))
      const members: Array<Scope.CloseableScope> = []
      for (let step = 0; step < 8; step++) {
        if (members.length === 0 || random(3) > 0) {
          const scope = yield* Scope.make()
          members.push(scope)
          // A process of its own has a log of its own.
          const own = yield* Scope.extend(makeKafkaEventLog(settings), scope)
          yield* Scope.extend(member(own, positions, errors), scope)
        } else yield* Scope.close(members.splice(random(members.length), 1)[0], Exit.void)
        yield* Effect.sleep(100 + random(700))
      }
      yield* Deferred.succeed(done, undefined)
      const ends = yield* Fiber.join(writer)
      const caughtUp = Effect.sync(() =>
        all.every((one) => positions.read.get(nameOf(one)) === ends.get(nameOf(one)))
      )
      for (let waited = 0; waited < 3000 && !(yield* caughtUp); waited++) yield* Effect.sleep(50)
      expect(positions.read).toEqual(ends)
      expect(errors).toEqual([])
      for (const scope of members) yield* Scope.close(scope, Exit.void)
    }).pipe(Effect.scoped, Effect.runPromise)
  )
})

describe("a broker that is killed", () => {
  const folder = () => fs.mkdtempSync(path.join(os.tmpdir(), "musify-broker-"))

  it("and comes back: what was acknowledged is read once, readers are told in time, nobody is moved", () =>
    Effect.gen(function* () {
      const home = folder()
      const broker = yield* Effect.acquireRelease(
        Effect.promise(() => startBroker({ folder: home })),
        (running) =>
          Effect.promise(async () => {
            await running.kill()
            fs.rmSync(home, { recursive: true, force: true })
          })
      )
      const settings = kafkaTestSettings([broker.address], { partitions, timeout: Duration.seconds(60) })
      const log = yield* makeKafkaEventLog(settings)
      const positions = new Positions()
      const errors: Array<EventLogError> = []
      const done = yield* Deferred.make<void>()
      const writer = yield* Effect.fork(writing(log, Deferred.isDone(done)))
      const mine = yield* member(log, positions, errors)
      while (mine.now.length === 0) yield* Effect.sleep(20)
      for (const outage of [1, 4]) {
        yield* Effect.sleep(1_000)
        yield* Effect.promise(() => broker.kill())
        const before = errors.length
        yield* Effect.sleep(Duration.seconds(outage))
        // Away for longer than a moment: every reader is told, and what to do.
        if (outage > 3) {
          while (errors.length === before) yield* Effect.sleep(50)
          for (const error of errors.slice(before)) {
            expect(error).toMatchObject({
              _tag: "EventLogUnavailable",
              retryable: true,
              message: expect.stringContaining(`--kafka-brokers ${broker.address}`)
            })
          }
        }
        yield* Effect.promise(() => broker.restart())
        yield* Effect.sleep(1_000)
      }
      yield* Deferred.succeed(done, undefined)
      const ends = yield* Fiber.join(writer)
      for (const one of all) {
        expect(yield* log.range(one.topic, one.partition)).toEqual({ start: 0, end: ends.get(nameOf(one)) })
      }
      const caughtUp = Effect.sync(() =>
        all.every((one) => positions.read.get(nameOf(one)) === ends.get(nameOf(one)))
      )
      for (let waited = 0; waited < 3000 && !(yield* caughtUp); waited++) yield* Effect.sleep(50)
      expect(positions.read).toEqual(ends)
    }).pipe(Effect.scoped, Effect.runPromise))

  it("and stays away: everything fails within its time and says so, and the program still ends", () =>
    Effect.gen(function* () {
      const home = folder()
      const broker = yield* Effect.promise(() => startBroker({ folder: home }))
      const settings = kafkaTestSettings([broker.address], { timeout: Duration.seconds(2) })
      const scope = yield* Scope.make()
      const log = yield* Scope.extend(makeKafkaEventLog(settings), scope)
      const membership = yield* Scope.extend(log.join(group), scope)
      yield* membership.assignments.take
      expect((yield* membership.read("auth_events", 0, 0, 1)).count).toBe(0)
      yield* Effect.promise(() => broker.kill())
      const told = {
        _tag: "EventLogUnavailable",
        retryable: true,
        message: expect.stringContaining(broker.address)
      }
      const records = recordsOf([{ key: null, value: "x" }])
      for (const act of [
        log.range("auth_events", 0),
        log.read("auth_events", 0, 0, 1),
        log.append([{ topic: "auth_events", partition: 0, records }]),
        log.commit(group, "auth_events", 0, 1),
        log.seriesEnd("series", "auth_events", 0),
        Effect.repeat(membership.read("auth_events", 0, 0, 1), { while: ({ count }) => count === 0 })
      ]) {
        const [time, error] = yield* Effect.timed(Effect.flip(act as Effect.Effect<unknown, EventLogError>))
        expect(error).toMatchObject(told)
        expect(Duration.toSeconds(time)).toBeLessThan(20)
      }
      const [time] = yield* Effect.timed(Scope.close(scope, Exit.void))
      expect(Duration.toSeconds(time)).toBeLessThan(20)
      const never = yield* Effect.flip(makeKafkaEventLog(settings))
      expect(never).toMatchObject({ ...told, exitCode: 3 })
      fs.rmSync(home, { recursive: true, force: true })
    }).pipe(Effect.scoped, Effect.runPromise))
})
