/*
 * npm run bench:ingest-memory [-- --events 10000000 --partitions 16 --roll 2m --gather-bytes N --json]: an ingestor with
 * default settings and a backlog in every partition of the four topics, read from a log that takes no memory itself,
 * into a folder. Prints its peak memory, and fails beyond --most MiB (default 400).
 */
import { makeBacklogLog } from "@musify/ingestor/testing/BacklogLog.ts"
import { ingest } from "@musify/ingestor/ingest.ts"
import { defaultIngestOptions } from "@musify/ingestor/IngestOptions.ts"
import { layer as layerLocalDirectory } from "@musify/lake/LocalDirectoryObjectStore.ts"
import { FairScheduler } from "@musify/runtime/FairScheduler.ts"
import { parseDuration } from "@musify/runtime/setting.ts"
import { topics } from "@musify/domain/Topic.ts"
import { EventLog } from "@musify/stream/EventLog.ts"
import { Effect, Either } from "effect"
import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import process from "node:process"
import { parseArgs } from "node:util"

const { values } = parseArgs({
  options: {
    events: { type: "string", default: "10000000" },
    partitions: { type: "string", default: "16" },
    roll: { type: "string", default: "2m" },
    "gather-bytes": { type: "string", default: String(defaultIngestOptions.gatherBytes) },
    most: { type: "string", default: "400" },
    json: { type: "boolean", default: false }
  }
})
const partitions = Number(values.partitions)
const records = Math.ceil(Number(values.events) / partitions / topics.length)
const directory = fs.mkdtempSync(path.join(os.tmpdir(), "musify-memory-"))
try {
  // A day of event time.
  const log = makeBacklogLog({ partitions, records, gapMs: Math.max(1, Math.floor(86_400_000 / records)) })
  const began = performance.now()
  const summary = await Effect.runPromise(
    ingest({
      once: true,
      roll: Either.getOrThrow(parseDuration(values.roll)),
      gatherBytes: Number(values["gather-bytes"])
    }).pipe(
      Effect.provideService(EventLog, log),
      Effect.provide(layerLocalDirectory({ directory, durability: "process" })),
      Effect.withScheduler(new FairScheduler())
    )
  )
  const { maxRSS, systemCPUTime, userCPUTime } = process.resourceUsage()
  const sum = (of: (topic: (typeof summary.topics)["auth_events"]) => number) =>
    Object.values(summary.topics).reduce((total, topic) => total + of(topic), 0)
  const cpu = (systemCPUTime + userCPUTime) / 1e6
  const result = {
    records: sum((topic) => topic.records),
    plans: sum((topic) => topic.plans),
    files: sum((topic) => topic.files),
    wall_s: (performance.now() - began) / 1000,
    cpu_s: cpu,
    records_per_cpu_s: sum((topic) => topic.records) / cpu,
    peak_rss_mib: maxRSS / 1024
  }
  console.log(
    values.json
      ? JSON.stringify(result)
      : `${result.records} records, ${result.plans} micro-batches, ${result.files} files; ` +
          `${result.wall_s.toFixed(1)} s, ${Math.round(result.records_per_cpu_s)} records per CPU second; ` +
          `peak ${Math.round(result.peak_rss_mib)} MiB`
  )
  if (result.peak_rss_mib > Number(values.most)) {
    console.error(`The peak is above ${values.most} MiB.`)
    process.exitCode = 1
  }
} finally {
  fs.rmSync(directory, { recursive: true, force: true })
}
