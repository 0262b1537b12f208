import { JSONSchema } from "effect"
import { columnsOf } from "./columns.ts"
import { eventSchemas } from "./events.ts"
import type { Topic } from "./Topic.ts"

/** A JSON Schema of an object, ready to be printed. */
export interface EventJsonSchema extends JSONSchema.JsonSchema7Object {
  readonly $schema: string
}

/**
 * JSON Schema (draft 2020-12) of the JSON that a producer may write to a topic, for teams that do not use TypeScript.
 * It cannot say, but the decoder asks too: `ts` at most a day past the record's log time, no lone surrogates in strings,
 * at most 1 MiB. Fields that it does not name are allowed, left out of the lake and counted.
 */
export const eventJsonSchema = (topic: Topic): EventJsonSchema => {
  const object = JSONSchema.fromAST(eventSchemas[topic].ast, {
    definitions: {},
    target: "jsonSchema2020-12",
    additionalPropertiesStrategy: "allow",
    topLevelReferenceStrategy: "skip"
  }) as JSONSchema.JsonSchema7Object
  const properties = Object.fromEntries(
    columnsOf(topic).map(({ description, name }) => [name, { ...object.properties[name], description }])
  )
  return { ...object, $schema: "https://json-schema.org/draft/2020-12/schema", title: topic, properties }
}
