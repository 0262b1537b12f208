// node tools/run.mjs FILE.ts [arguments]: runs a TypeScript program from its source on any supported engine.
import { resolve } from "node:path"
import process from "node:process"
import { runProgram } from "./runProgram.mjs"

const [file] = process.argv.splice(2, 1)
if (file === undefined) {
  console.error("Usage: node tools/run.mjs FILE.ts [arguments]")
  process.exit(2)
}
await runProgram(resolve(file))
