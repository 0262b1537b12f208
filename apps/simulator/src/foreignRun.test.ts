import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import { bytesColumn } from "@musify/domain/RecordBatch.ts"
import { openDataFolder } from "@musify/runtime/DataFolder.ts"
import { EventLog } from "@musify/stream/EventLog.ts"
import { makeInMemoryEventLog } from "@musify/stream/InMemoryEventLog.ts"
import { Effect } from "effect"
import { afterAll, beforeEach, expect, it } from "vitest"
import { producerRole } from "./EventSink.ts"
import { asForeignRun } from "./foreignRun.ts"
import { readJournal, replayedRecords, writeJournal } from "./ReplayJournal.ts"

const scratch = fs.mkdtempSync(path.join(os.tmpdir(), "musify-foreign-"))
afterAll(() => fs.rmSync(scratch, { recursive: true, force: true }))

const topic = "auth_events"
const log = { current: makeInMemoryEventLog({ partitions: 2 }) }
let root: string
let folders = 0
beforeEach(() => {
  root = path.join(scratch, String(folders++))
  log.current = makeInMemoryEventLog({ partitions: 2 })
})
const append = (count: number) => {
  const column = bytesColumn(Array.from({ length: count }, () => null))
  return log.current.append([{ topic, partition: 1, records: { count, keys: column, values: column } }])
}
const run = <A, E>(effect: Effect.Effect<A, E, EventLog>) =>
  Effect.runPromise(Effect.provideService(effect, EventLog, log.current))
const foreign = Effect.map(
  Effect.suspend(() => replayedRecords(root)),
  (of) => [of(topic, 0), of(topic, 1)]
)
const folder = Effect.suspend(() => openDataFolder(root))

it("counts what was written as another producer's, and nothing that lay before or comes after", () =>
  run(
    Effect.gen(function* () {
      const opened = yield* folder
      yield* append(5)
      expect(yield* asForeignRun(opened, Effect.as(append(3), "done"))).toBe("done")
      yield* append(7)
      yield* asForeignRun(opened, append(2))
      expect(yield* foreign).toEqual([0, 5])
      yield* asForeignRun(opened, Effect.void)
      expect((yield* readJournal(root)).length).toBe(2)
    })
  ))

it("counts what was written by a run that failed, or was killed and is made again", () =>
  run(
    Effect.gen(function* () {
      const opened = yield* folder
      const failed = asForeignRun(opened, Effect.zipRight(append(3), Effect.fail("no")))
      expect(yield* Effect.flip(failed)).toBe("no")
      expect(yield* foreign).toEqual([0, 3])
      // Killed: the account stays open, and the simulator does not begin.
      const runs = yield* readJournal(root)
      yield* writeJournal(root, [...runs, { files: [], bases: [{ topic, partition: 1, offset: 3 }] }])
      yield* append(4)
      const refused = yield* Effect.flip(foreign)
      expect(refused.message).toContain("Finish it first: musify dead-letters replay")
      yield* asForeignRun(opened, append(1))
      expect(yield* foreign).toEqual([0, 8])
    })
  ))

it("waits for nobody: another producer, or a replay of files that was cut off, is named", () =>
  run(
    Effect.scoped(
      Effect.gen(function* () {
        const opened = yield* folder
        yield* writeJournal(root, [{ files: [{ path: "a.ndjson", topic, hash: "h" }], bases: [] }])
        const cutOff = yield* Effect.flip(asForeignRun(opened, append(1)))
        expect(cutOff).toMatchObject({ exitCode: 2 })
        expect(String(cutOff)).toContain("musify replay a.ndjson")
        yield* opened.lockRole(producerRole)
        expect(yield* Effect.flip(asForeignRun(opened, append(1)))).toMatchObject({ exitCode: 2 })
        expect((yield* log.current.range(topic, 1)).end).toBe(0)
      })
    )
  ))
