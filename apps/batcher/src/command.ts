import { Command } from "@effect/cli"
import { hourOf, hourText } from "@musify/domain/Hour.ts"
import type { BucketSettings } from "@musify/lake/storeSettings.ts"
import { bucketOptions, layerObjectStore } from "@musify/lake/storeSettings.ts"
import { DataFolder, layerDataFolder } from "@musify/runtime/DataFolder.ts"
import { layerProgress, Progress } from "@musify/runtime/Progress.ts"
import { serving } from "@musify/runtime/runMain.ts"
import { dataOption, jsonOption, parseDuration, setting } from "@musify/runtime/setting.ts"
import { UserError } from "@musify/runtime/UserError.ts"
import { planPass } from "@musify/warehouse/buildPass.ts"
import type { WarehouseSettings } from "@musify/warehouse/warehouseSettings.ts"
import { layerWarehouseOf, warehouseOptions } from "@musify/warehouse/warehouseSettings.ts"
import { Console, Effect, Either, Layer } from "effect"
import type { BatchOptions, BatchRhythm, BatchSummary } from "./BatchOptions.ts"
import { atFivePast, defaultBatchOptions } from "./BatchOptions.ts"
import { runBatch, watchBatches } from "./runBatch.ts"

const shared = {
  data: dataOption,
  json: jsonOption,
  ...bucketOptions,
  ...warehouseOptions
}

const building = {
  ...shared,
  maxHours: setting.integer("batch-hours", {
    default: defaultBatchOptions.maxHours,
    min: 1,
    description: "Most hours of a transaction when history is loaded."
  }),
  maxRows: setting.integer("batch-rows", {
    default: defaultBatchOptions.maxRows,
    min: 1,
    description: "Most events of a transaction; bounds memory."
  })
}

interface Shared extends WarehouseSettings, BucketSettings {
  readonly data: string
  readonly json: boolean
}

const environment = ({ data, json, ...settings }: Shared) => {
  const store = layerObjectStore(
    settings,
    Effect.map(DataFolder, ({ bucket }) => bucket)
  )
  return Layer.mergeAll(
    Layer.merge(
      store,
      layerWarehouseOf(
        settings,
        Effect.map(DataFolder, (folder) => folder.warehouse)
      )
    ).pipe(Layer.provideMerge(layerDataFolder(data))),
    json ? Layer.empty : layerProgress
  )
}

const report: BatchOptions["onProgress"] = ({ hoursBuilt, hoursLeft }) =>
  Effect.flatMap(Progress, (progress) =>
    progress.report("batch", { done: hoursBuilt, total: hoursBuilt + hoursLeft, unit: "hours" })
  )

const plural = (count: number, what: string) => `${count} ${what}${count === 1 ? "" : "s"}`

/** A pass in one line (and one per late hour), for people. */
export const summaryText = (summary: BatchSummary): string => {
  if (summary.hours === 0) return "Nothing to build: every hour is up to date."
  const seconds = Object.values(summary.seconds).reduce((sum, value) => sum + value, 0)
  const through = summary.through === null ? "" : `; data through ${new Date(summary.through).toISOString()}`
  const late =
    summary.lateHours.length === 0
      ? ""
      : `\n${plural(summary.lateHours.length, "late hour")} built again: ${summary.lateHours.join(", ")}`
  return (
    `${plural(summary.hours, "hour")} built from ${plural(summary.lakeRows, "event")} in ${seconds.toFixed(1)} s; ` +
    `audits ${summary.audits.passed}/${summary.audits.total} passed${through}${late}`
  )
}

const show = (json: boolean) => (summary: BatchSummary) =>
  Effect.gen(function* () {
    const progress = yield* Progress
    yield* progress.finish("batch")
    yield* Console.log(json ? JSON.stringify(summary) : summaryText(summary))
  })

const rhythmOf = (every: string | undefined): Effect.Effect<BatchRhythm, UserError> =>
  every === undefined
    ? Effect.succeed(atFivePast)
    : Either.match(parseDuration(every), {
        onRight: (span) => Effect.succeed({ every: span }),
        onLeft: (expected) =>
          Effect.fail(
            new UserError({
              message: `--every is ${JSON.stringify(every)}: ${expected} was expected.`,
              exitCode: 2
            })
          )
      })

