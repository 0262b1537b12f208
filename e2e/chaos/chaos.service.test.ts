import { mkdtempSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import process from "node:process"
import { expect, test } from "vitest"
import { runChaos } from "./runChaos.ts"

const seconds = Number(process.env.MUSIFY_CHAOS_SECONDS ?? 90)
const seed = Number(process.env.MUSIFY_E2E_SEED ?? 20261124)

// Servers of its own: those that the suites share must not be killed.
test(
  `chaos for ${seconds} s (seed ${seed}): every acknowledged record is in the lake or the dead letters, exactly once`,
  async () => {
    const lines: Array<string> = []
    const report = await runChaos({
      seconds,
      seed,
      folder: mkdtempSync(join(tmpdir(), "musify-chaos-")),
      say: (line) => lines.push(line)
    })
    const { findings, folder } = report
    const told = `seed ${seed}, data and logs in ${folder}\n${findings.join("\n")}\n\n${lines.join("\n")}`
    expect(report.ok, told).toBe(true)
    // It has to have shown something.
    expect(report.acknowledged).toBeGreaterThan(0)
    expect(report.takeOvers, lines.join("\n")).toBeGreaterThan(0)
    console.log(JSON.stringify(report))
  },
  // Starts and what follows the last fault take their time where the machine is slow.
  (seconds + 360) * 1000
)
