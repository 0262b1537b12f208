// A program as a bundle: a folder with main.mjs, one file for each worker thread's program (*.worker.ts of the same
// project and of those that it imports), what is loaded lazily, and the dashboard's page when the program serves it.
// Packages with native code, WebAssembly or much data stay outside: node_modules has them.
import { copyFileSync, mkdirSync, readdirSync, readFileSync } from "node:fs"
import { createRequire } from "node:module"
import { basename, join, relative } from "node:path"
import { fileURLToPath } from "node:url"
import { build } from "esbuild"

export const root = fileURLToPath(new URL("..", import.meta.url))

/** Packages that are not put into a bundle. */
export const externalPackages = [
  "@duckdb/node-api",
  "esbuild",
  "lmdb",
  "playwright-core",
  "sql.js",
  "zipcodes"
]

const page = "apps/dashboard/src/page"
const server = "apps/dashboard/src/http/assets.ts"

const workersOf = (project) => {
  const source = join(root, project, "src")
  return readdirSync(source, { recursive: true })
    .filter((file) => file.endsWith(".worker.ts"))
    .map((file) => join(source, file))
}

const projectsOf = (inputs) => [
  ...new Set(inputs.flatMap((file) => /^(?:apps|libs)\/[^/]+/.exec(file)?.[0] ?? []))
]

/** The page's files into `folder`; answers which files they were made from. */
const bundlePage = async (folder) => {
  mkdirSync(folder, { recursive: true })
  const options = JSON.parse(readFileSync(join(root, page, "esbuild.json"), "utf8"))
  const { metafile } = await build({
    ...options,
    absWorkingDir: root,
    entryPoints: [join(root, page, "main.tsx")],
    outfile: join(folder, "page.js"),
    metafile: true,
    logLevel: "warning"
  })
  const files = ["index.html", "style.css", "icon.svg"].map((name) => join(root, page, name))
  const map = createRequire(join(root, "apps/dashboard/package.json")).resolve(
    "us-atlas/states-albers-10m.json"
  )
  for (const file of [...files, map]) copyFileSync(file, join(folder, basename(file)))
  return [
    ...Object.keys(metafile.inputs),
    `${page}/esbuild.json`,
    ...files.map((file) => relative(root, file))
  ]
}

/**
 * Bundles the TypeScript program `entry` into the new folder `outdir`; answers the files of ours that it was made from,
 * as paths from the root.
 */
export const bundleProgram = async (entry, outdir) => {
  const project = /^(?:apps|libs)\/[^/]+/.exec(relative(root, entry))?.[0]
  const options = {
    absWorkingDir: root,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    mainFields: ["module", "main"],
    splitting: true,
    outdir,
    outExtension: { ".js": ".mjs" },
    external: externalPackages.flatMap((name) => [name, `${name}/*`]),
    banner: {
      js: 'import { createRequire as bundleRequire } from "node:module"; const require = bundleRequire(import.meta.url);'
    },
    sourcemap: true,
    metafile: true,
    logLevel: "warning"
  }
  const entries = (workers) => [
    { in: entry, out: "main" },
    ...workers.map((file) => ({ in: file, out: basename(file, ".ts") }))
  ]
  let { metafile } = await build({ ...options, entryPoints: entries([]) })
  const workers = project === undefined ? [] : projectsOf(Object.keys(metafile.inputs)).flatMap(workersOf)
  if (workers.length > 0) ({ metafile } = await build({ ...options, entryPoints: entries(workers) }))
  const inputs = Object.keys(metafile.inputs)
  const pageInputs = inputs.includes(server) ? await bundlePage(join(outdir, "page")) : []
  return [...new Set([...inputs, ...pageInputs])].filter((file) => !/(^|\/)node_modules\//.test(file))
}
