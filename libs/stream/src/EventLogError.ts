import { Schema } from "effect"

/** The log ends elsewhere than the producer expected: read its range and go on from there. Nothing was appended. */
export class UnexpectedOffset extends Schema.TaggedError<UnexpectedOffset>()("UnexpectedOffset", {
  topic: Schema.String,
  partition: Schema.Number,
  expected: Schema.Number,
  found: Schema.Number
}) {
  override get message(): string {
    return `${this.topic}/${this.partition} ends at offset ${this.found}, not at ${this.expected}: another producer has written to it.`
  }
}

/** An offset was asked for that the log does not hold: records were lost to retention, or the log was made anew. */
export class OffsetOutOfRange extends Schema.TaggedError<OffsetOutOfRange>()("OffsetOutOfRange", {
  topic: Schema.String,
  partition: Schema.Number,
  offset: Schema.Number,
  start: Schema.Number,
  end: Schema.Number
}) {
  override get message(): string {
    return `${this.topic}/${this.partition} holds offsets ${this.start} to ${this.end}, but ${this.offset} was asked for.`
  }
}

/**
 * The log cannot be reached, read or written. `message` says where and what to do; waiting may help when `retryable`.
 * `damaged`: what is stored is not what was written.
 */
export class EventLogUnavailable extends Schema.TaggedError<EventLogUnavailable>()("EventLogUnavailable", {
  message: Schema.String,
  retryable: Schema.Boolean,
  damaged: Schema.optional(Schema.Boolean),
  cause: Schema.optional(Schema.Defect)
}) {
  /** Of a program that ends with it: 1 found wrong, 3 not reachable. */
  get exitCode(): 1 | 3 {
    return this.damaged === true ? 1 : 3
  }
}

export type EventLogError = UnexpectedOffset | OffsetOutOfRange | EventLogUnavailable
