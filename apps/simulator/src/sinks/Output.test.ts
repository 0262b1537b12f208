import { Either } from "effect"
import { expect, it } from "vitest"
import { parseOutput } from "./Output.ts"

const parse = (output?: string, more: { compression?: "gzip" | "zstd" | "none"; folder?: string } = {}) =>
  parseOutput({ output, compression: more.compression, folder: more.folder })

it("understands each output, and Eventsim's folder", () => {
  expect(parse()).toEqual(Either.right({ kind: "log" }))
  expect(parse("null")).toEqual(Either.right({ kind: "null" }))
  expect(parse("kafka")).toEqual(Either.right({ kind: "kafka" }))
  expect(parse("parquet:/a:b")).toEqual(Either.right({ kind: "parquet", folder: "/a:b" }))
  expect(parse("ndjson:C:\\out", { compression: "gzip" })).toEqual(
    Either.right({ kind: "lines", folder: "C:\\out", compression: "gzip", extension: ".ndjson" })
  )
  expect(parse(undefined, { folder: "output" })).toEqual(
    Either.right({ kind: "lines", folder: "output", compression: "none", extension: "" })
  )
})

it.each([
  ["files", {}, "expected log, kafka, ndjson:DIR"],
  ["ndjson:", {}, "a folder is missing: ndjson:DIR"],
  ["parquet", {}, "a folder is missing: parquet:DIR"],
  ["stdout:x", {}, "expected log"],
  ["kafka:localhost:9092", {}, "--kafka-brokers localhost:9092"],
  ["parquet:x", { compression: "gzip" }, "is for files of lines"],
  ["null", { folder: "output" }, "are both given"]
] as const)("refuses %s %o", (output, more, expected) => {
  expect(Either.getOrThrow(Either.flip(parse(output, more)))).toContain(expected)
})
