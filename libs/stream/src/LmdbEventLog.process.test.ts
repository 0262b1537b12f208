import { topics } from "@musify/domain/Topic.ts"
import { nodeArguments } from "@musify/runtime/testing/nodeArguments.ts"
import { Effect } from "effect"
import fc from "fast-check"
import { open } from "lmdb"
import type { Buffer } from "node:buffer"
import { execFile, spawn } from "node:child_process"
import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import process from "node:process"
import { setTimeout as sleep } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { afterAll, describe, expect, it } from "vitest"
import { decodeNote, encodeNote } from "./batchCodec.ts"
import { EventLog } from "./EventLog.ts"
import { layer, makeLmdbEventLog } from "./LmdbEventLog.ts"
import { plainOf, readAll, recordsOf } from "./testing/plainRecords.ts"

const child = fileURLToPath(new URL("./testing/logChild.ts", import.meta.url))
const root = fs.mkdtempSync(path.join(os.tmpdir(), "musify-log-"))
afterAll(() => fs.rmSync(root, { recursive: true }))
/** Of a program that ends with 0, or it rejects. The test's own event loop turns meanwhile: Vitest minds where it stands still. */
const runFile = promisify(execFile)
let folders = 0
const newFolder = () => path.join(root, String(folders++))

interface Acknowledged {
  readonly i: number
  readonly count: number
  readonly bases: ReadonlyArray<number>
}

/** Appends in a process of its own until it is done or `killAfter` acknowledgements and some ms have passed. */
const appendInChild = async (
  folder: string,
  options: {
    readonly seed: number
    readonly batches: number
    readonly bytes: number
    readonly kill?: number
    /** Default: everything in LMDB's own file. */
    readonly segmentBytes?: number
  },
  onAck: () => void = () => {}
): Promise<ReadonlyArray<Acknowledged>> => {
  const { batches, bytes, kill, seed, segmentBytes = 1e9 } = options
  const args = ["append", folder, ...[seed, batches, bytes, segmentBytes].map(String)]
  const running = spawn(process.execPath, [...nodeArguments(child), ...args], {
    stdio: ["ignore", "pipe", "inherit"]
  })
  let text = ""
  running.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    if (text === "" && kill !== undefined) void sleep(kill).then(() => running.kill("SIGKILL"))
    text += chunk
    onAck()
  })
  await new Promise((resolve) => running.on("close", resolve))
  expect(running.signalCode).toBe(kill === undefined ? null : "SIGKILL")
  return text
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Acknowledged)
}

const expectedValues = (seed: number, { count, i }: Acknowledged, partition: number) =>
  Array.from({ length: count }, (_, n) => `${seed}/${i}/${partition}/${n}`)

const valuesOf = (folder: string) =>
  Effect.runPromise(
    Effect.forEach([0, 1], (partition) => readAll(topics[0], partition, 1 << 20)).pipe(
      Effect.provide(layer({ path: folder }))
    )
  )

describe("a log that several processes have open", () => {
  it.each([
    ["in LMDB's own file", 1e9],
    ["in segments", 0]
  ])("keeps all that was acknowledged when an appending process is killed, %s", async (_, segmentBytes) => {
    const folder = newFolder()
    const acknowledged: Array<readonly [seed: number, ack: Acknowledged]> = []
    for (let seed = 1; seed <= 4; seed++) {
      const acks = await appendInChild(folder, {
        seed,
        batches: 1e9,
        bytes: 600,
        kill: 7 * seed * seed,
        segmentBytes
      })
      expect(acks.length).toBeGreaterThan(0)
      for (const ack of acks) acknowledged.push([seed, ack])
      const partitions = await valuesOf(folder)
      partitions.forEach((all, partition) => {
        expect(all.map(({ offset }) => offset)).toEqual(all.map((_, offset) => offset))
        for (const [by, ack] of acknowledged) {
          const found = all.slice(ack.bases[partition], ack.bases[partition] + ack.count)
          expect(found.map(({ value }) => value?.replace(/x+$/, ""))).toEqual(
            expectedValues(by, ack, partition)
          )
        }
      })
      // One transaction for all parts of an append: what was cut off is in both partitions or in none.
      expect(partitions[0].length).toBe(partitions[1].length)
      // At most the append that was being done when the kill came was stored without being acknowledged.
      const last = acks[acks.length - 1]
      const unacknowledged = partitions[0].length - (last.bases[0] + last.count)
      expect(unacknowledged).toBeLessThanOrEqual(20)
    }
  })

  it("lets one process read while another appends and the file grows", async () => {
    const folder = newFolder()
    const topic = topics[0]
    await Effect.runPromise(
      Effect.gen(function* () {
        const log = yield* EventLog
        let offset = 0
        let growing = 0
        const readOn = Effect.gen(function* () {
          while (true) {
            const batch = yield* log.read(topic, 0, offset, 1 << 20)
            if (batch.count === 0) return
            for (const record of plainOf(batch)) expect(record.offset).toBe(offset++)
          }
        })
        let done = false
        const appending = appendInChild(
          folder,
          { seed: 1, batches: 400, bytes: 8000 },
          () => growing++
        ).finally(() => (done = true))
        let turns = 0
        while (!done) {
          yield* readOn
          turns++
          yield* Effect.promise(() => sleep(2))
        }
        const acks = yield* Effect.promise(() => appending)
        yield* readOn
        const last = acks[acks.length - 1]
        expect(offset).toBe(last.bases[0] + last.count)
        expect(turns).toBeGreaterThan(3)
        expect(fs.statSync(path.join(folder, "data.mdb")).size).toBeGreaterThan(50e6)
        // and both may append: the lock of the file orders them
        const [base] = yield* log.append([
          { topic, partition: 0, records: recordsOf([{ key: null, value: "a" }]) }
        ])
        expect(base).toBe(offset)
      }).pipe(Effect.provide(layer({ path: folder, partitions: 2 })))
    )
  })
})

