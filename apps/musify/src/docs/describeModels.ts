import { auditsOf } from "@musify/warehouse/audits.ts"
import { catalogTables } from "@musify/warehouse/catalogTables.ts"
import type { Model } from "@musify/warehouse/Model.ts"
import { models } from "@musify/warehouse/models/models.ts"

/** A column, as the page and `--json` show it. */
export interface ColumnDescription {
  readonly name: string
  readonly type: string
  readonly nullable: boolean
  readonly description: string
  /** Whether it is part of the table's key. */
  readonly key: boolean
  /** The dimension that has it as its key. */
  readonly references: string | null
}

/** A table or view of the warehouse. */
export interface TableDescription {
  readonly name: string
  readonly kind: Model["kind"]
  readonly grain: string
  readonly description: string
  readonly columns: ReadonlyArray<ColumnDescription>
  readonly key: ReadonlyArray<string>
  /** TIMESTAMP by whose UTC day BigQuery cuts it. */
  readonly partition: string | null
  readonly cluster: ReadonlyArray<string>
  /** How it is published for the dashboard and other readers: not at all, as one file, by day, whole with a file of changes. */
  readonly published: "no" | "whole" | "by day" | "whole, with changes"
  /** What each audit says; a row that an audit's query finds is an error. */
  readonly audits: ReadonlyArray<string>
  readonly madeFrom: ReadonlyArray<string>
  readonly readBy: ReadonlyArray<string>
}

/** What the star schema is made of beside its own tables. */
export interface SourceDescription {
  readonly name: string
  readonly description: string
  readonly readBy: ReadonlyArray<string>
}

/** The star schema, in the order of a build. */
export interface StarSchema {
  readonly tables: ReadonlyArray<TableDescription>
  readonly sources: ReadonlyArray<SourceDescription>
}

const readersOf = (name: string): ReadonlyArray<string> =>
  models.filter(({ dependsOn }) => dependsOn.includes(name)).map((model) => model.name)

const publishedAs = ({ publish }: Model): TableDescription["published"] => {
  if (publish === undefined) return "no"
  if (publish === "day") return "by day"
  return publish === "whole" ? "whole" : "whole, with changes"
}

const tableOf = (model: Model): TableDescription => ({
  name: model.name,
  kind: model.kind,
  grain: model.grain,
  description: model.description,
  columns: model.columns.map(({ description, name, nullable, type }) => ({
    name,
    type,
    nullable,
    description,
    key: model.key.includes(name),
    references: model.references?.[name] ?? model.joins?.[name] ?? null
  })),
  key: model.key,
  partition: model.partition ?? null,
  cluster: model.cluster ?? [],
  published: publishedAs(model),
  audits: auditsOf(model).map(({ name }) => name),
  madeFrom: model.dependsOn,
  readBy: readersOf(model.name)
})

/** What the declarations of the models say. */
export const describeModels = (): StarSchema => {
  const own = new Set(models.map(({ name }) => name))
  const sources = [...new Set(models.flatMap(({ dependsOn }) => dependsOn))].filter((name) => !own.has(name))
  return {
    tables: models.map(tableOf),
    sources: sources.map((name) => ({
      name,
      description:
        catalogTables.find((table) => table.name === name)?.description ??
        `The lake's ${name.replace(/^stage_/, "")} of the hours of a build, second copies dropped.`,
      readBy: readersOf(name)
    }))
  }
}
