import { type Topic, topics } from "@musify/domain/Topic.ts"
import { readParquetRows } from "@musify/lake/parquetFile.ts"
import { Effect } from "effect"
import fc from "fast-check"
import { Buffer } from "node:buffer"
import {
  appendFileSync,
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { gunzipSync } from "node:zlib"
import { Zstd } from "@hpcc-js/wasm-zstd"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import type { EventSink } from "../EventSink.ts"
import type { WrittenBatch } from "../EventWriter.ts"
import { simulateInto, type SimulateOptions } from "../simulate.ts"
import { cast, configOf, monday } from "../testing/collect.ts"
import { type LinesOptions, linesNames, linesSink } from "./linesSink.ts"
import { openOutputFolder } from "./OutputFolder.ts"
import { parquetNames, parquetSink } from "./parquetSink.ts"

const hours = 3_600_000
const options: SimulateOptions = {
  config: configOf(),
  songs: cast.songs,
  users: 100,
  seed: 3,
  start: monday,
  until: monday + 30 * hours,
  live: false
}

/** What a run without any output makes, as texts by topic. */
let expected: Readonly<Record<Topic, ReadonlyArray<string>>>
const root = mkdtempSync(join(tmpdir(), "musify-sinks-"))
let folders = 0
const newFolder = () => join(root, String(folders++))

beforeAll(async () => {
  const lines: Record<string, Array<string>> = Object.fromEntries(topics.map((topic) => [topic, []]))
  await Effect.runPromise(simulateInto(remember(lines), options))
  expected = lines as never
})
afterAll(() => rmSync(root, { recursive: true, force: true }))

const remember = (lines: Record<string, Array<string>>): EventSink<never> => ({
  partitions: [1, 1, 1, 1],
  positions: [],
  newline: true,
  append: (batches) =>
    Effect.sync(() => {
      for (const { records, topic } of batches) {
        const text = Buffer.from(records.values.data).toString().trimEnd()
        lines[topic].push(...text.split("\n"))
      }
    })
})

/** A kind of files: how they are written, and how they are read by somebody else. */
interface Kind {
  readonly name: string
  readonly run: (path: string, stop?: (append: number) => void, until?: number) => Promise<void>
  readonly read: (path: string) => Promise<Readonly<Record<string, ReadonlyArray<string>>>>
}

/** The sink, which is given less at once and calls `stop` before each append but the first. */
const stopping = <E>(sink: EventSink<E>, stop: (append: number) => void): EventSink<E> => {
  let appends = 0
  return {
    ...sink,
    append: (batches, time) =>
      Effect.forEach(
        pieces(batches),
        (piece) =>
          Effect.suspend(() => {
            if (appends++ > 0) stop(appends)
            // Now and then the disk is done before the next append.
            return Effect.zipRight(
              sink.append(piece, time),
              Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 3)))
            )
          }),
        { discard: true }
      )
  }
}

const pieceRecords = 151
const pieces = (batches: ReadonlyArray<WrittenBatch>): ReadonlyArray<ReadonlyArray<WrittenBatch>> =>
  batches.flatMap(({ partition, records, topic }) =>
    Array.from({ length: Math.ceil(records.count / pieceRecords) }, (_, n) => {
      const ends = records.values.ends.slice(n * pieceRecords, (n + 1) * pieceRecords)
      const from = n === 0 ? 0 : records.values.ends[n * pieceRecords - 1]
      const count = ends.length
      const values = {
        data: records.values.data.slice(from, ends[count - 1]),
        ends: ends.map((end) => end - from)
      }
      const keys = {
        data: records.keys.data.subarray(0, count * 8),
        ends: records.keys.ends.subarray(0, count)
      }
      return [{ topic, partition, records: { count, keys, values } }]
    })
  )

const linesKind = (compression: LinesOptions["compression"], unpack: (bytes: Buffer) => Buffer): Kind => {
  const lines = { compression, extension: ".ndjson" }
  return {
    name: compression,
    run: (path, stop = () => {}, until = options.until) =>
      Effect.gen(function* () {
        const folder = yield* openOutputFolder({
          path,
          output: compression,
          names: linesNames(lines),
          overwrite: false
        })
        yield* folder.freeze({ seed: "3" })
        const sink = yield* linesSink(folder, {
          ...lines,
          noteEveryMs: 0,
          memberEveryMs: 0,
          memberBytes: 20_000
        })
        yield* simulateInto(stopping(sink, stop), { ...options, until })
      }).pipe(Effect.scoped, Effect.asVoid, Effect.runPromise),
    read: (path) =>
      Promise.resolve(
        Object.fromEntries(
          topics.map((topic, t) => {
            const text = unpack(readFileSync(join(path, linesNames(lines)[t]))).toString()
            return [topic, text === "" ? [] : text.trimEnd().split("\n")]
          })
        )
      )
  }
}

const zstd = await Zstd.load()
/** All frames of a file: the decoder stops after one. */
const unzstd = (bytes: Buffer): Buffer => {
  const frames: Array<Uint8Array> = []
  const magic = Buffer.from([0x28, 0xb5, 0x2f, 0xfd])
  for (let from = 0; from < bytes.length;) {
    let to = from
    for (;;) {
      to = bytes.indexOf(magic, to + 4)
      if (to === -1) to = bytes.length
      try {
        frames.push(zstd.decompress(bytes.subarray(from, to)))
        break
      } catch (cause) {
        if (to === bytes.length) throw cause
      }
    }
    from = to
  }
  return Buffer.concat(frames)
}

