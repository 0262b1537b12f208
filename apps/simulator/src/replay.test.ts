import { bytesAt } from "@musify/domain/RecordBatch.ts"
import { type Topic, topics } from "@musify/domain/Topic.ts"
import { EventLog, type EventLogService } from "@musify/stream/EventLog.ts"
import { EventLogUnavailable } from "@musify/stream/EventLogError.ts"
import { makeInMemoryEventLog } from "@musify/stream/InMemoryEventLog.ts"
import { Effect } from "effect"
import { Buffer } from "node:buffer"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { gzipSync } from "node:zlib"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { replay } from "./replay.ts"
import { replayedRecords } from "./ReplayJournal.ts"

let root: string
let input: string
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "musify-replay-"))
  input = join(root, "input")
  mkdirSync(join(input, "auth_events"), { recursive: true })
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

const event = (n: number) => `{"ts":${1_700_000_000_000 + n * 1000},"sessionId":${n},"song":"Zoë"}`
const pages = Array.from({ length: 30_000 }, (_, n) => event(n))
const listens = Array.from({ length: 501 }, (_, n) => event(n * 60))

const write = () => {
  writeFileSync(join(input, "page_view_events"), `${pages.join("\n")}\n`)
  // The last line without a line feed, a line that is no JSON, carriage returns.
  writeFileSync(join(input, "listen_events.ndjson.gz"), gzipSync(listens.join("\n")))
  writeFileSync(join(input, "auth_events", "part-0.json"), "not json\r\n{}\n\n")
  writeFileSync(join(input, "notes.txt"), "passed over")
}

const values = async (
  log: EventLogService,
  topic: Topic,
  partition: number
): Promise<ReadonlyArray<string>> => {
  const batch = await Effect.runPromise(log.read(topic, partition, 0, 1 << 28))
  return Array.from({ length: batch.count }, (_, n) => {
    expect(bytesAt(batch.keys, n)).toBeNull()
    return Buffer.from(bytesAt(batch.values, n)!).toString()
  })
}
const run = (log: EventLogService, again = false) =>
  replay({ paths: [input], root, again }).pipe(Effect.provideService(EventLog, log))

describe("replay", () => {
  it("sends the bytes of every line once, lines that are no JSON as well", async () => {
    write()
    const log = makeInMemoryEventLog({ partitions: 2 })
    const summary = await Effect.runPromise(run(log))
    expect(summary.records).toEqual({
      listen_events: 501,
      page_view_events: 30_000,
      auth_events: 2,
      status_change_events: 0
    })
    expect(await values(log, "page_view_events", 1)).toEqual(pages.filter((_, n) => n % 2 === 1))
    expect(await values(log, "listen_events", 0)).toEqual(listens.filter((_, n) => n % 2 === 0))
    expect(await values(log, "auth_events", 0)).toEqual(["not json\r"])

    const second = await Effect.runPromise(run(log))
    expect(second.records.page_view_events).toBe(0)
    expect(second.passedOver).toHaveLength(3)
    const third = await Effect.runPromise(run(log, true))
    expect(third.records.listen_events).toBe(501)
    const foreign = await Effect.runPromise(replayedRecords(root))
    expect(foreign("page_view_events", 0)).toBe(30_000)
  })

  it("that was cut off at any append goes on exactly where it stopped", async () => {
    write()
    const whole = makeInMemoryEventLog({ partitions: 2 })
    await Effect.runPromise(run(whole))
    rmSync(join(root, "simulator"), { recursive: true })
    for (const appends of [0, 1, 2, 3]) {
      const log = makeInMemoryEventLog({ partitions: 2 })
      let left = appends
      const failing: EventLogService = {
        ...log,
        append: (batches) =>
          left-- > 0
            ? log.append(batches)
            : // The kill comes between two partitions: the first got its records.
              Effect.zipRight(
                log.append(batches.slice(0, 1)),
                Effect.fail(new EventLogUnavailable({ message: "killed", retryable: false }))
              )
      }
      await Effect.runPromise(Effect.flip(run(failing)))
      await Effect.runPromise(Effect.flip(replayedRecords(root)))
      await Effect.runPromise(run(log))
      for (const topic of topics) {
        for (const p of [0, 1]) expect(await values(log, topic, p)).toEqual(await values(whole, topic, p))
      }
      rmSync(join(root, "simulator"), { recursive: true })
    }
  })

  it("does not go on with other bytes than it began with", async () => {
    write()
    const log = makeInMemoryEventLog({ partitions: 2 })
    const failing: EventLogService = {
      ...log,
      append: () => Effect.fail(new EventLogUnavailable({ message: "killed", retryable: false }))
    }
    await Effect.runPromise(Effect.flip(run(failing)))
    writeFileSync(join(input, "page_view_events"), "{}\n")
    const error = await Effect.runPromise(Effect.flip(run(log)))
    expect(error.message).toContain("has changed since its replay was cut off")
  })

  it("refuses a path that names no topic", async () => {
    const error = await Effect.runPromise(Effect.flip(run(makeInMemoryEventLog({ partitions: 1 }))))
    expect(error.message).toContain("names no topic")
  })
})
