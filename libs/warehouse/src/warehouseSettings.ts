import { setting } from "@musify/runtime/setting.ts"
import { UserError } from "@musify/runtime/UserError.ts"
import type { Duration } from "effect"
import { Effect, Layer } from "effect"
import { defaultBigQueryOptions } from "./bigquery/BigQueryOptions.ts"
import { layer as layerDuckDb } from "./DuckDbWarehouse.ts"
import type { Warehouse } from "./Warehouse.ts"

/** Settings of a command that builds or reads the warehouse. */
export const warehouseOptions = {
  warehouse: setting.choice("warehouse", ["duckdb", "bigquery"], {
    default: "duckdb",
    description: "Engine of the star schema: a DuckDB file in the data folder, or BigQuery."
  }),
  threads: setting.optionalInteger("batch-threads", {
    min: 1,
    description: "Threads of DuckDB; without it one. More are faster only on cores that nothing else needs."
  }),
  memory: setting.optionalInteger("batch-memory", {
    min: 64,
    description: "Memory of DuckDB, MiB; it goes to disk beyond it. Without it 200, and 900 for much work."
  }),
  bigqueryProject: setting.optionalText("bigquery-project", {
    description:
      "Project of BigQuery that holds the datasets and is billed. Needed with --warehouse bigquery."
  }),
  bigqueryDataset: setting.text("bigquery-dataset", {
    default: "musify",
    description: "Dataset of the star schema; NAME_stage and NAME_marts are made beside it."
  }),
  bigqueryLocation: setting.text("bigquery-location", {
    default: defaultBigQueryOptions.location,
    description: "Location of the datasets, as EU, US or europe-west3: that of the bucket."
  }),
  bigqueryMaxBytes: setting.integer("bigquery-max-bytes", {
    default: defaultBigQueryOptions.maxBytesBilled,
    min: 10_485_760,
    description:
      "Most bytes that one job may be billed for; a job that would cost more fails before it starts."
  }),
  bigqueryReaders: setting.optionalText("bigquery-readers", {
    description:
      "Who may read NAME_marts, by commas: ada@example.com, group:analysts@example.com. Given when it is made."
  }),
  bigqueryStageExpiration: setting.duration("bigquery-stage-expiration", {
    default: defaultBigQueryOptions.stageExpiration,
    description: "How long a table of loaded files stays in NAME_stage."
  }),
  bigqueryLabels: setting.optionalText("bigquery-labels", {
    description: "Labels of jobs and datasets beside app=musify, by commas: team=data, env=prod."
  }),
  bigqueryKeyFile: setting.optionalText("bigquery-key-file", {
    description:
      "Key file of the service account. Without it application default credentials, or those of the machine."
  }),
  bigqueryEndpoint: setting.optionalText("bigquery-endpoint", {
    description:
      "Another server that speaks BigQuery's API, as http://127.0.0.1:9050; it is sent no credentials."
  }),
  bigqueryLake: setting.optionalText("bigquery-lake", {
    description: "Where BigQuery finds the lake, as gs://NAME/PREFIX, when the bucket does not say so itself."
  }),
  bigqueryRetryFor: setting.duration("bigquery-retry-for", {
    default: defaultBigQueryOptions.retryFor,
    description: "How long a request to BigQuery is tried again, with growing pauses."
  })
}

/** Values of `warehouseOptions`. */
export interface WarehouseSettings {
  readonly warehouse: "duckdb" | "bigquery"
  readonly threads: number | undefined
  readonly memory: number | undefined
  readonly bigqueryProject: string | undefined
  readonly bigqueryDataset: string
  readonly bigqueryLocation: string
  readonly bigqueryMaxBytes: number
  readonly bigqueryReaders: string | undefined
  readonly bigqueryStageExpiration: Duration.Duration
  readonly bigqueryLabels: string | undefined
  readonly bigqueryKeyFile: string | undefined
  readonly bigqueryEndpoint: string | undefined
  readonly bigqueryLake: string | undefined
  readonly bigqueryRetryFor: Duration.Duration
}

