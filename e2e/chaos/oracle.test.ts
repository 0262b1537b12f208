import { layer as layerLocalDirectory } from "@musify/lake/LocalDirectoryObjectStore.ts"
import { bytesColumn } from "@musify/domain/RecordBatch.ts"
import { encodeHeaders } from "@musify/domain/recordHeaders.ts"
import { type Topic, topics } from "@musify/domain/Topic.ts"
import { ingest } from "@musify/ingestor/ingest.ts"
import { EventLog, type EventLogService } from "@musify/stream/EventLog.ts"
import { makeInMemoryEventLog } from "@musify/stream/InMemoryEventLog.ts"
import { numberHeader, seriesHeader } from "@musify/stream/kafka/series.ts"
import { Effect } from "effect"
import { Buffer } from "node:buffer"
import { copyFileSync, cpSync, mkdirSync, openSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { seeded, temporaryFolder } from "../musify.ts"
import { chaosRecord, kindHeader } from "./chaosEvents.ts"
import { Findings } from "./Findings.ts"
import { readJournals, valueHash, writeAcknowledged } from "./journal.ts"
import { LakeWatch } from "./LakeWatch.ts"
import { judge } from "./oracle.ts"

/*
 * The oracle can find what it is there for: a small lake that is right, and then one thing wrong with it at a time.
 */

const folder = temporaryFolder()
afterAll(folder.remove)

const partitions = 2
const perPartition = 150
const start = Date.now()

let log: EventLogService
/** The bucket as the ingestor left it. */
const whole = join(folder.path, "whole")
const journal = join(folder.path, "journal")

/** Appends the same records for the same numbers and seed; answers what was acknowledged. */
const appendTo = (to: EventLogService, count: number, first = 0, seed = 5) => {
  const random = seeded(seed)
  const appended: Array<{ topic: Topic; partition: number; hashes: ReadonlyArray<string> }> = []
  const batches = topics.flatMap((topic) =>
    Array.from({ length: partitions }, (_, partition) => {
      const records = Array.from({ length: count }, (_record, n) =>
        chaosRecord(topic, first + partition * 1000 + n, start, random)
      )
      appended.push({ topic, partition, hashes: records.map(({ value }) => valueHash(value)) })
      const headers = records.map(({ kind }, n) =>
        encodeHeaders([
          [kindHeader, Buffer.from(kind)],
          [seriesHeader, Buffer.from("s")],
          [numberHeader, Buffer.from(String(n))]
        ])
      )
      return {
        topic,
        partition,
        records: {
          count,
          keys: bytesColumn(records.map(({ key }) => key)),
          values: bytesColumn(records.map(({ value }) => value)),
          headers: bytesColumn(headers)
        }
      }
    })
  )
  return Effect.runPromise(to.append(batches)).then((bases) =>
    appended.map((one, i) => ({ ...one, base: bases[i] }))
  )
}

beforeAll(async () => {
  log = makeInMemoryEventLog({ partitions })
  mkdirSync(journal)
  const file = openSync(join(journal, "0001.ndjson"), "a")
  for (const acknowledged of await appendTo(log, perPartition)) writeAcknowledged(file, acknowledged)
  await Effect.runPromise(
    ingest({ once: true, rows: 40 }).pipe(
      Effect.provide(layerLocalDirectory({ directory: whole, durability: "process" })),
      Effect.provideService(EventLog, log)
    )
  )
})

let copies = 0

/** Judges a copy of the bucket after `hurt` has changed it; answers the kinds of what is wrong, and how often. */
const judged = async (
  hurt: (bucket: string) => void,
  options: { readonly log?: EventLogService; readonly journal?: string } = {}
): Promise<ReadonlyArray<string>> => {
  const bucket = join(folder.path, `copy-${copies++}`)
  cpSync(whole, bucket, { recursive: true })
  hurt(bucket)
  const findings = new Findings()
  await judge({
    log: options.log ?? log,
    bucket,
    journals: readJournals(options.journal ?? journal),
    findings
  })
  rmSync(bucket, { recursive: true })
  return findings.lines.filter((line) => !line.startsWith(" "))
}

const filesOf = (bucket: string, root: string): ReadonlyArray<string> =>
  (readdirSync(join(bucket, root), { recursive: true }) as ReadonlyArray<string>)
    .filter((name) => name.endsWith(".parquet"))
    .sort()
    .map((name) => join(bucket, root, name))

describe("the oracle", () => {
  test("finds nothing wrong with a lake that is right", async () => {
    expect(await judged(() => undefined)).toEqual([])
  })

  test.each(["lake", "dead-letters"])(
    "finds a file of %s that is gone, and one that is there twice",
    async (root) => {
      expect(await judged((bucket) => rmSync(filesOf(bucket, root)[0]))).toEqual([
        expect.stringMatching(/^a record of the log is nowhere: \d+ times/)
      ])
      const doubled = (bucket: string) => {
        const [file] = filesOf(bucket, root)
        copyFileSync(file, file.replace(".parquet", "-again.parquet"))
      }
      expect(await judged(doubled)).toEqual([
        expect.stringMatching(/^a record of the log is there more than once: \d+ times/)
      ])
    }
  )

  test("finds rows and dead letters that are not those of the log's records", async () => {
    const other = makeInMemoryEventLog({ partitions })
    await appendTo(other, perPartition, 9000, 6)
    const kinds = (await judged(() => undefined, { log: other })).join("\n")
    expect(kinds).toMatch(/a row differs from its event/)
    expect(kinds).toMatch(/the log holds another value than was acknowledged/)
    expect(kinds).toMatch(/an event is a dead letter/)
    expect(kinds).toMatch(/a bad event is in the lake/)
  })

  test("finds offsets that the log does not hold, and acknowledged ones that it lost", async () => {
    const shorter = makeInMemoryEventLog({ partitions })
    await appendTo(shorter, perPartition - 10)
    const kinds = (await judged(() => undefined, { log: shorter })).join("\n")
    expect(kinds).toMatch(/the glob shows an offset that the log does not hold/)
    expect(kinds).toMatch(/acknowledged records are not in the log: 8 times/)
  })

  test("finds a simulation whose events come twice", async () => {
    const twice = makeInMemoryEventLog({ partitions })
    await appendTo(twice, perPartition)
    await appendTo(twice, 3)
    expect((await judged(() => undefined, { log: twice })).join("\n")).toMatch(
      /the simulator's events are not one after another: 8 times/
    )
  })
})

describe("a journal", () => {
  test("that a kill cut off counts up to its last whole line", () => {
    const cut = join(folder.path, "cut")
    mkdirSync(cut)
    const line = JSON.stringify({ topic: "auth_events", partition: 0, base: 5, hashes: ["a", "b"] })
    writeFileSync(join(cut, "0001.ndjson"), `${line}\n${line.slice(0, 30)}`)
    const { of, records } = readJournals(cut)
    expect(records).toBe(2)
    expect([...of("auth_events", 0)]).toEqual([
      [5, "a"],
      [6, "b"]
    ])
  })
})

describe("the watch", () => {
  test("sees each file once, and finds doubles, changes and losses at once", async () => {
    const bucket = join(folder.path, "watched")
    cpSync(whole, bucket, { recursive: true })
    const findings = new Findings()
    const watch = await LakeWatch.open(bucket, findings)
    const seen = await watch.look()
    expect(seen.length).toBe(topics.length * partitions)
    expect(seen.every(({ first, last, offsets }) => first === 0 && last === 149 && offsets === 150)).toBe(
      true
    )
    await watch.look()
    expect(findings.isEmpty).toBe(true)
    const [file, another] = filesOf(bucket, "lake")
    copyFileSync(file, file.replace(".parquet", "-again.parquet"))
    await watch.look()
    expect(findings.lines.join("\n")).toMatch(/an offset is in the glob more than once/)
    writeFileSync(another, "something else")
    await watch.look()
    expect(findings.lines.join("\n")).toMatch(/a file was changed: 1 times/)
    rmSync(another)
    await watch.look()
    expect(findings.lines.join("\n")).toMatch(/a file is gone: 1 times/)
    watch.close()
  })
})
