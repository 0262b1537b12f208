import { Duration, Effect, Layer } from "effect"
import { expect, it } from "vitest"
import { Warehouse } from "./Warehouse.ts"
import type { WarehouseSettings } from "./warehouseSettings.ts"
import { layerWarehouseOf } from "./warehouseSettings.ts"

const settings: WarehouseSettings = {
  warehouse: "bigquery",
  threads: undefined,
  memory: undefined,
  bigqueryProject: "my-project",
  bigqueryDataset: "musify",
  bigqueryLocation: "EU",
  bigqueryMaxBytes: 1e9,
  bigqueryReaders: undefined,
  bigqueryStageExpiration: Duration.days(1),
  bigqueryLabels: undefined,
  bigqueryKeyFile: undefined,
  bigqueryEndpoint: undefined,
  bigqueryLake: undefined,
  bigqueryRetryFor: Duration.minutes(1)
}

const placeOf = (more: Partial<WarehouseSettings>) =>
  Effect.runPromise(
    Effect.merge(
      Effect.scoped(
        Effect.flatMap(
          Layer.build(layerWarehouseOf({ ...settings, ...more }, Effect.succeed("/data/warehouse.duckdb"))),
          (context) => Effect.succeed(Warehouse.pipe(Effect.provide(context)))
        )
      ).pipe(
        Effect.flatten,
        Effect.map(({ place }) => place)
      )
    )
  )

it("the engine is the one that the settings name", async () => {
  expect(await placeOf({ warehouse: "duckdb", bigqueryProject: undefined })).toBe("/data/warehouse.duckdb")
  expect(await placeOf({})).toBe("BigQuery my-project.musify")
})

it.each([
  [{ bigqueryProject: undefined }, "--bigquery-project is not given"],
  [{ bigqueryProject: "No Project" }, "--bigquery-project"],
  [{ bigqueryDataset: "a-b" }, "--bigquery-dataset"],
  [{ bigqueryLocation: "here or there" }, "--bigquery-location"],
  [{ bigqueryEndpoint: "localhost" }, "--bigquery-endpoint"],
  [{ bigqueryLake: "/data" }, "--bigquery-lake"],
  [{ bigqueryLabels: "team=data,Env=prod" }, "Env=prod"],
  [{ bigqueryReaders: "ada@example.com,bob" }, "bob"]
] as const)("a setting that is wrong is named: %o", async (more, message) => {
  const error = await placeOf(more)
  expect(error).toMatchObject({ _tag: "UserError", exitCode: 2 })
  expect((error as { readonly message: string }).message).toContain(message)
})
