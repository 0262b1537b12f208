import { topics } from "@musify/domain/Topic.ts"
import { Effect, Either } from "effect"
import { Buffer } from "node:buffer"
import { expect, it } from "vitest"
import { simulateInto, type SimulateOptions } from "../simulate.ts"
import { cast, configOf, monday } from "../testing/collect.ts"
import { asBuffer, eventTime } from "./eventTime.ts"
import { stdoutSink } from "./stdoutSink.ts"

const options: SimulateOptions = {
  config: configOf(),
  songs: cast.songs.map((song, n) =>
    n % 3 === 0 ? { ...song, title: `a "quoted",\\"ts":5 {"ts":6` } : song
  ),
  users: 100,
  seed: 3,
  start: monday,
  until: monday + 86_400_000,
  live: false
}

const linesOf = async (limit?: number) => {
  const parts: Array<Buffer> = []
  const sink = stdoutSink(limit, (lines) => Promise.resolve(void parts.push(lines)))
  const result = await Effect.runPromise(Effect.either(simulateInto(sink, options)))
  const text = Buffer.concat(parts).toString()
  expect(text.endsWith("\n")).toBe(true)
  return { result, lines: text.trimEnd().split("\n") }
}

it("prints all topics in order of time, each line with its topic, whatever the titles hold", async () => {
  const { lines, result } = await linesOf()
  const events = lines.map((line) => JSON.parse(line) as { topic: string; ts: number })
  expect(events.every((event, n) => n === 0 || event.ts >= events[n - 1].ts)).toBe(true)
  const summary = Either.getOrThrow(result)
  for (const topic of topics) {
    expect(events.filter((event) => event.topic === topic)).toHaveLength(summary.events[topic])
  }
  expect(Object.keys(events[0])[0]).toBe("topic")
})

it("ends after as many events as are wanted: the first ones", async () => {
  const all = await linesOf()
  const sample = await linesOf(7)
  expect(sample.lines).toEqual(all.lines.slice(0, 7))
  expect(Either.isLeft(sample.result)).toBe(true)
})

it("reads an event's time where it is, and nowhere else", () => {
  const timeOf = (text: string) => eventTime(asBuffer(Buffer.from(text)), 0, Buffer.byteLength(text))
  expect(timeOf('{"ts":1433116800000,"sessionId":1}')).toBe(1433116800000)
  expect(timeOf('{"song":"x\\",\\"ts\\":5","ts":17}')).toBe(17)
  expect(timeOf('{"song":"x"}')).toBeNaN()
  expect(timeOf('{"ts":"soon"}')).toBeNaN()
  expect(timeOf("")).toBeNaN()
  // The next event of the same bytes is not this one.
  const two = Buffer.from('{"a":1},"ts":5')
  expect(eventTime(two, 0, 7)).toBeNaN()
})
