import v8 from "node:v8"

/**
 * Settings of V8 for programs through which much passes while little stays; other engines have none of them.
 * - The heap, and what lies outside of it and is held by it, may grow to three times of what was alive before all of it is
 *   looked through again; V8 alone looks after a few megabytes. Costs twice the heap that is alive.
 * - Functions are compiled simply at once, not only after a while of being interpreted, and thoroughly only when they have
 *   done twice as much as V8 wants: with a program of many functions that run for seconds, compiling them costs a tenth.
 */
export const tuneEngine = (): void => {
  for (const flag of ["--heap-growing-percent=200", "--always-sparkplug", "--interrupt-budget=300000"]) {
    try {
      v8.setFlagsFromString(flag)
    } catch {
      // Another engine.
    }
  }
}
