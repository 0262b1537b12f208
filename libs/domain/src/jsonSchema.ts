import type { Schema } from "effect"
import { JSONSchema } from "effect"
import { eventSchemas } from "./events.ts"
import type { Topic } from "./Topic.ts"

/**
 * JSON Schema (draft 2020-12) of the JSON that a producer may write to a topic, for teams that do not use TypeScript.
 * Beyond it: `ts` at most a day past the record's log time, no lone surrogates in strings, at most 1 MiB.
 */
export const eventJsonSchema = (topic: Topic): JSONSchema.JsonSchema7Root =>
  JSONSchema.make(eventSchemas[topic] as Schema.Schema.All as Schema.Schema<unknown>, {
    target: "jsonSchema2020-12"
  })
