import { Schema } from "effect"

/** The store cannot be reached, read or written; waiting may help when `retryable`. `message` says where and what to do. */
export class ObjectStoreUnavailable extends Schema.TaggedError<ObjectStoreUnavailable>()(
  "ObjectStoreUnavailable",
  {
    name: Schema.String,
    message: Schema.String,
    retryable: Schema.Boolean,
    cause: Schema.optional(Schema.Defect)
  }
) {}

export type ObjectStoreError = ObjectStoreUnavailable