describe("a disk that takes no more", () => {
  // A limit of file size stands for a full disk: both cut a write short.
  it.each([
    ["in LMDB's own file", 1e9],
    ["in segments", 0]
  ])("is a message, and costs nothing that was acknowledged, %s", async (_, segmentBytes) => {
    const folder = newFolder()
    const command = 'ulimit -f 3000; exec "$@"'
    const numbers = ["1", "100000", "2000", String(segmentBytes)]
    const args = [process.execPath, ...nodeArguments(child), "append", folder, ...numbers]
    const { stdout } = await runFile("sh", ["-c", command, "sh", ...args], { timeout: 120_000 })
    const lines = stdout.split("\n").slice(0, -1)
    const { failed } = JSON.parse(lines.pop() ?? "{}") as { readonly failed: string }
    expect(failed).toContain(
      `Cannot write to the log in ${path.join(folder, "data.mdb")}: the disk did not take it.`
    )
    const acknowledged = lines.map((line) => JSON.parse(line) as Acknowledged)
    expect(acknowledged.length).toBeGreaterThan(10)
    const partitions = await valuesOf(folder)
    const last = acknowledged[acknowledged.length - 1]
    for (const all of partitions) {
      expect(all.length).toBe(last.bases[0] + last.count)
      expect(all.map(({ offset }) => offset)).toEqual(all.map((_, offset) => offset))
    }
    const [again] = await appendInChild(folder, { seed: 2, batches: 1, bytes: 2000 })
    expect(again.bases[0]).toBe(last.bases[0] + last.count)
  })
})

