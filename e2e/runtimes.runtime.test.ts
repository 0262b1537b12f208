import { existsSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, test } from "vitest"
import { globPositions } from "./lake.ts"
import { type Launcher, nodeLauncher, root, run, runJson, temporaryFolder } from "./musify.ts"

/* The whole pipeline once on each runtime: `npm ci --prefix tools/runtimes` brings them. */
const bin = join(root, "tools/runtimes/node_modules")
const main = join(root, "bin/musify.mjs")
const launchers: Readonly<Record<string, Launcher>> = {
  "this Node": nodeLauncher,
  "Node 22": [join(bin, "node-22/bin/node"), main],
  "Node 24": [join(bin, "node-24/bin/node"), main],
  Bun: [join(bin, ".bin/bun"), "run", main],
  Deno: [join(bin, ".bin/deno"), "run", "--allow-all", "--node-modules-dir=manual", main]
}

interface UpSummary {
  readonly events: Readonly<Record<string, number>>
  readonly rows: Readonly<Record<string, number>>
  readonly audit: { readonly ok: boolean }
}

const results = new Map<string, object>()

describe.sequential("up --once", () => {
  for (const [name, launcher] of Object.entries(launchers)) {
    test(`on ${name}`, async () => {
      expect(existsSync(launcher[0]), `${launcher[0]} is there (npm ci --prefix tools/runtimes)`).toBe(true)
      const folder = temporaryFolder()
      try {
        const args = ["up", "--once", "--data", folder.path, "--users", "500", "--seed", "5"]
        const summary = await runJson<UpSummary>(
          [...args, "--start", "2026-01-05", "--end", "2026-01-08"],
          launcher
        )
        expect(summary.audit.ok).toBe(true)
        results.set(name, {
          events: summary.events,
          rows: summary.rows,
          positions: await globPositions(folder.path)
        })
        // The same seed gives the same events and the same tables, whatever runs it.
        expect(results.get(name)).toEqual([...results.values()][0])
        // Settings that only some engines know are no one's business.
        const again = await run(["ingest", "--once", "--json", "--data", folder.path], launcher)
        expect({ code: again.code, stderr: again.stderr }).toEqual({ code: 0, stderr: "" })
      } finally {
        folder.remove()
      }
    }, 240_000)
  }
})
