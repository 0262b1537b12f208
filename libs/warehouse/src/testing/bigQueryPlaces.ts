import { makeLocalDirectoryObjectStore } from "@musify/lake/LocalDirectoryObjectStore.ts"
import { Duration, Effect } from "effect"
import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import type { BigQueryClient } from "../bigquery/BigQueryClient.ts"
import { makeBigQueryClient } from "../bigquery/BigQueryClient.ts"
import type { BigQueryOptions } from "../bigquery/BigQueryOptions.ts"
import { datasetsOf, defaultBigQueryOptions } from "../bigquery/BigQueryOptions.ts"
import { makeBigQueryWarehouse } from "../bigquery/BigQueryWarehouse.ts"
import { startBigQueryStandIn } from "../bigquery/testing/BigQueryStandIn.ts"
import { models } from "../models/models.ts"
import type { Place } from "./harness.ts"

/** A warehouse in the stand-in with a bucket of its own. */
export interface BigQueryPlace extends Place {
  readonly options: BigQueryOptions
  /**
   * The batcher is cut off when it has sent this many more requests: the last one is answered to nobody, those after it
   * are not sent. Undefined: never.
   */
  readonly cutAfter: (requests: number | undefined) => void
}

/** A running stand-in; each place is a bucket and datasets that nothing else uses. */
export interface BigQueryPlaces {
  readonly place: (more?: Partial<BigQueryOptions>) => Effect.Effect<BigQueryPlace>
  /** Names of the published marts, as `dump` takes them. */
  readonly published: (place: BigQueryPlace) => ReadonlyArray<string>
  readonly stop: () => Promise<void>
}

/** What a request that is cut off ends with: no fault that is tried again. */
const cutOff = Object.assign(new Error("cut off"), { code: 418 })

export const startBigQueryPlaces = async (): Promise<BigQueryPlaces> => {
  const scratch = fs.mkdtempSync(path.join(os.tmpdir(), "musify-bigquery-"))
  const buckets = path.join(scratch, "buckets")
  const standIn = await startBigQueryStandIn(buckets)
  let count = 0
  return {
    place: (more = {}) =>
      Effect.gen(function* () {
        const name = `place${count++}`
        const store = yield* Effect.orDie(
          makeLocalDirectoryObjectStore({ directory: path.join(buckets, name), durability: "process" })
        )
        const options: BigQueryOptions = {
          ...defaultBigQueryOptions,
          project: standIn.project,
          dataset: name,
          endpoint: standIn.endpoint,
          lake: `gs://${name}`,
          retryFor: Duration.seconds(10),
          pollEvery: Duration.millis(100),
          // The stand-in answers a job when it has ended.
          timeoutMs: 120_000,
          ...more
        }
        const direct = makeBigQueryClient(options)
        let left = Infinity
        const client: BigQueryClient = {
          request: async (request) => {
            if (left <= 0) throw cutOff
            left--
            const answer = await direct.request(request)
            if (left <= 0) throw cutOff
            return answer
          }
        }
        return {
          options,
          store,
          published: path.join(buckets, name, "published"),
          warehouse: makeBigQueryWarehouse(options, client),
          cutAfter: (requests) => {
            left = requests ?? Infinity
          }
        }
      }),
    published: ({ options }) =>
      models
        .filter(({ publish }) => publish !== undefined)
        .map(({ name }) => `${datasetsOf(options).marts}.${name}`),
    stop: async () => {
      await standIn.stop()
      fs.rmSync(scratch, { recursive: true, force: true })
    }
  }
}
