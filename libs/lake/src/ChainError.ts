import { Schema } from "effect"

/**
 * A partition's chain cannot go on without a person: the partition stops, the others go on. `message` says what was
 * found where and what to do. Reasons: "foreign object" (a file or seal of a planned name is not the planned one),
 * "damaged object" (a plan, seal or file that cannot be read, or a hole in the chain), "newer version" (written by a
 * newer release), "missing records" (the log no longer holds what the chain needs), "recreated log" (the log is not
 * the one that the chain was made from), "rows differ" (the log's rows are not those of the open plan).
 */
export class ChainHalted extends Schema.TaggedError<ChainHalted>()("ChainHalted", {
  topic: Schema.String,
  partition: Schema.Number,
  reason: Schema.Literal(
    "foreign object",
    "damaged object",
    "newer version",
    "missing records",
    "recreated log",
    "rows differ"
  ),
  message: Schema.String
}) {}

/** Another writer planned this seq first: drop the batch and read the tail again. No fault. */
export class RaceLost extends Schema.TaggedError<RaceLost>()("RaceLost", {
  topic: Schema.String,
  partition: Schema.Number,
  seq: Schema.Number
}) {
  override get message(): string {
    return `${this.topic}/${this.partition}: another writer planned seq ${this.seq} first.`
  }
}
/** A stored file is truncated, altered or not a file of ours. `message` names it. */
export class DamagedFile extends Schema.TaggedError<DamagedFile>()("DamagedFile", {
  name: Schema.String,
  message: Schema.String
}) {}