const run = Command.make(
  "run",
  {
    ...building,
    watch: setting.boolean("watch", {
      description: "Go on: look again at five past every hour, or --every."
    }),
    every: setting.optionalText("every", {
      description: "With --watch: time between passes, as 2s or 5m, instead of five past every hour."
    })
  },
  ({ every, watch, ...options }) => {
    const batch = { ...options, onProgress: report }
    const show_ = show(options.json)
    const program = watch
      ? Effect.gen(function* () {
          const rhythm = yield* rhythmOf(every)
          const progress = yield* Progress
          return yield* serving(
            watchBatches({
              ...batch,
              rhythm,
              onBatch: (summary) => (summary.hours === 0 ? Effect.void : show_(summary)),
              onTrouble: (message) => Effect.zipRight(progress.say(message), Console.error(message))
            })
          )
        })
      : Effect.flatMap(runBatch(batch), show_)
    return Effect.provide(program, environment(options))
  }
).pipe(
  Command.withDescription(
    [
      "Builds every hour whose files have changed, audits and publishes; ends when nothing is dirty.",
      "",
      "Examples:",
      "  musify batch run                       one pass",
      "  musify batch run --watch               hourly at five past, for ever",
      "  musify batch run --watch --every 10s   short passes"
    ].join("\n")
  )
)

const rebuild = Command.make(
  "rebuild",
  {
    ...building,
    from: setting.optionalTime("from", {
      description: "First hour to build again; the first of all without it."
    }),
    to: setting.optionalTime("to", { description: "Last hour to build again; the last of all without it." })
  },
  ({ from, to, ...options }) =>
    Effect.provide(
      Effect.gen(function* () {
        if (from !== undefined && to !== undefined && to < from) {
          return yield* new UserError({ message: "--to lies before --from.", exitCode: 2 })
        }
        const range = { from: hourOf(from ?? 0), to: hourOf(to ?? 253_402_300_799_999) }
        yield* Effect.flatMap(
          runBatch({ ...options, rebuild: range, onProgress: report }),
          show(options.json)
        )
      }),
      environment(options)
    )
).pipe(
  Command.withDescription(
    [
      "Builds a range of hours again from the lake, though none of their files has changed.",
      "",
      "Examples:",
      "  musify batch rebuild",
      "  musify batch rebuild --from 2026-11-09 --to 2026-11-10T23:00Z"
    ].join("\n")
  )
)

const plan = Command.make("plan", shared, (options) =>
  Effect.provide(
    Effect.scoped(
      Effect.gen(function* () {
        const folder = yield* DataFolder
        yield* folder.lockRole("batcher")
        const { bytes, dirty, newPlans, reset } = yield* planPass(yield* folder.frozen("songs"))
        const hours = dirty.map(({ builtBefore, hour, rows }) => ({
          hour: hourText(hour),
          rows,
          builtBefore
        }))
        if (options.json) return yield* Console.log(JSON.stringify({ hours, newPlans, reset, bytes }))
        yield* Console.log(
          hours.length === 0
            ? "Nothing to build: every hour is up to date."
            : [
                `${plural(hours.length, "hour")} to build${reset ? " (the models or the catalog have changed: all of them)" : ""}:`,
                ...hours.map(
                  ({ builtBefore, hour, rows }) =>
                    `  ${hour}  ${plural(rows, "event")}${builtBefore ? ", built before" : ""}`
                ),
                ...(bytes === undefined
                  ? []
                  : [`Built at once, billed for at most ${(bytes / 1024 ** 3).toFixed(3)} GiB.`])
              ].join("\n")
        )
      })
    ),
    environment(options)
  )
).pipe(
  Command.withDescription(
    "Lists the hours that the next pass would build, and builds nothing.\n\nExample:\n  musify batch plan"
  )
)

/** `musify batch`: builds the star schema of a data folder from its lake. */
export const command = Command.make("batch").pipe(
  Command.withDescription(
    [
      "Builds the star schema from the lake, hour by hour, and publishes what the dashboard reads.",
      "One batcher works on a data folder at a time; a second one says so and leaves.",
      "",
      "Examples:",
      "  musify batch run",
      "  musify batch plan --json",
      "  musify batch rebuild --from 2026-11-09",
      "  musify batch run --warehouse bigquery --bigquery-project my-project --bigquery-location EU"
    ].join("\n")
  ),
  Command.withSubcommands([run, plan, rebuild])
)
