import { Duration, Effect } from "effect"
import type { WarehouseUnavailable } from "../WarehouseError.ts"
import type { BigQueryFault } from "./bigQueryFault.ts"
import type { BigQueryJobs } from "./BigQueryJobs.ts"
import type { BigQueryOptions } from "./BigQueryOptions.ts"
import { datasetsOf } from "./BigQueryOptions.ts"
import { placeOf, unavailable } from "./errors.ts"

/** Entries that BigQuery gives a dataset by itself when none are named. */
const defaultAccess = [
  { role: "OWNER", specialGroup: "projectOwners" },
  { role: "WRITER", specialGroup: "projectWriters" },
  { role: "READER", specialGroup: "projectReaders" }
]

const readerEntry = (reader: string) =>
  reader.startsWith("group:")
    ? { role: "READER", groupByEmail: reader.slice("group:".length) }
    : { role: "READER", userByEmail: reader }

/**
 * Makes the datasets that are missing; what is there is left as it is. Fails when one lies in another location: what
 * jobs read and write must be in one.
 */
export const ensureDatasets = (
  options: BigQueryOptions,
  jobs: BigQueryJobs
): Effect.Effect<void, BigQueryFault | WarehouseUnavailable> => {
  const { location, project } = options
  const { marts, stage, star } = datasetsOf(options)
  const wanted = [
    { name: star, description: "Musify's star schema and its ledger.", more: {} },
    {
      name: stage,
      description: "Lake files as they were loaded; tables leave by themselves.",
      more: { defaultTableExpirationMs: String(Duration.toMillis(options.stageExpiration)) }
    },
    {
      name: marts,
      description: "What reports read: the last state that passed its audits.",
      more:
        options.readers.length === 0
          ? {}
          : { access: [...defaultAccess, ...options.readers.map(readerEntry)] }
    }
  ]
  return Effect.forEach(
    wanted,
    ({ description, more, name }) =>
      Effect.gen(function* () {
        const found = yield* jobs.request({ method: "GET", uri: `/datasets/${name}` }).pipe(
          Effect.catchIf(
            ({ kind }) => kind === "missing",
            () => Effect.succeed(undefined)
          )
        )
        if (found === undefined) {
          yield* (
            jobs
              .request({
                method: "POST",
                uri: "/datasets",
                body: {
                  datasetReference: { projectId: project, datasetId: name },
                  location,
                  description,
                  labels: { app: "musify", ...options.labels },
                  ...more
                }
              })
              // Another batcher, or the lost answer to a try before, has made it.
              .pipe(
                Effect.catchIf(
                  ({ kind }) => kind === "exists",
                  () => Effect.void
                )
              )
          )
          return
        }
        const lies = String((found as { readonly location?: string }).location ?? location)
        if (lies.toLowerCase() !== location.toLowerCase())
          return yield* unavailable(
            options,
            "missing",
            `${placeOf(options)}: the dataset ${name} lies in ${lies}, not in ${location}. Give --bigquery-location ${lies} (the bucket must be there, too), or name another dataset.`
          )
      }),
    { discard: true }
  )
}
