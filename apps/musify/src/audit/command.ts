import { Command } from "@effect/cli"
import { ObjectStore } from "@musify/lake/ObjectStore.ts"
import { bucketOptions, layerObjectStore } from "@musify/lake/storeSettings.ts"
import { openDataFolder } from "@musify/runtime/DataFolder.ts"
import { layerProgress } from "@musify/runtime/Progress.ts"
import { dataOption, jsonOption, setting } from "@musify/runtime/setting.ts"
import { UserError } from "@musify/runtime/UserError.ts"
import { manifestFor } from "@musify/simulator/faults/resolveFaults.ts"
import { EventLog, type EventLogService } from "@musify/stream/EventLog.ts"
import { layer as layerLmdbEventLog } from "@musify/stream/LmdbEventLog.ts"
import {
  layerEventLog,
  logReadOptions,
  resolveLogSettings,
  writesNothing
} from "@musify/stream/logSettings.ts"
import { Clock, Console, Effect, Layer } from "effect"
import fs from "node:fs"
import path from "node:path"
import { audit, defaultMemoryMiB } from "./audit.ts"
import { auditLake } from "./auditLake.ts"
import { reportText } from "./AuditReport.ts"

const options = {
  data: dataOption,
  ...bucketOptions,
  ...logReadOptions,
  deep: setting.boolean("deep", {
    description:
      "Also re-read every file: checksum, planned identity, schema, rows, and each row against its record on the log."
  }),
  drained: setting.boolean("drained", {
    description:
      "The pipeline stands still: report what is not ingested, built or published as a difference instead of as lag."
  }),
  ranges: setting.integer("ranges", {
    default: 8,
    min: 1,
    max: 1000,
    description: "How many date ranges and states to recount the dashboard's numbers for."
  }),
  seed: setting.optionalInteger("audit-seed", {
    min: 0,
    max: 4_294_967_295,
    description: "Seed of those ranges and states. Without it another one each time; the report names it."
  }),
  wait: setting.duration("wait", {
    default: "60 seconds",
    description: "How long to wait for a batcher that is in a run."
  }),
  memory: setting.integer("audit-memory", {
    default: defaultMemoryMiB,
    min: 64,
    description: "Memory of the audit's DuckDB, MiB; it goes to disk beyond it."
  }),
  json: jsonOption
}

type Settings = Command.Command.ParseConfig<typeof options>

/** The folder that `--data` names, and its log's; both must be there. */
const openFolder = (data: string) =>
  Effect.gen(function* () {
    if (!fs.existsSync(path.join(data, "musify-data.json")))
      return yield* new UserError({
        message: `There is no Musify data folder ${path.resolve(data)}: nothing to audit. Name another one (--data).`,
        exitCode: 2
      })
    const folder = yield* openDataFolder(data)
    if (!fs.existsSync(path.join(folder.log, "data.mdb")))
      return yield* new UserError({
        message: `There is no event log in ${folder.log}: nothing to audit. Start a producer first (musify up, simulate or replay).`,
        exitCode: 2
      })
    return folder
  })

/** The whole pipeline of a data folder. */
const ofDataFolder = ({ data, deep, drained, memory, ranges, wait }: Settings, seed: number) =>
  Effect.gen(function* () {
    const folder = yield* openFolder(data)
    return yield* audit({
      bucket: folder.bucket,
      warehouse: folder.warehouse,
      published: folder.published,
      catalog: yield* folder.frozen("songs"),
      faults: manifestFor(folder.root, yield* folder.frozen("faults")),
      deep,
      drained,
      ranges,
      seed,
      memoryMiB: memory,
      patience: wait
    }).pipe(Effect.provide(layerLmdbEventLog({ path: folder.log })))
  })

/** The lake in a bucket, compared with a log when one is named, else with its own plans. */
const ofBucket = (settings: Settings, seed: number) =>
  Effect.gen(function* () {
    const { data, deep, drained, memory } = settings
    const store = yield* ObjectStore
    const auditWith = (log: EventLogService | undefined) =>
      auditLake({ store, log, deep, drained, seed, memoryMiB: memory })
    if (settings.log === undefined && settings.kafkaBrokers === undefined) return yield* auditWith(undefined)
    const log = yield* resolveLogSettings({ ...settings, ...writesNothing })
    const path = log.kind === "lmdb" ? (yield* openFolder(data)).log : ""
    return yield* Effect.flatMap(EventLog, auditWith).pipe(Effect.provide(layerEventLog(log, path)))
  }).pipe(
    Effect.provide(
      layerObjectStore(
        settings,
        Effect.map(openDataFolder(settings.data), ({ bucket }) => bucket)
      )
    )
  )

/** `musify audit`. */
export const auditCommand = Command.make("audit", options, (settings) =>
  Effect.gen(function* () {
    const now = yield* Clock.currentTimeMillis
    const seed = settings.seed ?? now % 4_294_967_296
    const report = yield* (
      settings.bucket === undefined && settings.kafkaBrokers === undefined
        ? ofDataFolder(settings, seed)
        : ofBucket(settings, seed)
    ).pipe(Effect.provide(settings.json ? Layer.empty : layerProgress))
    yield* Console.log(settings.json ? JSON.stringify(report) : reportText(report))
    if (!report.ok)
      return yield* new UserError({ message: "The audit found differences; see the report.", exitCode: 1 })
  })
).pipe(
  Command.withDescription(
    "Recount everything from the outside: log records against lake and dead letters, facts, users, sessions and songs " +
      "against the lake, the star schema's rules, and the dashboard's numbers against the lake for random ranges and " +
      "states. Runs beside a working pipeline. With --bucket the lake in Cloud Storage alone, against its own plans, and " +
      "against the log when one is named (--kafka-brokers, or --log lmdb for the data folder's). " +
      "Exit code 0: clean, 1: differences, which are listed. " +
      "Examples: musify audit    musify audit --deep --json    musify audit --drained --audit-seed 7    " +
      "musify audit --bucket gs://my-lake --deep --kafka-brokers kafka:9092"
  )
)
