import { Command } from "@effect/cli"
import { storeOptions } from "@musify/lake/storeSettings.ts"
import { tuneEngine } from "@musify/runtime/tuneEngine.ts"
import { FairScheduler } from "@musify/runtime/FairScheduler.ts"
import { layerProgress, Progress } from "@musify/runtime/Progress.ts"
import { serving } from "@musify/runtime/runMain.ts"
import { dataOption, jsonOption, setting } from "@musify/runtime/setting.ts"
import { layerJsonLog } from "@musify/runtime/stderrLog.ts"
import { UserError } from "@musify/runtime/UserError.ts"
import { logOptions, resolveLogSettings } from "@musify/stream/logSettings.ts"
import { Console, Effect, Layer } from "effect"
import { checkRetention } from "./checkRetention.ts"
import { ingest } from "./ingest.ts"
import { layerStructuredLog } from "./IngestLog.ts"
import { consumerGroup, defaultIngestOptions } from "./IngestOptions.ts"
import { IngestStatus } from "./IngestStatus.ts"
import { type IngestSummary, unavailable } from "./IngestSummary.ts"
import { layerOtlp } from "./monitoring/layerOtlp.ts"
import { serveMonitoring } from "./monitoring/serveMonitoring.ts"
import { watchIngest } from "./monitoring/watchIngest.ts"
import { layerParts } from "./parts.ts"

const ingestOptions = {
  once: setting.boolean("once", { description: "End when the log is drained and every file closed." }),
  group: setting.text("group", {
    default: consumerGroup,
    description: "Consumer group whose members share the partitions; its offset shows the lag, no more."
  }),
  roll: setting.duration("roll", {
    default: defaultIngestOptions.roll,
    description: "A micro-batch ends this long after its first record."
  }),
  rows: setting.integer("roll-rows", {
    default: defaultIngestOptions.rows,
    min: 1,
    description: "… or at this many records."
  }),
  bytes: setting.integer("roll-bytes", {
    default: defaultIngestOptions.bytes,
    min: 1,
    description: "… or at this many bytes of raw records."
  }),
  maxFiles: setting.integer("roll-files", {
    default: defaultIngestOptions.maxFiles,
    min: 1,
    description:
      "… or before it would open more files (event hours) than this, once they have 16 records on average; at 8 times as many in any case."
  }),
  gatherBytes: setting.integer("gather-bytes", {
    default: defaultIngestOptions.gatherBytes,
    min: 1024 * 1024,
    description:
      "Memory of records that are not stored yet, of all partitions together; when it is used up, batches are stored before their time."
  }),
  readBytes: setting.integer("read-bytes", {
    default: defaultIngestOptions.readBytes,
    min: 1024,
    description:
      "Bytes of one read from the log, of which each partition has up to two in memory; less, down to 256 KiB, where all partitions together would have more than 2 × 32 MiB."
  }),
  puts: setting.integer("puts", {
    default: defaultIngestOptions.puts,
    min: 1,
    max: 1000,
    description: "Files that are encoded or on their way to the bucket at a time."
  })
}

const retentionOptions = {
  logRetention: setting.optionalDuration("log-retention", {
    description:
      "How long the log keeps records, to be checked against --longest-outage and --lake-retention. Default: --kafka-retention, if given."
  }),
  lakeRetention: setting.optionalDuration("lake-retention", {
    description:
      "After how long a lifecycle rule of the bucket deletes files under lake/ and dead-letters/ (never under log/), to be checked. Default: never."
  }),
  longestOutage: setting.duration("longest-outage", {
    default: "1 day",
    description: "How long the ingestor may be away without a record being lost."
  })
}

const monitoringOptions = {
  httpPort: setting.optionalInteger("http-port", {
    min: 0,
    max: 65_535,
    description: "Serve /metrics (Prometheus), /health and /ready on this port; 0 = any. Without it none."
  }),
  httpHost: setting.text("http-host", {
    default: "127.0.0.1",
    description: "Address of that port; 0.0.0.0 in a container."
  }),
  otlpEndpoint: setting.optionalText("otlp-endpoint", {
    description: "OpenTelemetry collector that metrics are sent to, as http://HOST:4318. Without it none."
  }),
  watchEvery: setting.duration("watch-every", {
    default: "10 seconds",
    description: "How often lag is counted, log and bucket are looked at, and metrics are sent."
  }),
  logFormat: setting.choice("log-format", ["human", "json"], {
    default: "human",
    description: "What is said on the standard error: lines for people, or JSON objects for programs."
  })
}

