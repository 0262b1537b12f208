// Runs `npm ci` when the installed tree is missing or was made from another lock file, else returns at once.
// npm writes node_modules/.package-lock.json at the end of an install; our stamp records which lock it came from,
// so that an install cut off half-way is done again.
import { spawnSync } from "node:child_process"
import { createHash } from "node:crypto"
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import process from "node:process"
import { fileURLToPath } from "node:url"

const root = fileURLToPath(new URL("..", import.meta.url))
const stamp = `${root}node_modules/.musify-lock`
const [major, minor] = process.versions.node.split(".").map(Number)

if (major < 20 || (major === 20 && minor < 19)) {
  console.error(
    `Musify needs Node 20.19 or newer; this is ${process.versions.node}. Install a newer Node and try again.`
  )
  process.exit(2)
}

const wanted = `${createHash("sha256")
  .update(readFileSync(`${root}package-lock.json`))
  .digest("hex")} ${process.platform}-${process.arch}`
const installed = existsSync(stamp) ? readFileSync(stamp, "utf8") : ""
if (installed !== wanted) {
  console.error("Installing what package-lock.json lists (npm ci) ...")
  const npm = process.env.npm_execpath
  const args = ["ci", "--no-audit", "--no-fund", "--loglevel=error"]
  const run = npm?.endsWith("js")
    ? spawnSync(process.execPath, [npm, ...args], { cwd: root, stdio: ["ignore", 2, 2] })
    : spawnSync("npm", args, { cwd: root, stdio: ["ignore", 2, 2], shell: process.platform === "win32" })
  if (run.status !== 0) {
    console.error("npm ci failed: see its message above. Nothing was started.")
    process.exit(run.status ?? 1)
  }
  writeFileSync(stamp, wanted)
}
