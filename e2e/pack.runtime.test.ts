import { execFile } from "node:child_process"
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import process from "node:process"
import { promisify } from "node:util"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { type Launcher, root, temporaryFolder } from "./musify.ts"

/* The simulator as its users have it: packed, and installed alone into an empty folder. */
const runFile = promisify(execFile)
const folder = temporaryFolder()
const bin = join(root, "tools/runtimes/node_modules")
const main = join(folder.path, "node_modules/@musify/simulator/musify-simulate.mjs")
const launchers: Readonly<Record<string, Launcher>> = {
  "this Node": [process.execPath, main],
  "Node 22": [join(bin, "node-22/bin/node"), main],
  "Node 24": [join(bin, "node-24/bin/node"), main],
  Bun: [join(bin, ".bin/bun"), "run", main],
  Deno: [join(bin, ".bin/deno"), "run", "--allow-all", "--node-modules-dir=manual", main]
}

const run = async ([command, ...before]: Launcher, args: ReadonlyArray<string>): Promise<string> => {
  const { stdout } = await runFile(command, [...before, ...args], { cwd: folder.path, maxBuffer: 1 << 26 })
  return stdout
}

beforeAll(async () => {
  const packed = await runFile(process.execPath, ["tools/pack.mjs", "apps/simulator"], { cwd: root })
  writeFileSync(join(folder.path, "package.json"), '{"private":true}')
  await runFile("npm", ["install", "--no-audit", "--no-fund", packed.stdout.trim()], { cwd: folder.path })
}, 240_000)
afterAll(folder.remove)

test("the package names no package of this repository, and nothing but what it loads from outside", () => {
  const manifest = JSON.parse(
    readFileSync(join(folder.path, "node_modules/@musify/simulator/package.json"), "utf8")
  ) as Record<string, Record<string, string>>
  const names = [...Object.keys(manifest.dependencies), ...Object.keys(manifest.optionalDependencies)]
  expect(names.sort()).toEqual(["lmdb", "sql.js", "zipcodes"])
  expect(existsSync(join(folder.path, "node_modules/effect"))).toBe(false)
})

const span = ["--users", "200", "--seed", "5", "--start", "2026-06-01", "--end", "2026-06-03"]
const outputs = new Map<string, unknown>()

describe.sequential("installed alone", () => {
  for (const [name, launcher] of Object.entries(launchers)) {
    test(`on ${name}`, async () => {
      expect(existsSync(launcher[0]), `${launcher[0]} is there (npm ci --prefix tools/runtimes)`).toBe(true)
      const out = `out-${name.replaceAll(" ", "-")}`
      const sample = await run(launcher, ["--sample", "3", "--start", "2026-06-01"])
      expect(sample.trim().split("\n")).toHaveLength(3)
      const summary = await run(launcher, [...span, "--output", `ndjson:${out}`, "--json"])
      const files = readdirSync(join(folder.path, out)).filter((file) => file.endsWith(".ndjson"))
      expect(files).toHaveLength(4)
      // What loads lazily is in the package, too.
      for (const more of [
        ["--output", `ndjson:${out}-threads`, "--workers", "2"],
        ["--output", `ndjson:${out}-zstd`, "--compression", "zstd"],
        ["--output", `parquet:${out}-parquet`],
        ["--output", "log", "--data", `${out}-data`]
      ]) {
        expect(await run(launcher, [...span, ...more, "--json"])).toBe(summary)
      }
      outputs.set(name, [
        sample,
        summary,
        files.map((file) => readFileSync(join(folder.path, out, file), "utf8"))
      ])
      expect(outputs.get(name)).toEqual([...outputs.values()][0])
    }, 240_000)
  }
})
