// node tools/pack.mjs apps/NAME: an app as a package that is installed alone. Stages dist/package (the bundle, a
// package.json that names only packages of npm, the licences of what the bundle holds) and packs it; prints the file.
import { execFileSync } from "node:child_process"
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync
} from "node:fs"
import { join, resolve } from "node:path"
import process from "node:process"
import { bundleProgram, externalPackages, root } from "./bundle.mjs"

const project = process.argv[2]
const manifestOf = (folder) => JSON.parse(readFileSync(join(folder, "package.json"), "utf8"))

/** The packages of npm that a project of ours and those that it uses declare, with their versions. */
const npmPackagesOf = (folder, seen = new Map()) => {
  for (const [name, version] of Object.entries(manifestOf(folder).dependencies ?? {})) {
    if (seen.has(name)) continue
    seen.set(name, version)
    if (!name.startsWith("@musify/")) continue
    const parts = ["libs", "apps"].map((kind) => join(root, kind, name.slice("@musify/".length)))
    npmPackagesOf(parts.find(existsSync), seen)
  }
  return seen
}

const isPackage = project !== undefined && existsSync(join(root, project, "src/main.ts"))
const source = isPackage ? manifestOf(join(root, project)) : {}
if (source.musify === undefined) {
  console.error("Usage: node tools/pack.mjs apps/NAME, where its package.json names its command under musify")
  process.exit(2)
}
const declared = npmPackagesOf(join(root, project))
const dist = join(root, project, "dist")
const stage = join(dist, "package")
rmSync(stage, { recursive: true, force: true })
await bundleProgram(join(root, project, "src/main.ts"), stage)

/* The maps say which packages were put into the bundle; they themselves stay here. */
const bundled = new Set()
for (const name of readdirSync(stage).filter((file) => file.endsWith(".map"))) {
  for (const path of JSON.parse(readFileSync(join(stage, name), "utf8")).sources) {
    // A package may itself be a bundle: then its own map names paths that are not there.
    const parts = resolve(stage, path).split("/node_modules/")
    while (parts.length > 1) {
      const name = /^(?:@[^/]+\/)?[^/]+/.exec(parts.pop())[0]
      const folder = `${parts.join("/node_modules/")}/node_modules/${name}`
      if (!existsSync(join(folder, "package.json"))) continue
      bundled.add(folder)
      break
    }
  }
  rmSync(join(stage, name))
}
for (const name of readdirSync(stage).filter((file) => file.endsWith(".mjs"))) {
  const file = join(stage, name)
  writeFileSync(file, readFileSync(file, "utf8").replace(/\n\/\/# sourceMappingURL=.*\n?$/, "\n"))
}
const licences = [...bundled].sort().map((folder) => {
  const { license, name, version } = manifestOf(folder)
  const texts = readdirSync(folder).filter((file) => /^(licen[cs]e|notice|copying)/i.test(file))
  const text = texts.map((file) => readFileSync(join(folder, file), "utf8").trim()).join("\n\n")
  return `${name} ${version} (${license})\n\n${text}\n`
})
writeFileSync(join(stage, "THIRD-PARTY-LICENCES.txt"), licences.join(`\n${"-".repeat(80)}\n\n`))

// Native code is not there for every platform: what does not need it works without.
const native = new Set(source.musify.optional)
const versions = (wanted) =>
  Object.fromEntries(
    externalPackages
      .filter((name) => declared.has(name) && wanted(name))
      .map((name) => [name, declared.get(name)])
  )
const { command } = source.musify
writeFileSync(join(stage, `${command}.mjs`), '#!/usr/bin/env node\nimport "./main.mjs"\n', { mode: 0o755 })
writeFileSync(
  join(stage, "package.json"),
  `${JSON.stringify(
    {
      name: source.name,
      version: source.version,
      description: source.description,
      license: source.license,
      type: "module",
      bin: { [command]: `${command}.mjs` },
      engines: manifestOf(root).engines,
      dependencies: versions((name) => !native.has(name)),
      optionalDependencies: versions((name) => native.has(name))
    },
    null,
    2
  )}\n`
)
copyFileSync(join(root, project, "README.md"), join(stage, "README.md"))
copyFileSync(join(root, "LICENSE"), join(stage, "LICENSE"))
mkdirSync(dist, { recursive: true })
const packed = execFileSync("npm", ["pack", "--json", "--pack-destination", dist], {
  cwd: stage,
  encoding: "utf8",
  stdio: ["ignore", "pipe", "inherit"]
})
console.log(join(dist, JSON.parse(packed)[0].filename))
