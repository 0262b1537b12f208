/*
 * npm run bench:up [-- --json] [-- --events 2000000]: what each stage of `musify up --once` costs, in one run on a new data folder:
 * events, real seconds, CPU seconds of all threads, and the greatest resident memory seen.
 */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, rmSync } from "node:fs"
import os from "node:os"
import { join } from "node:path"
import process from "node:process"
import { parseArgs } from "node:util"

interface Stage {
  readonly stage: string
  readonly events: number
  readonly wall_s: number
  readonly cpu_s: number
  readonly peak_rss_mib: number
}

const { values } = parseArgs({
  options: { json: { type: "boolean", default: false }, events: { type: "string", default: "2000000" } }
})
const events = Number(values.events)
if (!Number.isInteger(events) || events < 1000) {
  console.error(`--events is ${values.events}: a whole number of at least 1000 was expected.`)
  process.exit(2)
}

// The built-in config makes about this many events per listener in the 15 days from 2026-01-05.
const eventsPerListener = 97
// npm runs scripts in the root; the program itself may run from a bundle elsewhere.
const root = process.cwd()
const data = mkdtempSync(join(os.tmpdir(), "musify-bench-"))
try {
  const args = ["up", "--once", "--json", "--data", data, "--start", "2026-01-05", "--end", "2026-01-20"]
  const users = Math.round(events / eventsPerListener)
  const child = spawn(
    process.execPath,
    [join(root, "bin/musify.mjs"), ...args, "--users", String(users), "--seed", "1"],
    { stdio: ["ignore", "pipe", "inherit"] }
  )
  let output = ""
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text))
  const [code] = (await once(child, "close")) as [number]
  if (code !== 0) throw new Error(`musify up --once ended with exit code ${code}.`)
  const { stages } = JSON.parse(output) as { readonly stages: ReadonlyArray<Stage> }
  if (values.json) console.log(JSON.stringify(stages))
  else {
    console.log(`${os.cpus().length} cores, Node ${process.versions.node}, ${users} listeners`)
    console.table(
      stages.map((stage) => ({ ...stage, "k events/s": Math.round(stage.events / stage.wall_s / 1000) }))
    )
  }
} finally {
  rmSync(data, { recursive: true, force: true })
}
