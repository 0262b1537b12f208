import { Buffer } from "node:buffer"
import type { LogBatch } from "@musify/domain/RecordBatch.ts"
import { bytesColumn } from "@musify/domain/RecordBatch.ts"
import { type Topic, topics } from "@musify/domain/Topic.ts"
import type { EventLogService } from "@musify/stream/EventLog.ts"
import { OffsetOutOfRange } from "@musify/stream/EventLogError.ts"
import { soleMember } from "@musify/stream/soleMember.ts"
import { Effect } from "effect"

const firstTs = 1_799_000_000_000
const perBlock = 256

const names = ["Anna", "Bartholomew", "Chloé", "Dmitri", "Élodie", "Fatima"]

/** An event of Eventsim's size and shape; the first thirteen digits in it are its time. */
const eventText = (topic: Topic, i: number): string =>
  JSON.stringify({
    ts: firstTs,
    sessionId: i * 7,
    itemInSession: i % 40,
    level: i % 3 === 0 ? "paid" : "free",
    userId: i * 13,
    firstName: names[i % names.length],
    lastName: `Lastname ${i % 1000}`,
    gender: "F",
    registration: firstTs - i * 1000,
    city: `City number ${i % 300}`,
    state: "OH",
    zip: "43085",
    lat: 40.2 + i / 1e5,
    lon: -82.1,
    userAgent: `"Mozilla/5.0 (Windows NT 6.1; WOW64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/36.0.${i % 50}.125 Safari/537.36"`,
    tag: null,
    ...(topic === "auth_events" ? { success: true } : { auth: "Logged In" }),
    ...(topic === "listen_events" || topic === "page_view_events"
      ? { artist: `Artist ${i % 5000}`, song: `Some song number ${i % 9000}`, duration: 180 + (i % 100) }
      : {}),
    ...(topic === "page_view_events" ? { page: "NextSong", method: "PUT", status: 200 } : {})
  })

export interface BacklogOptions {
  readonly partitions: number
  /** Records of each partition. */
  readonly records: number
  /** Event time from one record to the next, ms. */
  readonly gapMs: number
}

/** A log with a backlog of any length that takes no memory: its records are made when they are read. */
export const makeBacklogLog = ({ gapMs, partitions, records }: BacklogOptions): EventLogService => {
  const blocks = new Map(
    topics.map((topic) => [
      topic,
      bytesColumn(Array.from({ length: perBlock }, (_, i) => Buffer.from(eventText(topic, i))))
    ])
  )
  const makeBatch = (topic: Topic, from: number, maxBytes: number): LogBatch => {
    const block = blocks.get(topic)!
    const first = from % perBlock
    const before = first === 0 ? 0 : block.ends[first - 1]
    let count = 1
    while (
      first + count < perBlock &&
      from + count < records &&
      block.ends[first + count] - before <= maxBytes
    )
      count++
    const data = Buffer.from(block.data.subarray(before, block.ends[first + count - 1]))
    const ends = new Int32Array(count)
    const offsets = new Float64Array(count)
    const timestamps = new Float64Array(count)
    let start = 0
    for (let i = 0; i < count; i++) {
      ends[i] = block.ends[first + i] - before
      offsets[i] = from + i
      timestamps[i] = firstTs + (from + i) * gapMs
      data.write(String(timestamps[i]), start + '{"ts":'.length, "latin1")
      start = ends[i]
    }
    const keys = bytesColumn(Array.from({ length: count }, () => null))
    return { count, keys, values: { data, ends }, offsets, timestamps }
  }
  const log: EventLogService = {
    partitions: () => Effect.succeed(partitions),
    join: () => soleMember(log),
    append: () => Effect.dieMessage("nothing is appended to a backlog"),
    read: (topic, partition, offset, maxBytes) =>
      Effect.suspend(() =>
        offset < 0 || offset > records
          ? new OffsetOutOfRange({ topic, partition, offset, start: 0, end: records })
          : Effect.succeed(
              offset === records
                ? {
                    count: 0,
                    keys: bytesColumn([]),
                    values: bytesColumn([]),
                    offsets: new Float64Array(),
                    timestamps: new Float64Array()
                  }
                : makeBatch(topic, offset, maxBytes)
            )
      ),
    range: () => Effect.succeed({ start: 0, end: records }),
    commit: () => Effect.void,
    committed: () => Effect.succeed(undefined)
  }
  return log
}
