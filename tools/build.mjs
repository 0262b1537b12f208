// node tools/build.mjs PROJECT: an app becomes a bundle (dist/main.mjs and what belongs to it), a lib becomes JavaScript
// modules with declarations (dist/).
import { spawnSync } from "node:child_process"
import { existsSync, rmSync } from "node:fs"
import { join } from "node:path"
import process from "node:process"
import { bundleProgram, root } from "./bundle.mjs"

const project = process.argv[2]
if (project === undefined || !existsSync(`${project}/package.json`)) {
  console.error("Usage: node tools/build.mjs apps/NAME | libs/NAME")
  process.exit(2)
}
rmSync(`${project}/dist`, { recursive: true, force: true })

if (project.startsWith("apps/")) {
  await bundleProgram(join(root, project, "src/main.ts"), join(root, project, "dist"))
} else {
  const emit = [
    "--noEmit",
    "false",
    "--outDir",
    `${project}/dist`,
    "--declaration",
    "--rewriteRelativeImportExtensions"
  ]
  const tsc = spawnSync("node_modules/.bin/tsc", ["-p", project, "--rootDir", `${project}/src`, ...emit], {
    stdio: "inherit"
  })
  process.exit(tsc.status ?? 1)
}
