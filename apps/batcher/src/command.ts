import { Args, Command } from "@effect/cli"
import { hourOf, hourText } from "@musify/domain/Hour.ts"
import type { BucketSettings } from "@musify/lake/storeSettings.ts"
import { bucketOptions, layerObjectStore } from "@musify/lake/storeSettings.ts"
import { DataFolder, layerDataFolder } from "@musify/runtime/DataFolder.ts"
import { layerProgress, Progress } from "@musify/runtime/Progress.ts"
import { serving } from "@musify/runtime/runMain.ts"
import { dataOption, jsonOption, parseDuration, setting } from "@musify/runtime/setting.ts"
import { tuneEngine } from "@musify/runtime/tuneEngine.ts"
import { UserError } from "@musify/runtime/UserError.ts"
import { planPass, reasonsOf } from "@musify/warehouse/planPass.ts"
import { models } from "@musify/warehouse/models/models.ts"
import type { WarehouseSettings } from "@musify/warehouse/warehouseSettings.ts"
import { layerWarehouseOf, warehouseOptions } from "@musify/warehouse/warehouseSettings.ts"
import { Console, Effect, Either, Layer, Option } from "effect"
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

const range = {
  from: setting.optionalTime("from", { description: "First hour; the first of all without it." }),
  to: setting.optionalTime("to", { description: "Last hour; the last of all without it." })
}

/** The hours that `--from` and `--to` name; undefined when neither is given. */
const rangeOf = ({ from, to }: { readonly from: number | undefined; readonly to: number | undefined }) =>
  from !== undefined && to !== undefined && to < from
    ? Effect.fail(new UserError({ message: "--to lies before --from.", exitCode: 2 }))
    : Effect.succeed(
        from === undefined && to === undefined
          ? undefined
          : { from: hourOf(from ?? 0), to: hourOf(to ?? 253_402_300_799_999) }
      )

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
    ...range,
    watch: setting.boolean("watch", {
      description: "Go on: look again at five past every hour, or --every."
    }),
    every: setting.optionalText("every", {
      description: "With --watch: time between passes, as 2s or 5m, instead of five past every hour."
    })
  },
  ({ every, from, to, watch, ...options }) => {
    const show_ = show(options.json)
    const program = Effect.gen(function* () {
      tuneEngine()
      const batch = { ...options, range: yield* rangeOf({ from, to }), onProgress: report }
      if (!watch) return yield* Effect.flatMap(runBatch(batch), show_)
      const rhythm = yield* rhythmOf(every)
      const progress = yield* Progress
      const watching = watchBatches({
        ...batch,
        rhythm,
        onBatch: (summary) => (summary.hours === 0 ? Effect.void : show_(summary)),
        onTrouble: (message) => Effect.zipRight(progress.say(message), Console.error(message))
      })
      return yield* serving(
        Effect.zipRight(Effect.logInfo("Building hours until it is stopped (Ctrl-C)."), watching)
      )
    })
    return Effect.provide(program, environment(options))
  }
).pipe(
  Command.withDescription(
    [
      "Builds every hour whose files have changed, audits and publishes; ends when nothing is dirty.",
      "",
      "Examples:",
      "  musify batch run                       one pass",
      "  musify batch run --from 2026-11-09 --to 2026-11-09T23:00Z",
      "  musify batch run --watch               hourly at five past, for ever",
      "  musify batch run --watch --every 10s   short passes"
    ].join("\n")
  )
)

const rebuild = Command.make(
  "rebuild",
  {
    ...building,
    ...range,
    model: Args.text({ name: "MODEL" }).pipe(
      Args.withDescription("A table of the star schema: it and all that is made from it. All without it."),
      Args.optional
    )
  },
  ({ from, model, to, ...options }) =>
    Effect.provide(
      Effect.gen(function* () {
        const name = Option.getOrUndefined(model)
        const known = models.filter(({ select }) => select === undefined).map((one) => one.name)
        if (name !== undefined && !known.includes(name)) {
          return yield* new UserError({
            message: `There is no table ${JSON.stringify(name)} to build again. There are: ${known.join(", ")}.`,
            exitCode: 2
          })
        }
        const again = { model: name, range: yield* rangeOf({ from, to }) }
        yield* Effect.flatMap(
          runBatch({ ...options, rebuild: again, onProgress: report }),
          show(options.json)
        )
      }),
      environment(options)
    )
).pipe(
  Command.withDescription(
    [
      "Builds tables again though nothing of them has changed: all of them or one with what is made from it, over the",
      "whole history from empty tables, or for a range of hours. What readers see is swapped when all audits have passed.",
      "",
      "Examples:",
      "  musify batch rebuild",
      "  musify batch rebuild users_now",
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
        const { bytes, changedModels, dirty, newPlans } = yield* planPass(yield* folder.frozen("songs"))
        const hours = dirty.map((one) => ({
          hour: hourText(one.hour),
          rows: one.rows,
          builtBefore: one.builtBefore,
          models: one.models,
          reasons: reasonsOf(one, changedModels)
        }))
        if (options.json) return yield* Console.log(JSON.stringify({ hours, newPlans, changedModels, bytes }))
        yield* Console.log(
          hours.length === 0
            ? "Nothing to build: every hour is up to date."
            : [
                `${plural(hours.length, "hour")} to build:`,
                ...hours.map(
                  ({ hour, models, reasons, rows }) =>
                    `  ${hour}  ${plural(rows, "event")}, ${plural(models.length, "table")}: ${reasons.join("; ")}`
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
    "Lists the hours that the next pass would build, how many tables of each, and why; builds nothing.\n\nExample:\n  musify batch plan"
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
      "  musify batch rebuild mart_songs",
      "  musify batch run --warehouse bigquery --bigquery-project my-project --bigquery-location EU"
    ].join("\n")
  ),
  Command.withSubcommands([run, plan, rebuild])
)
