import { spawn } from "node:child_process"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import process from "node:process"
import { fileURLToPath } from "node:url"
import { setTimeout as sleep } from "node:timers/promises"
import { bytesColumn } from "@musify/domain/RecordBatch.ts"
import { layer as layerStore } from "@musify/lake/LocalDirectoryObjectStore.ts"
import { nodeArguments } from "@musify/runtime/testing/nodeArguments.ts"
import { layer as layerLog, makeLmdbEventLog } from "@musify/stream/LmdbEventLog.ts"
import { Effect, Layer } from "effect"
import { afterAll, expect, it } from "vitest"
import { ingest } from "./ingest.ts"
import { atAnyMoment, everyOffset } from "./testing/chainInvariants.ts"

const topic = "auth_events"
const child = fileURLToPath(new URL("./testing/ingestFolder.ts", import.meta.url))
const scratch = fs.mkdtempSync(path.join(os.tmpdir(), "musify-kill-"))
afterAll(() => fs.rmSync(scratch, { recursive: true, force: true }))

const bucketOf = (directory: string): Map<string, Uint8Array> => {
  const objects = new Map<string, Uint8Array>()
  // Killed before it made the folder.
  if (!fs.existsSync(directory)) return objects
  for (const entry of fs.readdirSync(directory, { recursive: true, withFileTypes: true })) {
    const full = path.join(entry.parentPath, entry.name)
    const name = path.relative(directory, full).split(path.sep).join("/")
    if (entry.isFile() && !name.startsWith(".tmp/")) objects.set(name, fs.readFileSync(full))
  }
  return objects
}

it("a kill -9 at any moment costs nothing and doubles nothing", async () => {
  const directory = path.join(scratch, "bucket")
  const logPath = path.join(scratch, "log")
  const count = 2400
  const encoder = new TextEncoder()
  const values = Array.from({ length: count }, (_, i) =>
    encoder.encode(
      JSON.stringify({
        ts: 1_750_000_000_000 + Math.floor(i / 40) * 3_600_000,
        sessionId: i,
        itemInSession: 0,
        level: "free",
        success: i % 3 === 0
      })
    )
  )
  await Effect.runPromise(
    Effect.scoped(
      Effect.gen(function* () {
        const log = yield* makeLmdbEventLog({ path: logPath, partitions: 1 })
        const records = { count, keys: bytesColumn(values.map(() => null)), values: bytesColumn(values) }
        yield* log.append([{ topic, partition: 0, records }])
      })
    )
  )
  // Moments after the start of the work, ms; two processes at a time.
  for (const moment of [10, 50, 130]) {
    const running = [0, 1].map(() =>
      spawn(process.execPath, [...nodeArguments(child), logPath, directory], {
        stdio: ["ignore", "pipe", "inherit"]
      })
    )
    await Promise.all(
      running.map((process) => new Promise((resolve) => process.stdout.once("data", resolve)))
    )
    await sleep(moment)
    const ended = running.map((process) => new Promise((resolve) => process.once("exit", resolve)))
    for (const process of running) process.kill("SIGKILL")
    await Promise.all(ended)
    expect(await atAnyMoment(bucketOf(directory), topic)).toEqual([])
  }
  const summary = await Effect.runPromise(
    ingest({ once: true }).pipe(
      Effect.provide(Layer.merge(layerLog({ path: logPath }), layerStore({ directory })))
    )
  )
  expect(summary.halted).toEqual([])
  const objects = bucketOf(directory)
  expect(await atAnyMoment(objects, topic)).toEqual([])
  expect(
    await everyOffset(
      objects,
      topic,
      Array.from({ length: count }, (_, i) => i)
    )
  ).toEqual([])
  expect(fs.readdirSync(path.join(directory, ".tmp"))).toEqual([])
})