const wrong = (flag: string, value: string | undefined, expected: string) =>
  new UserError({
    message: `--${flag} is ${value === undefined ? "not given" : JSON.stringify(value)}: ${expected} was expected.`,
    exitCode: 2
  })

const items = (list: string | undefined): ReadonlyArray<string> =>
  (list ?? "")
    .split(",")
    .map((one) => one.trim())
    .filter((one) => one !== "")

const project = /^(?:[a-z0-9.-]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]$/
const dataset = /^\w{1,900}$/
const location = /^[A-Za-z][A-Za-z0-9-]+$/
const label = /^([a-z][a-z0-9_-]{0,62})=([a-z0-9_-]{0,63})$/
const reader = /^(?:group:)?[^@\s,]+@[^@\s,]+$/
const lake = /^gs:\/\/[a-z0-9][a-z0-9._-]+(?:\/.*)?$/
const endpoint = /^https?:\/\/[^/\s]+\/*$/

const check = (settings: WarehouseSettings): UserError | undefined => {
  const { bigqueryDataset, bigqueryEndpoint, bigqueryLake, bigqueryLocation, bigqueryProject } = settings
  if (bigqueryProject === undefined || !project.test(bigqueryProject))
    return wrong("bigquery-project", bigqueryProject, "the id of a project")
  if (!dataset.test(bigqueryDataset))
    return wrong("bigquery-dataset", bigqueryDataset, "a name of letters, digits and _")
  if (!location.test(bigqueryLocation))
    return wrong("bigquery-location", bigqueryLocation, "a location as EU or europe-west3")
  if (bigqueryEndpoint !== undefined && !endpoint.test(bigqueryEndpoint))
    return wrong("bigquery-endpoint", bigqueryEndpoint, "http://HOST:PORT")
  if (bigqueryLake !== undefined && !lake.test(bigqueryLake))
    return wrong("bigquery-lake", bigqueryLake, "gs://NAME or gs://NAME/PREFIX")
  const badLabel = items(settings.bigqueryLabels).find((one) => !label.test(one))
  if (badLabel !== undefined)
    return wrong("bigquery-labels", badLabel, "key=value of lower case letters, digits, _ and -")
  const badReader = items(settings.bigqueryReaders).find((one) => !reader.test(one))
  if (badReader !== undefined)
    return wrong("bigquery-readers", badReader, "an e-mail address, or group:ADDRESS")
  return undefined
}

/** The warehouse that the settings name: BigQuery, or `file`, which is asked for only when it is DuckDB. */
export const layerWarehouseOf = <E, R>(
  settings: WarehouseSettings,
  file: Effect.Effect<string, E, R>
): Layer.Layer<Warehouse, UserError | E, R> =>
  Layer.unwrapEffect(
    Effect.gen(function* () {
      const { memory, threads } = settings
      if (settings.warehouse === "duckdb")
        return layerDuckDb({ file: yield* file, threads, memoryMiB: memory })
      const error = check(settings)
      if (error !== undefined) return yield* error
      // Takes a moment to load: only for whom has a warehouse there.
      const { layer } = yield* Effect.promise(() => import("./bigquery/BigQueryWarehouse.ts"))
      return layer({
        ...defaultBigQueryOptions,
        project: settings.bigqueryProject ?? "",
        dataset: settings.bigqueryDataset,
        location: settings.bigqueryLocation,
        maxBytesBilled: settings.bigqueryMaxBytes,
        labels: Object.fromEntries(items(settings.bigqueryLabels).map((one) => one.split("="))),
        readers: items(settings.bigqueryReaders),
        stageExpiration: settings.bigqueryStageExpiration,
        keyFile: settings.bigqueryKeyFile,
        endpoint: settings.bigqueryEndpoint,
        lake: settings.bigqueryLake,
        retryFor: settings.bigqueryRetryFor
      })
    })
  )
