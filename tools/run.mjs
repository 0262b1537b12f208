// node tools/run.mjs FILE.ts [arguments]: runs a TypeScript program from its source. Node before 22.18 cannot strip
// types: tsx does it there.
import { resolve } from "node:path"
import process from "node:process"
import { pathToFileURL } from "node:url"

const [file] = process.argv.splice(2, 1)
if (file === undefined) {
  console.error("Usage: node tools/run.mjs FILE.ts [arguments]")
  process.exit(2)
}
if (!process.features.typescript && !globalThis.Bun && !globalThis.Deno) {
  const { register } = await import("tsx/esm/api")
  register()
}
await import(pathToFileURL(resolve(file)).href)
