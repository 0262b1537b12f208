import { Schema } from "effect"

/** What is published cannot be read: a file is missing, broken or not what its manifest says. `message` names it. */
export class PublishedUnreadable extends Schema.TaggedError<PublishedUnreadable>()("PublishedUnreadable", {
  message: Schema.String,
  /** The file, when one is damaged. */
  file: Schema.optional(Schema.String),
  cause: Schema.optional(Schema.Defect)
}) {}

/** Nothing is published yet: the first hour is still being built. */
export class NothingPublished extends Schema.TaggedError<NothingPublished>()("NothingPublished", {
  message: Schema.String
}) {}
