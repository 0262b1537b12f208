import { createRequire } from "node:module"
import process from "node:process"
import { pathToFileURL } from "node:url"

/** Arguments with which this Node runs a TypeScript program from any working directory: tsx where it cannot itself. */
export const nodeArguments = (program: string): ReadonlyArray<string> =>
  "typescript" in process.features && process.features.typescript !== false
    ? [program]
    : ["--import", pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href, program]
