// node tools/build.mjs PROJECT: an app becomes one bundle (dist/main.js; npm packages stay outside), a lib becomes
// JavaScript modules with declarations (dist/).
import { spawnSync } from "node:child_process"
import { existsSync, readFileSync, rmSync } from "node:fs"
import process from "node:process"
import { build } from "esbuild"

const project = process.argv[2]
if (project === undefined || !existsSync(`${project}/package.json`)) {
  console.error("Usage: node tools/build.mjs apps/NAME | libs/NAME")
  process.exit(2)
}
rmSync(`${project}/dist`, { recursive: true, force: true })

const npmPackagesOf = (folder, seen = new Set()) => {
  const { dependencies = {} } = JSON.parse(readFileSync(`${folder}/package.json`, "utf8"))
  return Object.keys(dependencies).flatMap((name) => {
    if (!name.startsWith("@musify/")) return [name, `${name}/*`]
    const lib = ["libs", "apps"].map((root) => `${root}/${name.slice("@musify/".length)}`).find(existsSync)
    if (seen.has(lib)) return []
    seen.add(lib)
    return npmPackagesOf(lib, seen)
  })
}

if (project.startsWith("apps/")) {
  await build({
    entryPoints: [`${project}/src/main.ts`],
    outfile: `${project}/dist/main.js`,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    sourcemap: true,
    external: [...new Set(npmPackagesOf(project))],
    logLevel: "warning"
  })
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
