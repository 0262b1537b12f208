import { topics } from "@musify/domain/Topic.ts"
import { Schema } from "effect"

/** A data file of a plan: the rows of one event hour. */
export const PlannedFile = Schema.Struct({
  /** Object name, e.g. `lake/listen_events/year=2026/month=11/day=23/hour=16/0-12-3400.parquet`. */
  path: Schema.String,
  /** Event hour: whole hours since 1970-01-01T00:00Z. */
  hour: Schema.Int,
  rows: Schema.Int,
  /** Hash over the rows (offset and raw value of each), so that a twin's file can be told from a foreign one. */
  hash: Schema.String
})
export type PlannedFile = typeof PlannedFile.Type

/** A dead-letter file of a plan: the raw values of the records that could not be decoded, with their reasons. */
export const PlannedDeadLetters = Schema.Struct({
  path: Schema.String,
  rows: Schema.Int,
  hash: Schema.String
})
export type PlannedDeadLetters = typeof PlannedDeadLetters.Type

/** Version of the plan's own format. A release reads plans up to its version and refuses newer ones. */
export const planVersion = 1

/**
 * One link of the chain of a (topic, partition): what becomes of the records [start, end) of the log. Stored at
 * `log/<topic>/<partition>/<seq>.plan.json`, if absent, before any of its files; never deleted or replaced.
 */
export const Plan = Schema.Struct({
  /** Version of this format (`planVersion`). */
  version: Schema.Int,
  /** Version of the decoder that made the files (the domain's `decoderVersion`). */
  decoder: Schema.Int,
  topic: Schema.Literal(...topics),
  partition: Schema.Int,
  seq: Schema.Int,
  start: Schema.Int,
  end: Schema.Int,
  files: Schema.Array(PlannedFile),
  deadLetters: Schema.Array(PlannedDeadLetters),
  /** Number of fields that no schema names, left out of the files. */
  unknownFields: Schema.Int,
  /** Hash of the last raw record: tells a log that was deleted and made anew. */
  witness: Schema.String,
  /** Greatest event time of its rows, epoch ms; null when it has none. */
  maxTs: Schema.NullOr(Schema.Number),
  /** Who wrote it; not compared. */
  writer: Schema.String
})
export type Plan = typeof Plan.Type

const encodePlan = Schema.encodeSync(Plan)

/** The plan as text; two plans are the same when their texts are, the writer left out. */
export const planText = (plan: Plan): string => JSON.stringify(encodePlan(plan))

/** Whether two plans say the same: all but who wrote them. */
export const samePlan = (a: Plan, b: Plan): boolean =>
  planText({ ...a, writer: "" }) === planText({ ...b, writer: "" })
