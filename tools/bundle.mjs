// A program as a bundle: a folder with main.mjs, what is loaded lazily, and the dashboard's page when the program serves
// it.
// Packages with native code, WebAssembly or much data stay outside: node_modules has them.
import { copyFileSync, mkdirSync, readFileSync } from "node:fs"
import { createRequire } from "node:module"
import { basename, join, relative } from "node:path"
import { fileURLToPath } from "node:url"
import { build, stop } from "esbuild"

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

/** Programs of worker threads, by the module that starts them: in a bundle they lie beside it. */
const workerPrograms = {
  "apps/simulator/src/workers/Connection.ts": "apps/simulator/src/workers/simulationWorker.ts"
}

const page = "apps/dashboard/src/page"
const server = "apps/dashboard/src/http/assets.ts"

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
  const options = {
    absWorkingDir: root,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    mainFields: ["module", "main"],
    outdir,
    outExtension: { ".js": ".mjs" },
    external: externalPackages.flatMap((name) => [name, `${name}/*`]),
    banner: {
      js: 'import { createRequire as bundleRequire } from "node:module"; const require = bundleRequire(import.meta.url);'
    },
    minifyWhitespace: true,
    minifySyntax: true,
    sourcemap: true,
    metafile: true,
    logLevel: "warning"
  }
  const { metafile } = await build({
    ...options,
    entryPoints: [{ in: entry, out: "main" }],
    splitting: true
  })
  const inputs = Object.keys(metafile.inputs)
  for (const [starter, program] of Object.entries(workerPrograms)) {
    if (!inputs.includes(starter)) continue
    const out = basename(program, ".ts")
    const worker = await build({ ...options, entryPoints: [{ in: join(root, program), out }] })
    inputs.push(...Object.keys(worker.metafile.inputs))
  }
  const pageInputs = inputs.includes(server) ? await bundlePage(join(outdir, "page")) : []
  // Its process would stay, with all that it has read, as long as the program that was bundled runs.
  await stop()
  return [...new Set([...inputs, ...pageInputs])].filter((file) => !/(^|\/)node_modules\//.test(file))
}
