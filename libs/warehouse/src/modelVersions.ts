import { topics } from "@musify/domain/Topic.ts"
import { catalogMark } from "./catalogTables.ts"
import type { Dialect } from "./Dialect.ts"
import { digest } from "./digest.ts"
import type { Model } from "./Model.ts"
import { newHours, rebuilt } from "./Model.ts"
import { models } from "./models/models.ts"
import { stageSteps } from "./staging.ts"

/** Names how a table is made: its columns, keys and cuts. */
export const madeOf = (sql: Dialect, model: Model): string =>
  digest([sql.create(model), ...sql.keys([model])])

/**
 * The version of each model: names what it says (its statements) and the versions of what it reads, staging and the
 * catalog included. So a model that changes makes all that comes after it another version, and nothing else.
 */
export const modelVersions = (
  sql: Dialect,
  catalogVersion: string | undefined
): ReadonlyMap<string, string> => {
  const staged = Object.fromEntries(topics.map((topic) => [topic, `lake_${topic}`]))
  const staging = digest(stageSteps(sql, staged).flatMap(({ statements }) => statements))
  const catalog = catalogMark(sql, catalogVersion)
  const versions = new Map<string, string>()
  for (const model of models) {
    const read = model.dependsOn.map((name) => {
      const version = versions.get(name) ?? (name.startsWith("stage_") ? staging : undefined)
      return `${name} ${version ?? catalog}`
    })
    versions.set(
      model.name,
      digest([
        sql.create(model),
        ...model.steps(sql, rebuilt),
        ...model.steps(sql, newHours),
        ...(model.seed?.(sql) ?? []),
        ...read
      ])
    )
  }
  return versions
}

/** The models of these names and all that read them or are folded with them, directly or not, in the order of a build. */
export const withDependents = (names: ReadonlySet<string>): ReadonlyArray<Model> => {
  const found = new Set(names)
  return models.filter(({ dependsOn, foldedWith, name }) => {
    const read = foldedWith === undefined ? dependsOn : [...dependsOn, foldedWith]
    if (!found.has(name) && !read.some((one) => found.has(one))) return false
    found.add(name)
    return true
  })
}

/** Of some models those that read none of the others: where a change began. */
export const firstOf = (names: ReadonlySet<string>): ReadonlyArray<string> =>
  models
    .filter(({ dependsOn, name }) => names.has(name) && !dependsOn.some((one) => names.has(one)))
    .map(({ name }) => name)