describe("a damaged log file", () => {
  const whole = newFolder()
  const records = (n: number) =>
    recordsOf(
      Array.from({ length: 40 }, (_, i) => ({ key: `k${i}`, value: `value ${n} ${i}`.padEnd(100, "x") }))
    )
  const make = Effect.gen(function* () {
    const log = yield* EventLog
    for (let n = 0; n < 25; n++) {
      yield* log.append([0, 1].map((partition) => ({ topic: topics[0], partition, records: records(n) })))
    }
  }).pipe(Effect.provide(layer({ path: whole, partitions: 2 })))

  /** Reads the logs in a process of its own; what each one gave. */
  const readInChild = async (folders: ReadonlyArray<string>) => {
    const { stderr, stdout } = await runFile(
      process.execPath,
      [...nodeArguments(child), "read", ...folders],
      {
        maxBuffer: 1 << 28
      }
    )
    expect(stderr).toBe("")
    return stdout
      .split("\n")
      .slice(0, -1)
      .map((line) => JSON.parse(line) as { readonly found?: string; readonly failed?: string })
  }
  const damage = (change: (bytes: Buffer) => Buffer): string => {
    const folder = newFolder()
    fs.mkdirSync(folder)
    fs.writeFileSync(path.join(folder, "data.mdb"), change(fs.readFileSync(path.join(whole, "data.mdb"))))
    return folder
  }

  it("is a message that names the file, or does no harm; never a crash or other records", async () => {
    await Effect.runPromise(make)
    const size = fs.statSync(path.join(whole, "data.mdb")).size
    const flips = fc.sample(fc.tuple(fc.nat(size - 1), fc.integer({ min: 0, max: 7 })), {
      seed: 20,
      numRuns: 40
    })
    // Meta and tree pages hold what LMDB follows: damage them more often than chance would.
    const pageSize = 4096
    const bytes = fs.readFileSync(path.join(whole, "data.mdb"))
    const pages = Array.from({ length: size / pageSize }, (_, page) => page).filter(
      (page) => page < 2 || [1, 2].includes(bytes.readUInt16LE(page * pageSize + 18))
    )
    const pageFlips = fc.sample(
      fc.tuple(fc.nat(1000), fc.nat(pageSize - 1), fc.integer({ min: 0, max: 7 })),
      { seed: 22, numRuns: 100 }
    )
    const cuts = fc.sample(fc.nat(size - 1), { seed: 21, numRuns: 10 })
    const folders = [
      damage((bytes) => bytes),
      ...flips.map(([at, bit]) =>
        damage((bytes) => {
          bytes[at] ^= 1 << bit
          return bytes
        })
      ),
      ...pageFlips.map(([page, at, bit]) =>
        damage((bytes) => {
          bytes[pages[page % pages.length] * pageSize + at] ^= 1 << bit
          return bytes
        })
      ),
      ...cuts.map((length) => damage((bytes) => bytes.subarray(0, length)))
    ]
    const [good, ...others] = await readInChild(folders)
    expect(good.failed).toBe(undefined)
    let messages = 0
    others.forEach(({ failed, found }, i) => {
      if (failed === undefined) expect(found).toEqual(good.found)
      else {
        messages++
        expect(failed).toContain(path.join(folders[i + 1], "data.mdb"))
      }
    })
    expect(messages).toBeGreaterThan(20)
  })

  it("is named also when it is a segment: whatever is changed, cut off or missing", async () => {
    const segmented = newFolder()
    await Effect.runPromise(
      Effect.gen(function* () {
        const log = yield* EventLog
        for (let n = 0; n < 25; n++) {
          const parts = [0, 1].map((partition) => ({ topic: topics[0], partition, records: records(n) }))
          yield* log.append(parts)
        }
      }).pipe(Effect.provide(layer({ path: segmented, partitions: 2, segmentBytes: 0 })))
    )
    const segment = path.join("segments", "00000000.segment")
    const bytes = fs.readFileSync(path.join(segmented, segment))
    const copyWith = (change: (file: string) => void): string => {
      const folder = newFolder()
      fs.cpSync(segmented, folder, { recursive: true })
      change(path.join(folder, segment))
      return folder
    }
    const used = fc.nat(bytes.length - 1).filter((at) => bytes[at] !== 0)
    const flips = fc.sample(fc.tuple(used, fc.integer({ min: 0, max: 7 })), { seed: 23, numRuns: 30 })
    const folders = [
      segmented,
      ...flips.map(([at, bit]) =>
        copyWith((file) => {
          const changed = Uint8Array.from(bytes)
          changed[at] ^= 1 << bit
          fs.writeFileSync(file, changed)
        })
      ),
      copyWith((file) => fs.truncateSync(file, 5000)),
      copyWith((file) => fs.rmSync(file))
    ]
    const [good, ...others] = await readInChild(folders)
    expect(good.failed).toBe(undefined)
    others.forEach(({ failed }, i) => expect(failed).toContain(path.join(folders[i + 1], segment)))
  })

  it("is told from a file that is no log at all", async () => {
    const empty = newFolder()
    fs.mkdirSync(empty)
    fs.writeFileSync(path.join(empty, "data.mdb"), "this is no log".repeat(1000))
    expect((await readInChild([empty]))[0].failed).toContain("no LMDB file")
  })
})

