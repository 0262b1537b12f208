import { fileURLToPath } from "node:url"

const run = fileURLToPath(new URL("../../../../tools/run.mjs", import.meta.url))

/** Arguments with which Node runs a TypeScript program from any working directory. */
export const nodeArguments = (program: string): ReadonlyArray<string> => [run, program]
