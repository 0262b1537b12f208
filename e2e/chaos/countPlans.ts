import { existsSync, readdirSync, readFileSync, statSync } from "node:fs"
import { join } from "node:path"

/** The folders of all chains in a bucket's folder, and the names of their plans in order. */
const chains = (bucket: string): ReadonlyArray<readonly [folder: string, plans: ReadonlyArray<string>]> => {
  const visit = (folder: string): ReadonlyArray<readonly [string, ReadonlyArray<string>]> => {
    const names = readdirSync(folder).sort()
    const plans = names.filter((name) => name.endsWith(".plan.json"))
    if (plans.length > 0) return [[folder, plans]]
    return names
      .map((name) => join(folder, name))
      .flatMap((path) => (statSync(path).isDirectory() ? visit(path) : []))
  }
  const root = join(bucket, "log")
  return existsSync(root) ? visit(root) : []
}

/** How many plans there are. */
export const countPlans = (bucket: string): number =>
  chains(bucket).reduce((sum, [, plans]) => sum + plans.length, 0)

/**
 * How often a plan was made by another writer than the plan before it, over all partitions: a run shows little when
 * partitions never changed hands.
 */
export const countTakeOvers = (bucket: string): number => {
  let takeOvers = 0
  for (const [folder, plans] of chains(bucket)) {
    const writers = plans.map(
      (name) => (JSON.parse(readFileSync(join(folder, name), "utf8")) as { readonly writer: string }).writer
    )
    for (let i = 1; i < writers.length; i++) if (writers[i] !== writers[i - 1]) takeOvers++
  }
  return takeOvers
}
