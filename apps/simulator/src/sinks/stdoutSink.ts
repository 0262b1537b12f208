import { topics } from "@musify/domain/Topic.ts"
import { Data, Effect } from "effect"
import { Buffer } from "node:buffer"
import process from "node:process"
import { type EventSink, onePartition } from "../EventSink.ts"
import { inTimeOrder } from "./timeOrder.ts"

/** As many events as were wanted are out: the simulation may stop. */
export class SampleComplete extends Data.TaggedError("SampleComplete") {}

/** Where lines go; resolves when more may come. */
export type LineWriter = (lines: Buffer) => Promise<void>

const toStandardOutput: LineWriter = (lines) =>
  new Promise((resolve) => {
    if (process.stdout.write(lines)) resolve()
    else process.stdout.once("drain", () => resolve())
  })

/**
 * The standard output: one event per line, all topics in order of time, each with its topic as first field
 * (`{"topic":"auth_events","ts":…}`). Ends with `SampleComplete` after `limit` events.
 */
export const stdoutSink = (
  limit: number = Number.POSITIVE_INFINITY,
  write: LineWriter = toStandardOutput
): EventSink<SampleComplete> => {
  const heads = new Map(topics.map((topic) => [topic, Buffer.from(`{"topic":"${topic}",`)]))
  let left = limit
  return {
    partitions: onePartition,
    positions: [],
    newline: true,
    append: (batches) =>
      Effect.suspend(() => {
        const parts: Array<Uint8Array> = []
        inTimeOrder(batches, ({ topic }, data, from, to) => {
          // A malformed event is no object that could take a field: it goes out as it is.
          if (data[from] === 0x7b && data[from + 1] === 0x22)
            parts.push(heads.get(topic)!, data.subarray(from + 1, to))
          else parts.push(data.subarray(from, to))
          return --left > 0
        })
        const lines = Buffer.concat(parts)
        return Effect.zipRight(
          Effect.promise(() => write(lines)),
          left > 0 ? Effect.void : new SampleComplete()
        )
      })
  }
}