describe("settings of a log", () => {
  const opened = (options: { readonly path: string; readonly partitions?: number }) =>
    Effect.scoped(Effect.flatMap(makeLmdbEventLog(options), (log) => log.partitions(topics[0])))

  it("fixes the number of partitions when it is made", async () => {
    const folder = newFolder()
    expect(await Effect.runPromise(opened({ path: folder, partitions: 3 }))).toBe(3)
    expect(await Effect.runPromise(opened({ path: folder }))).toBe(3)
    const error = await Effect.runPromise(Effect.flip(opened({ path: folder, partitions: 4 })))
    expect(error).toMatchObject({ _tag: "UserError", exitCode: 2 })
    expect(error.message).toMatch(/has 3 partitions per topic, but 4 were asked for/)
  })

  it("refuses the log of a newer version and touches nothing", async () => {
    const folder = newFolder()
    await Effect.runPromise(opened({ path: folder }))
    const table = open<Buffer, Array<string>>({ path: folder, noSubdir: false, encoding: "binary" })
    await table.put(["log"], encodeNote(JSON.stringify({ format: 3, shape: "unknown" })))
    await table.close()
    const file = path.join(folder, "data.mdb")
    const bytes = fs.readFileSync(file)
    const error = await Effect.runPromise(Effect.flip(opened({ path: folder })))
    expect(error).toMatchObject({ _tag: "UserError", exitCode: 2 })
    expect(error.message).toContain("newer Musify (log format 3; this one knows 2)")
    expect(fs.readFileSync(file).equals(bytes)).toBe(true)
  })

  it("opens the log of an older release, which is then of this one", async () => {
    const folder = newFolder()
    await Effect.runPromise(opened({ path: folder }))
    const table = open<Buffer, Array<string>>({ path: folder, noSubdir: false, encoding: "binary" })
    await table.put(["log"], encodeNote(JSON.stringify({ format: 1, partitions: 2 })))
    await table.close()
    expect(await Effect.runPromise(opened({ path: folder }))).toBe(2)
    const again = open<Buffer, Array<string>>({ path: folder, noSubdir: false, encoding: "binary" })
    const note = decodeNote(again.get(["log"])!)
    await again.close()
    expect(JSON.parse(note!)).toEqual({ format: 2, partitions: 2 })
  })

  it("says what is in the way of the folder", async () => {
    const folder = newFolder()
    fs.writeFileSync(folder, "a file")
    const error = await Effect.runPromise(Effect.flip(opened({ path: folder })))
    expect(error.message).toContain(folder)
  })
})

describe("trim", () => {
  it("moves the start up and leaves offsets as they are, also when all is gone", () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ append: fc.integer({ min: 0, max: 30 }), trim: fc.nat(60) }), { maxLength: 8 }),
        fc.constantFrom(0, 60, 1e9),
        async (steps, segmentBytes) => {
          const folder = newFolder()
          let start = 0
          let end = 0
          for (const { append, trim } of steps) {
            const session = Effect.gen(function* () {
              const log = yield* makeLmdbEventLog({ path: folder, partitions: 2, segmentBytes })
              const texts = Array.from({ length: append }, (_, i) => ({ key: null, value: String(end + i) }))
              yield* log.append([{ topic: topics[0], partition: 1, records: recordsOf(texts) }])
              end += append
              yield* log.trim(topics[0], 1, trim)
              start = Math.max(start, Math.min(trim, end))
              expect(yield* log.range(topics[0], 1)).toEqual({ start, end })
              const all = yield* Effect.provideService(readAll(topics[0], 1, 50), EventLog, log)
              expect(all.map(({ value }) => value)).toEqual(
                Array.from({ length: end - start }, (_, i) => String(start + i))
              )
              if (start > 0) {
                const error = yield* Effect.flip(log.read(topics[0], 1, start - 1, 10))
                expect(error).toMatchObject({ _tag: "OffsetOutOfRange", start, end })
              }
            })
            await Effect.runPromise(Effect.scoped(session))
          }
        }
      ),
      { numRuns: 30 }
    ))

  it("removes segments that nothing refers to any more, also under the process that writes into one", async () => {
    const folder = newFolder()
    const files = () => fs.readdirSync(path.join(folder, "segments"))
    const append = (value: string) => ({
      topic: topics[0],
      partition: 0,
      records: recordsOf([{ key: null, value }])
    })
    await Effect.runPromise(
      Effect.gen(function* () {
        const options = { path: folder, partitions: 2, segmentBytes: 0 }
        const [log, other] = [yield* makeLmdbEventLog(options), yield* makeLmdbEventLog(options)]
        yield* log.append([append("a")])
        yield* other.append([append("b")])
        expect(files().length).toBe(2)
        yield* other.trim(topics[0], 0, 1)
        expect(files()).toEqual(["00000001.segment"])
        expect(yield* log.append([append("c")])).toEqual([2])
        expect(files()).toEqual(["00000001.segment", "00000002.segment"])
        const all = yield* Effect.provideService(readAll(topics[0], 0, 50), EventLog, other)
        expect(all.map(({ value }) => value)).toEqual(["b", "c"])
      }).pipe(Effect.scoped)
    )
  })
})