const options = {
  data: dataOption,
  json: jsonOption,
  ...ingestOptions,
  ...retentionOptions,
  ...monitoringOptions,
  ...logOptions,
  ...storeOptions
}

type Settings = Command.Command.ParseConfig<typeof options>

/** Watches and serves what an ingestor does, when somebody is to see it. */
const monitored = (settings: Settings, status: IngestStatus) =>
  Effect.gen(function* () {
    const { httpHost, httpPort, otlpEndpoint, roll, watchEvery } = settings
    if (httpPort === undefined && otlpEndpoint === undefined) return
    yield* Effect.forkScoped(watchIngest(status, watchEvery))
    if (httpPort === undefined) return
    const { port } = yield* serveMonitoring(status, {
      port: httpPort,
      host: httpHost,
      roll,
      every: watchEvery
    })
    yield* Effect.logInfo(`Metrics: http://${httpHost}:${port}/metrics, /health, /ready`)
  })

const program = (settings: Settings) =>
  Effect.gen(function* () {
    const { json, once, otlpEndpoint, watchEvery } = settings
    tuneEngine()
    const { writer } = defaultIngestOptions
    const log = yield* resolveLogSettings(settings)
    yield* checkRetention({
      log: settings.logRetention ?? settings.kafkaRetention,
      logIsForEver: log.kind === "lmdb",
      lake: settings.lakeRetention,
      longestOutage: settings.longestOutage,
      roll: settings.roll
    })
    const status = new IngestStatus()
    const run = Effect.gen(function* () {
      const progress = yield* Progress
      yield* monitored(settings, status)
      if (!once) yield* Effect.logInfo("Following the log until it is stopped (Ctrl-C).")
      const summary = yield* ingest({
        ...settings,
        status,
        onProgress: ({ records }) => progress.report("ingest", { done: records, unit: "records" })
      })
      yield* progress.finish("ingest")
      yield* Console.log(json ? JSON.stringify(summary) : summaryText(summary))
      if (summary.halted.length > 0) return yield* haltedError(summary)
    }).pipe(Effect.scoped)
    const telemetry =
      otlpEndpoint === undefined
        ? Layer.empty
        : layerOtlp({ endpoint: otlpEndpoint, every: watchEvery, instance: writer })
    yield* (once ? run : serving(run)).pipe(
      Effect.provide(layerParts(settings, log, writer)),
      Effect.provide(telemetry)
    )
  })

/** `musify ingest`: brings the log into the lake. */
export const command = Command.make("ingest", options, (settings) =>
  program(settings).pipe(
    // With a backlog there is always something to decode; heartbeats and health checks must have their turn.
    Effect.withScheduler(new FairScheduler()),
    Effect.provide(settings.json || settings.logFormat === "json" ? Layer.empty : layerProgress),
    Effect.provide(
      settings.logFormat === "json" ? Layer.merge(layerJsonLog, layerStructuredLog) : Layer.empty
    )
  )
).pipe(
  Command.withDescription(
    [
      "Brings the event log into the lake of Parquet files, each record exactly once.",
      "Ends with exit code 1, naming them, when all partitions had to stop; several may run on one log and bucket.",
      "--once ends with exit code 3 when bucket or log go on failing: run it again when that is mended.",
      "",
      "Examples:",
      "  musify ingest                       follow the log, a micro-batch every two minutes",
      "  musify ingest --once                drain the log, close every file, print the summary",
      "  musify ingest --roll 5s --json      short micro-batches",
      "  musify ingest --kafka-brokers kafka:9092 --bucket gs://music/lake --http-port 9464 --log-format json"
    ].join("\n")
  )
)

/** One line per topic, for people. */
export const summaryText = (summary: IngestSummary): string =>
  Object.entries(summary.topics)
    .map(([topic, { deadLetters, files, plans, records, rows, unknownFields }]) => {
      const letters = Object.entries(deadLetters).map(([kind, count]) => `${count} ${kind}`)
      return (
        `${topic}: ${records} records, ${rows} rows in ${files} files of ${plans} micro-batches` +
        (letters.length > 0 ? `; dead letters: ${letters.join(", ")}` : "") +
        (unknownFields > 0 ? `; ${unknownFields} unknown fields left out` : "")
      )
    })
    .join("\n")

/** Each partition that stopped and why. Exit code 3 when nothing is wrong but that a part is not reachable, else 1. */
export const haltedError = ({ halted }: IngestSummary): UserError =>
  new UserError({
    message: halted
      .map(({ message, partition, topic }) => `${topic}/${partition} has stopped: ${message}`)
      .join("\n"),
    exitCode: halted.every(({ reason }) => reason === unavailable) ? 3 : 1
  })
