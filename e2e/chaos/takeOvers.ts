import { readdirSync, readFileSync, statSync } from "node:fs"
import { join } from "node:path"

/**
 * How often a plan of a chain was made by another writer than the plan before it, over all partitions: the run shows
 * little when partitions never changed hands.
 */
export const countTakeOvers = (bucket: string): { readonly plans: number; readonly takeOvers: number } => {
  let plans = 0
  let takeOvers = 0
  const visit = (folder: string): void => {
    let before: string | undefined
    for (const name of readdirSync(folder).sort()) {
      const path = join(folder, name)
      if (statSync(path).isDirectory()) visit(path)
      else if (name.endsWith(".plan.json")) {
        const { writer } = JSON.parse(readFileSync(path, "utf8")) as { readonly writer: string }
        plans++
        if (before !== undefined && before !== writer) takeOvers++
        before = writer
      }
    }
  }
  visit(join(bucket, "log"))
  return { plans, takeOvers }
}
