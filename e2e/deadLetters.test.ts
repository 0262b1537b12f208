import { Buffer } from "node:buffer"
import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import { bytesColumn } from "@musify/domain/RecordBatch.ts"
import { openDataFolder } from "@musify/runtime/DataFolder.ts"
import { makeLmdbEventLog } from "@musify/stream/LmdbEventLog.ts"
import { Effect, TestClock, TestContext } from "effect"
import { afterAll, expect, it } from "vitest"
import { run, runJson } from "./musify.ts"

/* Dead letters by the command line: counted, shown, put back when they are good, and then rows like all others. */

const scratch = fs.mkdtempSync(path.join(os.tmpdir(), "musify-dead-"))
afterAll(() => fs.rmSync(scratch, { recursive: true, force: true }))

/** Makes a data folder whose log has these records, logged at that time. */
const appendAt = (data: string, time: number, values: ReadonlyArray<string>): Promise<unknown> =>
  Effect.gen(function* () {
    const folder = yield* openDataFolder(data)
    yield* folder.freeze("partitions", "1")
    const log = yield* makeLmdbEventLog({ path: folder.log, partitions: 1 })
    yield* TestClock.setTime(time)
    const records = {
      count: values.length,
      keys: bytesColumn(values.map(() => null)),
      values: bytesColumn(values.map((value) => Buffer.from(value)))
    }
    yield* log.append([{ topic: "auth_events", partition: 0, records }])
  }).pipe(Effect.scoped, Effect.provide(TestContext.TestContext), Effect.runPromise)

interface Ingested {
  readonly topics: {
    readonly auth_events: { readonly rows: number; readonly deadLetters: Record<string, number> }
  }
}

it("lists, shows and replays", async () => {
  const data = path.join(scratch, "data")
  const folder = ["--data", data]
  const files = path.join(scratch, "auth_events.ndjson")
  // Logged two days ago and more than a day ahead of that; not any more.
  const now = Date.now()
  const event = { ts: now - 3_600_000, sessionId: 1, itemInSession: 0, level: "free", success: true }
  fs.writeFileSync(files, `${JSON.stringify(event)}\nno event\n`)

  const none = await run(["dead-letters", "list", ...folder])
  expect([none.code, none.stderr]).toEqual([2, expect.stringContaining("no Musify data folder")])
  await appendAt(data, now - 2 * 86_400_000, fs.readFileSync(files, "utf8").trim().split("\n"))
  const first = await runJson<Ingested>(["ingest", "--once", ...folder])
  expect(first.topics.auth_events.deadLetters).toEqual({ "out of range": 1, "invalid JSON": 1 })

  const listed = await runJson<ReadonlyArray<{ reason: string; count: number }>>([
    "dead-letters",
    "list",
    ...folder
  ])
  expect(listed.map(({ count, reason }) => [reason, count]).sort()).toEqual([
    ["invalid JSON", 1],
    ["out of range", 1]
  ])
  const filtered = ["dead-letters", "list", ...folder, "--reason", "invalid JSON", "--since", "3d"]
  expect((await runJson<ReadonlyArray<unknown>>(filtered)).length).toBe(1)
  const shown = await run(["dead-letters", "show", "auth_events/0/1", ...folder])
  expect(shown.stdout).toContain("reason:   invalid JSON")
  expect(shown.stdout.trim().endsWith("no event")).toBe(true)
  for (const [address, code, part] of [
    ["auth_events/0/9", 1, "no dead letter auth_events/0/9"],
    ["auth/0/9", 2, "TOPIC/PARTITION/OFFSET"]
  ] as const) {
    const wrong = await run(["dead-letters", "show", address, ...folder])
    expect([wrong.code, wrong.stderr]).toEqual([code, expect.stringContaining(part)])
  }

  const replayed = { replayed: 1, before: 0, stillDead: { "invalid JSON": 1 } }
  expect(await runJson(["dead-letters", "replay", ...folder])).toEqual(replayed)
  expect(await runJson(["dead-letters", "replay", ...folder])).toEqual({
    ...replayed,
    replayed: 0,
    before: 1
  })
  const second = await runJson<Ingested>(["ingest", "--once", ...folder])
  expect(second.topics.auth_events).toMatchObject({ rows: 1, deadLetters: {} })
  // The folder's other producer knows what is not its own.
  const again = await runJson<{ records: { auth_events: number } }>(["replay", files, ...folder, "--again"])
  expect(again.records.auth_events).toBe(2)
  const audit = await run(["audit", ...folder])
  expect(audit.stdout + audit.stderr).toContain("auth_events")
})
