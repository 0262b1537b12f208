import { Schema } from "effect"
import type { Plan } from "./Plan.ts"

/**
 * What a data or dead-letter file is, as its Parquet footer says (key-value metadata, key "musify"): the plan that it
 * belongs to and the hash of its rows. Files are compared by it, never by their bytes, since encoders change.
 */
export const FileIdentity = Schema.Struct({
  topic: Schema.String,
  partition: Schema.Int,
  start: Schema.Int,
  end: Schema.Int,
  rows: Schema.Int,
  hash: Schema.String,
  /** Version of the decoder, hence of the file's schema. */
  version: Schema.Int
})
export type FileIdentity = typeof FileIdentity.Type

/** The identity that a plan gives one of its files. */
export const identityOf = (
  plan: Plan,
  file: { readonly rows: number; readonly hash: string }
): FileIdentity => ({
  topic: plan.topic,
  partition: plan.partition,
  start: plan.start,
  end: plan.end,
  rows: file.rows,
  hash: file.hash,
  version: plan.decoder
})

const encodeIdentity = Schema.encodeSync(FileIdentity)

export const identityText = (identity: FileIdentity): string => JSON.stringify(encodeIdentity(identity))
