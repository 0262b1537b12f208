import process from "node:process"
import v8 from "node:v8"

/**
 * Settings of V8 for programs through which much passes while little stays; other engines have none of them.
 * - The heap, and what lies outside of it and is held by it, may grow to three times of what was alive before all of it is
 *   looked through again; V8 alone looks after a few megabytes. Costs twice the heap that is alive.
 * - Functions are compiled simply at once, not only after a while of being interpreted.
 * - Before V8 12 (Node 20) they are compiled thoroughly only when they have done twice as much as V8 wants: with a program
 *   of many functions that run for seconds, compiling them costs a tenth. Later ones count otherwise, and complain on
 *   standard error about a setting that they do not know.
 */
export const tuneEngine = (): void => {
  const flags = ["--heap-growing-percent=200", "--always-sparkplug"]
  if (Number.parseInt(process.versions.v8) < 12) flags.push("--interrupt-budget=300000")
  for (const flag of flags) {
    try {
      v8.setFlagsFromString(flag)
    } catch {
      // Another engine.
    }
  }
}