const parquetKind: Kind = {
  name: "parquet",
  run: (path, stop = () => {}, until = options.until) =>
    Effect.gen(function* () {
      const folder = yield* openOutputFolder({
        path,
        output: "parquet",
        names: parquetNames,
        overwrite: false
      })
      yield* folder.freeze({ seed: "3" })
      const sink = yield* parquetSink(folder, { rows: 70 })
      yield* simulateInto(stopping(sink, stop), { ...options, until })
    }).pipe(Effect.scoped, Effect.asVoid, Effect.runPromise),
  read: async (path) => {
    const found: Record<string, Array<string>> = {}
    for (const topic of topics) {
      const rows: Array<Record<string, unknown>> = []
      for (const name of readdirSync(join(path, topic), { recursive: true, encoding: "utf8" })) {
        if (!name.endsWith(".parquet")) continue
        for (const row of await readParquetRows(name, readFileSync(join(path, topic, name)))) {
          // The file lies in the hour of its rows.
          const [, y, m, d, h] = /year=(\d+)\/month=(\d+)\/day=(\d+)\/hour=(\d+)\//.exec(name)!
          expect((row.ts as Date).toISOString().slice(0, 13)).toBe(`${y}-${m}-${d}T${h}`)
          rows.push(row)
        }
      }
      rows.sort((a, b) => Number(a._offset) - Number(b._offset))
      expect(rows.map((row) => Number(row._offset))).toEqual(rows.map((_, n) => n))
      found[topic] = rows.map((row) =>
        JSON.stringify([Number(row.ts), Number(row.sessionId), row.itemInSession])
      )
    }
    return found
  }
}

const kinds = [
  linesKind("none", (bytes) => bytes),
  linesKind("gzip", (bytes) => (bytes.length === 0 ? bytes : gunzipSync(bytes))),
  linesKind("zstd", unzstd),
  parquetKind
]

const expectedOf = (kind: Kind) =>
  kind !== parquetKind
    ? expected
    : Object.fromEntries(
        topics.map((topic) => [
          topic,
          expected[topic].map((line) => {
            const { itemInSession, sessionId, ts } = JSON.parse(line) as Record<string, number>
            return JSON.stringify([ts, sessionId, itemInSession])
          })
        ])
      )

interface Journal {
  readonly records: Readonly<Record<string, number>>
  readonly bytes: Readonly<Record<string, number>>
}
const journalOf = (path: string): Journal =>
  JSON.parse(readFileSync(join(path, ".musify-simulation/journal.json"), "utf8")) as Journal

describe.each(kinds)("$name", (kind) => {
  it("writes what the simulation makes, and nothing more when it is run again", async () => {
    const path = newFolder()
    await kind.run(path)
    expect(await kind.read(path)).toEqual(expectedOf(kind))
    for (const topic of topics) expect(journalOf(path).records[topic]).toBe(expected[topic].length)
    await kind.run(path)
    expect(await kind.read(path)).toEqual(expectedOf(kind))
  })

  it("goes on at the next event, wherever it was killed and whatever the disk lost of what was not noted", async () => {
    const appends = await countAppends(kind)
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 2, max: appends }), { minLength: 1, maxLength: 3 }),
        fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 4, maxLength: 4 }),
        async (kills, shares) => {
          let path = newFolder()
          for (const kill of kills) {
            const left = newFolder()
            let taken = false
            // What kill -9 leaves is what the folder holds at that moment.
            await kind.run(path, (append) => {
              if (append < kill || taken) return
              taken = true
              cpSync(path, left, { recursive: true })
              // Its lock is that of a process that is gone.
              rmSync(join(left, ".musify-simulation/locks"), { recursive: true })
            })
            if (!taken) break
            path = left
            const noted = journalOf(path).bytes
            for (const [n, name] of Object.keys(noted).entries()) {
              const size = statSync(join(path, name)).size
              truncateSync(join(path, name), noted[name] + Math.floor(shares[n] * (size - noted[name])))
              // What was never written may be there as zeros after a power cut.
              if (n % 2 === 0) appendFileSync(join(path, name), Buffer.alloc(2_000_000))
            }
          }
          await kind.run(path)
          expect(await kind.read(path)).toEqual(expectedOf(kind))
        }
      ),
      { numRuns: 3 }
    )
  })
})

it.each(kinds)("$name: what was written but not noted before a stop is written again", async (kind) => {
  const path = newFolder()
  const file = join(path, ".musify-simulation/journal.json")
  await kind.run(path, undefined, monday + 15.5 * hours)
  const journal = journalOf(path)
  const nothing = Object.fromEntries(topics.map((topic) => [topic, 0]))
  writeFileSync(file, JSON.stringify({ ...journal, records: nothing, bytes: {} }))
  await kind.run(path)
  expect(await kind.read(path)).toEqual(expectedOf(kind))
})

it.each(kinds.slice(0, 3))("$name: a file that lost what was noted is refused", async (kind) => {
  const path = newFolder()
  await kind.run(path)
  const [name, bytes] = Object.entries(journalOf(path).bytes)[0]
  truncateSync(join(path, name), bytes - 1)
  await expect(kind.run(path)).rejects.toThrow(`has ${bytes - 1} bytes, but ${bytes} were written`)
})

const countAppends = async (kind: Kind): Promise<number> => {
  let appends = 1
  await kind.run(newFolder(), (append) => (appends = append))
  return appends
}
