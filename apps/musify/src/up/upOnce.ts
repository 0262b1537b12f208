import { defaultBatchOptions } from "@musify/batcher/BatchOptions.ts"
import { runBatch } from "@musify/batcher/runBatch.ts"
import { type Topic, topics } from "@musify/domain/Topic.ts"
import { haltedError } from "@musify/ingestor/command.ts"
import { ingest } from "@musify/ingestor/ingest.ts"
import { DataFolder } from "@musify/runtime/DataFolder.ts"
import { Progress } from "@musify/runtime/Progress.ts"
import { manifestFor } from "@musify/simulator/faults/resolveFaults.ts"
import { simulate } from "@musify/simulator/simulate.ts"
import type { ResolvedSimulation } from "@musify/simulator/resolveSettings.ts"
import { EventLog } from "@musify/stream/EventLog.ts"
import { Clock, Effect } from "effect"
import type { AuditReport } from "../audit/AuditReport.ts"
import { audit, defaultMemoryMiB } from "../audit/audit.ts"
import { measureStage, type StageReport } from "./measureStage.ts"

/** What `up --once` ends with; `--json` prints it. */
export interface UpSummary {
  readonly data: string
  /** Records on the log by topic. */
  readonly events: Readonly<Record<Topic, number>>
  /** Of this run: data files written, hours built. */
  readonly files: number
  readonly hours: number
  /** Rows of each table of the warehouse. */
  readonly rows: Readonly<Record<string, number>>
  readonly stages: ReadonlyArray<StageReport>
  readonly audit: AuditReport
}

const sum = (counts: Readonly<Record<string, number>>): number =>
  Object.values(counts).reduce((total, count) => total + count, 0)

const logEnds = Effect.gen(function* () {
  const log = yield* EventLog
  const counts = {} as Record<Topic, number>
  for (const topic of topics) {
    const partitions = yield* log.partitions(topic)
    counts[topic] = 0
    for (let partition = 0; partition < partitions; partition++)
      counts[topic] += (yield* log.range(topic, partition)).end
  }
  return counts
})

/** History, ingest, build, audit, one after the other, each measured. */
export const upOnce = (resolved: ResolvedSimulation, foreign: (topic: Topic, partition: number) => number) =>
  Effect.gen(function* () {
    const folder = yield* DataFolder
    const progress = yield* Progress
    const now = yield* Clock.currentTimeMillis

    const [, simulated] = yield* measureStage(
      "simulate",
      ({ events }) => sum(events),
      simulate({
        ...resolved,
        live: false,
        foreign,
        onProgress: ({ events, share }) =>
          progress.report("simulate", {
            done: events,
            ...(share > 0 ? { total: Math.round(events / share) } : {}),
            unit: "events"
          })
      })
    )
    yield* progress.finish("simulate")

    const events = yield* logEnds
    const [ingested, ingestReport] = yield* measureStage(
      "ingest",
      (summary) => sum(Object.fromEntries(topics.map((topic) => [topic, summary.topics[topic].records]))),
      ingest({
        once: true,
        onProgress: ({ records }) => progress.report("ingest", { done: records, unit: "events" })
      })
    )
    yield* progress.finish("ingest")
    if (ingested.halted.length > 0) return yield* haltedError(ingested)

    const [built, buildReport] = yield* measureStage(
      "build",
      (summary) => summary.lakeRows,
      runBatch({
        ...defaultBatchOptions,
        onProgress: ({ hoursBuilt, hoursLeft }) =>
          progress.report("build", { done: hoursBuilt, total: hoursBuilt + hoursLeft, unit: "hours" })
      })
    )
    yield* progress.finish("build")

    const [report, auditReport] = yield* measureStage(
      "audit",
      () => sum(events),
      audit({
        bucket: folder.bucket,
        warehouse: folder.warehouse,
        published: folder.published,
        catalog: yield* folder.frozen("songs"),
        faults: manifestFor(folder.root, yield* folder.frozen("faults")),
        deep: false,
        drained: true,
        ranges: 4,
        seed: now % 4_294_967_296,
        memoryMiB: defaultMemoryMiB,
        patience: "60 seconds"
      })
    )
    const files = sum(Object.fromEntries(topics.map((topic) => [topic, ingested.topics[topic].files])))
    const summary: UpSummary = {
      data: folder.root,
      events,
      files,
      hours: built.hours,
      rows: built.rows,
      stages: [simulated, ingestReport, buildReport, auditReport],
      audit: report
    }
    return summary
  })
