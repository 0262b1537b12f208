// Runs a TypeScript program from its source. Engines that strip types load it as it is; for Node before 22.18 it is
// bundled first, into node_modules/.cache/musify, and again whenever one of the files that it was made from changes.
import { createHash } from "node:crypto"
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync
} from "node:fs"
import { tmpdir } from "node:os"
import { join, relative } from "node:path"
import process from "node:process"
import { fileURLToPath, pathToFileURL } from "node:url"

const root = fileURLToPath(new URL("..", import.meta.url))

const writable = (folder) => {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    accessSync(folder, constants.W_OK)
    return true
  } catch {
    return false
  }
}

/** Where bundles are kept: with the packages, or, for a user who may not write there, in a folder of their own. */
const cacheFolder = () => {
  const shared = join(root, "node_modules/.cache/musify")
  if (writable(shared)) return shared
  const id = createHash("sha256").update(root).digest("hex").slice(0, 12)
  const own = join(tmpdir(), `musify-bundles-${process.getuid?.() ?? "user"}-${id}`)
  if (!writable(own) || (process.getuid && statSync(own).uid !== process.getuid())) {
    console.error(
      `The program cannot be bundled: neither ${shared} nor ${own} can be written to. Allow one of them, or run a bundle that npm run build made.`
    )
    process.exit(3)
  }
  if (!existsSync(join(own, "node_modules")))
    symlinkSync(join(root, "node_modules"), join(own, "node_modules"), "junction")
  return own
}

const stampOf = (files) => {
  const hash = createHash("sha256")
  for (const file of files) {
    const stat = statSync(join(root, file), { throwIfNoEntry: false })
    hash.update(`${file} ${stat?.mtimeMs} ${stat?.size}\n`)
  }
  return hash.digest("hex").slice(0, 16)
}

// A bundle may still be read by a process that started with it: those of other sources go only after a day.
const removeOldBundles = (cache, name, current) => {
  const yesterday = statSync(cache).mtimeMs - 86_400_000
  for (const folder of readdirSync(cache)) {
    if (!folder.startsWith(`${name}-`) || folder === current) continue
    const stat = statSync(join(cache, folder), { throwIfNoEntry: false })
    if (stat !== undefined && stat.mtimeMs < yesterday)
      rmSync(join(cache, folder), { recursive: true, force: true })
  }
}

/** The bundle's main file, made now if there is none for what the sources are now. */
const bundled = async (program) => {
  const path = relative(root, program)
  const name = path.replaceAll(/[^A-Za-z0-9]+/g, "-")
  const cache = cacheFolder()
  const list = join(cache, `${name}.json`)
  if (existsSync(list)) {
    const current = `${name}-${stampOf(JSON.parse(readFileSync(list, "utf8")))}`
    if (existsSync(join(cache, current))) return join(cache, current, "main.mjs")
  }
  const { bundleProgram } = await import("./bundle.mjs")
  const folder = mkdtempSync(join(cache, "new-"))
  const sources = await bundleProgram(program, folder)
  const files = [...sources, "package-lock.json", "tools/bundle.mjs", "tools/runProgram.mjs"]
  const current = `${name}-${stampOf(files)}`
  try {
    renameSync(folder, join(cache, current))
  } catch {
    // Another process made the same bundle at the same time.
    rmSync(folder, { recursive: true, force: true })
  }
  writeFileSync(`${list}.${process.pid}`, JSON.stringify(files))
  renameSync(`${list}.${process.pid}`, list)
  removeOldBundles(cache, name, current)
  return join(cache, current, "main.mjs")
}

/** Runs the TypeScript file `program` (an absolute path) in this process. */
export const runProgram = async (program) => {
  const stripsTypes = process.features.typescript || globalThis.Bun || globalThis.Deno
  if (process.env.MUSIFY_DEBUG) process.setSourceMapsEnabled?.(true)
  await import(pathToFileURL(stripsTypes ? program : await bundled(program)).href)
}
