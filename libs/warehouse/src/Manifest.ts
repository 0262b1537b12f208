import { Schema } from "effect"

/**
 * What `published/<version>/manifest.json` says; `published/CURRENT` holds the name of the version in force, swapped by
 * a rename. Readers open CURRENT, then the manifest, then the files it lists, and nothing else.
 */
export const Manifest = Schema.Struct({
  /** 1: earlier releases, whose tables are one file, or one a day. */
  format: Schema.Literal(1, 2),
  version: Schema.String,
  /** Clock time of the publish, epoch ms. */
  publishedAt: Schema.Number,
  /** Every event up to this time (epoch ms) that the lake holds is in: the pipeline's watermark. Null before any event. */
  through: Schema.NullOr(Schema.Number),
  /** First and last event hour that is built. */
  firstHour: Schema.NullOr(Schema.Int),
  lastHour: Schema.NullOr(Schema.Int),
  /** Hours that were built again because events came late, newest first, at most 100. */
  lateHours: Schema.Array(Schema.Struct({ hour: Schema.Int, rebuiltAt: Schema.Number })),
  audits: Schema.Struct({ passed: Schema.Int, total: Schema.Int, failed: Schema.Array(Schema.String) }),
  /** Rows per warehouse table. */
  rows: Schema.Record({ key: Schema.String, value: Schema.Int }),
  /**
   * Files of each published table, relative to the version's folder. A table cut by day (`day`) has one file a day; the
   * newest day, while it is being filled, one for each `hour` that has rows. No row is in two files, but for a file with
   * `changes`: its rows take the place of those with the same `key` in the table's other file; all that may differ are
   * in it, which are those that builds from the hour `since` on have written. `checksum`: SHA-256 of the file's bytes,
   * hex; readers check it before they use a file. `stamp`: its size and time of change when it was written, by which the
   * batcher knows without reading it that nobody has touched it.
   */
  tables: Schema.Record({
    key: Schema.String,
    value: Schema.Array(
      Schema.Struct({
        path: Schema.String,
        day: Schema.NullOr(Schema.String),
        hour: Schema.optional(Schema.Int),
        changes: Schema.optional(Schema.Struct({ key: Schema.String, since: Schema.Int })),
        rows: Schema.Int,
        checksum: Schema.String,
        stamp: Schema.optional(Schema.String)
      })
    )
  })
})
export type Manifest = typeof Manifest.Type
