import { Command } from "@effect/cli"
import { openDataFolder } from "@musify/runtime/DataFolder.ts"
import { layerProgress } from "@musify/runtime/Progress.ts"
import { dataOption, jsonOption, setting } from "@musify/runtime/setting.ts"
import { UserError } from "@musify/runtime/UserError.ts"
import { manifestFor } from "@musify/simulator/faults/resolveFaults.ts"
import { layer as layerLmdbEventLog } from "@musify/stream/LmdbEventLog.ts"
import { Clock, Console, Effect, Layer } from "effect"
import fs from "node:fs"
import path from "node:path"
import { audit, defaultMemoryMiB } from "./audit.ts"
import { reportText } from "./AuditReport.ts"

const options = {
  data: dataOption,
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

/** `musify audit`. */
export const auditCommand = Command.make(
  "audit",
  options,
  ({ data, deep, drained, json, memory, ranges, seed, wait }) =>
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
      const now = yield* Clock.currentTimeMillis
      const report = yield* audit({
        bucket: folder.bucket,
        warehouse: folder.warehouse,
        published: folder.published,
        catalog: yield* folder.frozen("songs"),
        faults: manifestFor(folder.root, yield* folder.frozen("faults")),
        deep,
        drained,
        ranges,
        seed: seed ?? now % 4_294_967_296,
        memoryMiB: memory,
        patience: wait
      }).pipe(
        Effect.provide(layerLmdbEventLog({ path: folder.log })),
        Effect.provide(json ? Layer.empty : layerProgress)
      )
      yield* Console.log(json ? JSON.stringify(report) : reportText(report))
      if (!report.ok)
        return yield* new UserError({ message: "The audit found differences; see the report.", exitCode: 1 })
    })
).pipe(
  Command.withDescription(
    "Recount everything from the outside: log records against lake and dead letters, facts, users, sessions and songs " +
      "against the lake, the star schema's rules, and the dashboard's numbers against the lake for random ranges and " +
      "states. Runs beside a working pipeline. Exit code 0: clean, 1: differences, which are listed. " +
      "Examples: musify audit    musify audit --deep --json    musify audit --drained --audit-seed 7"
  )
)
