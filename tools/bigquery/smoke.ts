// npm run bigquery:smoke -- --project PROJECT --bucket gs://BUCKET/EMPTY/PREFIX [--location EU] [--key-file FILE]
// Tries the warehouse on the real BigQuery: makes datasets of its own (musify_smoke_…), loads, builds two hours and a late
// one, audits, compares every table with the specification, and removes the datasets and what it put into the bucket.
// No job is billed for more than 100 MB; all of it is some megabytes.
// `--endpoint http://127.0.0.1:9050 --folder DIR` tries the program itself on a stand-in whose gs:// is DIR.
import path from "node:path"
import process from "node:process"
import { parseArgs } from "node:util"
import { makeGcsObjectStore } from "@musify/lake/gcs/GcsObjectStore.ts"
import { defaultGcsOptions } from "@musify/lake/gcs/GcsOptions.ts"
import { makeLocalDirectoryObjectStore } from "@musify/lake/LocalDirectoryObjectStore.ts"
import { makeBigQueryClient } from "@musify/warehouse/bigquery/BigQueryClient.ts"
import type { BigQueryOptions } from "@musify/warehouse/bigquery/BigQueryOptions.ts"
import { datasetsOf, defaultBigQueryOptions } from "@musify/warehouse/bigquery/BigQueryOptions.ts"
import { makeBigQueryWarehouse } from "@musify/warehouse/bigquery/BigQueryWarehouse.ts"
import { smoke } from "@musify/warehouse/bigquery/smoke.ts"
import { Console, Effect } from "effect"

const usage =
  "npm run bigquery:smoke -- --project PROJECT --bucket gs://BUCKET/EMPTY/PREFIX [--location EU] [--key-file FILE]"

const { values } = parseArgs({
  options: {
    project: { type: "string" },
    bucket: { type: "string" },
    location: { type: "string", default: "US" },
    "key-file": { type: "string" },
    endpoint: { type: "string" },
    folder: { type: "string" }
  }
})
const address = /^gs:\/\/([^/]+)(?:\/(.*?))?\/?$/.exec(values.bucket ?? "")
if (values.project === undefined || address === null) {
  console.error(usage)
  process.exit(2)
}
const [, bucketName, prefix = ""] = address
const name = `musify_smoke_${Date.now()}`
const lakePrefix = [prefix, name].filter((part) => part !== "").join("/")

const options: BigQueryOptions = {
  ...defaultBigQueryOptions,
  project: values.project,
  dataset: name,
  location: values.location,
  maxBytesBilled: 100 * 1024 ** 2,
  labels: { purpose: "smoke" },
  lake: `gs://${bucketName}/${lakePrefix}`,
  keyFile: values["key-file"],
  endpoint: values.endpoint
}

const program = Effect.gen(function* () {
  const store =
    values.folder === undefined
      ? makeGcsObjectStore({
          ...defaultGcsOptions,
          bucket: bucketName,
          prefix: `${lakePrefix}/`,
          keyFile: values["key-file"]
        })
      : yield* makeLocalDirectoryObjectStore({
          directory: path.join(values.folder, bucketName, lakePrefix),
          durability: "process"
        })
  const client = makeBigQueryClient(options)
  const tidy = Effect.gen(function* () {
    for (const dataset of Object.values(datasetsOf(options)))
      yield* Effect.promise(() =>
        client
          .request({ method: "DELETE", uri: `/datasets/${dataset}`, query: { deleteContents: true } })
          .catch((cause: unknown) => console.error(`${dataset} is left behind: ${String(cause)}`))
      )
    for (const entry of yield* Effect.orElseSucceed(store.list(""), () => []))
      yield* Effect.ignore(store.remove(entry.name))
    yield* Console.log("removed the datasets and the files")
  })
  yield* smoke({ warehouse: makeBigQueryWarehouse(options, client), store, say: Console.log }).pipe(
    Effect.ensuring(tidy)
  )
  yield* Console.log("fine")
})

Effect.runPromise(program).catch((cause: unknown) => {
  console.error(String(cause))
  process.exitCode = 1
})
