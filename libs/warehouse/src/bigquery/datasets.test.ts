import { Effect } from "effect"
import { expect, it } from "vitest"
import type { BigQueryRequest } from "./BigQueryClient.ts"
import { makeBigQueryJobs } from "./BigQueryJobs.ts"
import { defaultBigQueryOptions } from "./BigQueryOptions.ts"
import { ensureDatasets } from "./datasets.ts"

const options = {
  ...defaultBigQueryOptions,
  project: "shop",
  dataset: "musify",
  location: "EU",
  labels: { team: "data" },
  readers: ["ada@example.com", "group:analysts@example.com"]
}

/** Datasets by name, with where they lie. */
const server = (there: Record<string, string>) => {
  const made: Array<Record<string, unknown>> = []
  const request = async ({ body, method, uri }: BigQueryRequest) => {
    if (method === "POST") return made.push(body as Record<string, unknown>)
    const location = there[uri.slice("/datasets/".length)]
    if (location === undefined) throw Object.assign(new Error("Not found: Dataset"), { code: 404 })
    return { location }
  }
  return { made, jobs: makeBigQueryJobs({ request }, options) }
}

it("datasets that are missing are made in the location, with labels, expiration and readers", async () => {
  const { jobs, made } = server({ musify: "EU" })
  await Effect.runPromise(ensureDatasets(options, jobs))
  expect(
    made.map(({ access, defaultTableExpirationMs, location, labels }) => ({
      access: (access as ReadonlyArray<unknown> | undefined)?.slice(3),
      defaultTableExpirationMs,
      location,
      labels
    }))
  ).toEqual([
    {
      access: undefined,
      defaultTableExpirationMs: "86400000",
      location: "EU",
      labels: { app: "musify", team: "data" }
    },
    {
      access: [
        { role: "READER", userByEmail: "ada@example.com" },
        { role: "READER", groupByEmail: "analysts@example.com" }
      ],
      defaultTableExpirationMs: undefined,
      location: "EU",
      labels: { app: "musify", team: "data" }
    }
  ])
})

it("a dataset that lies elsewhere is named, and nothing is made after it", async () => {
  const { jobs, made } = server({ musify: "us-east1" })
  const error = await Effect.runPromise(Effect.flip(ensureDatasets(options, jobs)))
  expect(error).toMatchObject({ _tag: "WarehouseUnavailable", reason: "missing" })
  expect((error as Error).message).toContain("musify lies in us-east1, not in EU")
  expect(made).toEqual([])
})
