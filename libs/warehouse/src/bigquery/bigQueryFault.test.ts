import { describe, expect, it } from "vitest"
import { defaultBigQueryOptions } from "./BigQueryOptions.ts"
import { faultOf, faultOfReason } from "./bigQueryFault.ts"
import { errorOf } from "./errors.ts"

const options = { ...defaultBigQueryOptions, project: "shop", dataset: "musify", location: "EU" }

/** An error as the client library throws it. */
const thrown = (code: number | string, message: string, reason?: string) =>
  Object.assign(new Error(message), {
    code,
    ...(reason === undefined ? {} : { errors: [{ reason, message }] })
  })

describe("what the library throws", () => {
  it.each([
    [thrown(503, "Service Unavailable"), "transient"],
    [thrown(429, "Too many requests", "rateLimitExceeded"), "transient"],
    [thrown(403, "Exceeded rate limits: too many api requests", "rateLimitExceeded"), "transient"],
    [thrown("ECONNRESET", "socket hang up"), "transient"],
    [thrown("EAI_AGAIN", "getaddrinfo EAI_AGAIN"), "transient"],
    [
      thrown(
        403,
        "Quota exceeded: Your project exceeded quota for free query bytes scanned",
        "quotaExceeded"
      ),
      "quota"
    ],
    [thrown(403, "Access Denied: Dataset shop:musify", "accessDenied"), "refused"],
    [thrown(401, "Request had invalid authentication credentials"), "refused"],
    [new Error("Could not load the default credentials. Browse to https://…"), "refused"],
    [thrown(400, "invalid_grant: Invalid JWT Signature."), "refused"],
    [thrown(404, "Not found: Dataset shop:musify", "notFound"), "missing"],
    [thrown(409, "Already Exists: Job shop:EU.musify_write_1", "duplicate"), "exists"],
    [thrown(400, "Syntax error: Unexpected end of script", "invalidQuery"), "other"]
  ])("%s", (cause, kind) => {
    expect(faultOf(cause).kind).toBe(kind)
  })
})

describe("why a job failed", () => {
  it.each([
    ["backendError", "Error encountered during execution. Retrying may solve the problem.", "transient"],
    ["jobRateLimitExceeded", "Exceeded rate limits: too many concurrent queries", "transient"],
    [
      "invalidQuery",
      "Transaction is aborted due to concurrent update against table shop:musify.x",
      "conflict"
    ],
    [
      "bytesBilledLimitExceeded",
      "Query exceeded limit for bytes billed: 10. 20971520 or higher required.",
      "bytes"
    ],
    ["notFound", "Not found: URI gs://lake/x.parquet", "missing"],
    ["invalid", "Cannot read and write in different locations: source: US, destination: EU", "location"],
    ["invalidQuery", "No matching signature for operator =", "other"]
  ])("%s: %s", (reason, message, kind) => {
    expect(faultOfReason(reason, message, undefined).kind).toBe(kind)
  })
})

describe("what whoever runs the batcher reads", () => {
  const error = (kind: ReturnType<typeof faultOf>["kind"], step = "fact_streams") =>
    errorOf(options, step, "SELECT 1", { kind, text: "said so" })

  it.each([
    ["transient", "unreachable", "run again", 3],
    ["quota", "quota", "renewed", 3],
    ["refused", "refused", "roles/bigquery.jobUser", 3],
    ["location", "missing", "--bigquery-location", 2],
    ["bytes", "quota", "--bigquery-max-bytes", 3],
    ["missing", "missing", "Check project, dataset and location (EU)", 2],
    ["conflict", "locked", "another batcher", 3]
  ] as const)("%s", (kind, reason, advice, exitCode) => {
    const one = error(kind)
    expect(one).toMatchObject({ _tag: "WarehouseUnavailable", reason, exitCode })
    expect(one.message.toLowerCase()).toContain(advice.toLowerCase())
    expect(one.message).toContain("said so")
    expect(one.message).toMatch(/musify|shop|fact_streams/)
  })

  it("a file that cannot be loaded is named", () => {
    const fault = { kind: "missing" as const, text: "Not found: URI gs://lake/a/b.parquet" }
    expect(errorOf(options, "load listen_events", "", fault)).toMatchObject({
      _tag: "LakeFileDamaged",
      file: "gs://lake/a/b.parquet"
    })
  })

  it("anything else is a fault of a statement, which is shown", () => {
    expect(error("other")).toMatchObject({ _tag: "StatementFailed", statement: "SELECT 1" })
  })
})
