import { eventSchemas } from "./events.ts"
import type { ColumnType, FieldColumn, Rule } from "./fields.ts"
import { columnAnnotation } from "./fields.ts"
import type { Topic } from "./Topic.ts"
import { topics } from "./Topic.ts"
import type { PropertySignature } from "effect/Schema"

export type { ColumnType, Rule } from "./fields.ts"

/** A column of a file or table. */
export interface Column {
  readonly name: string
  readonly type: ColumnType
  readonly nullable: boolean
  readonly description: string
}

/** A column that an event's field fills. */
export interface EventColumn extends Column {
  readonly rule: Rule
}

const eventColumn = (name: string, field: PropertySignature.All): EventColumn => {
  const ast = field.ast
  const annotations = ast._tag === "PropertySignatureDeclaration" ? ast.annotations : ast.to.annotations
  const column = annotations[columnAnnotation] as FieldColumn | undefined
  if (column === undefined) throw new Error(`The Schema field ${name} names no column.`)
  return {
    name,
    type: column.type,
    nullable: ast._tag === "PropertySignatureTransformation",
    description: String(annotations[Symbol.for("effect/annotation/Description")]),
    rule: column.rule
  }
}

const derived = Object.fromEntries(
  topics.map((topic) => [
    topic,
    Object.entries(eventSchemas[topic].fields).map(([name, field]) => eventColumn(name, field))
  ])
) as unknown as Record<Topic, ReadonlyArray<EventColumn>>

/** The columns of a topic's fields, in file order, derived from its Schema. */
export const columnsOf = (topic: Topic): ReadonlyArray<EventColumn> => derived[topic]

/** What the lake adds to each row: where in the log it came from. */
export const positionColumns: ReadonlyArray<Column> = [
  { name: "_partition", type: "int32", nullable: false, description: "Partition of the log" },
  { name: "_offset", type: "int64", nullable: false, description: "Offset in the partition" }
]

/** The columns of a topic's data files in the lake: the fields, then `_partition` and `_offset`. */
export const lakeColumnsOf = (topic: Topic): ReadonlyArray<Column> => [...derived[topic], ...positionColumns]
