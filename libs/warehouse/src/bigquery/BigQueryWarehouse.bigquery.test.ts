import { Effect } from "effect"
import { afterAll, beforeAll } from "vitest"
import type { BigQueryPlaces } from "../testing/bigQueryPlaces.ts"
import { startBigQueryPlaces } from "../testing/bigQueryPlaces.ts"
import { warehouseContract } from "../Warehouse.contract.ts"

let places: BigQueryPlaces
beforeAll(async () => {
  places = await startBigQueryPlaces()
})
afterAll(() => places.stop())

warehouseContract("BigQuery", () => Effect.suspend(() => places.place()))
