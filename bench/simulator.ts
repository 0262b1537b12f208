/*
 * npm run bench:simulator [-- --json] [-- --listeners 1000,30000] [-- --outputs null,ndjson,log] [-- --scale 0.1]: how
 * fast the bundled simulator is, each run a process of its own from start to exit. With EVENTSIM_CMD, the command of a
 * built Eventsim (bin/eventsim), also that one's figures, under the same config (--config FILE, else the built-in one).
 */
import { dayMs } from "@musify/domain/Hour.ts"
import { defaultConfig } from "@musify/simulator/defaultConfig.ts"
import { execFileSync, spawn } from "node:child_process"
import { once } from "node:events"
import { createReadStream, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import os from "node:os"
import { join, resolve } from "node:path"
import process from "node:process"
import { parseArgs } from "node:util"
import { runCommand } from "./ingest/runCommand.ts"

interface Row {
  readonly listeners: number
  /** Where the events went, and by what. */
  readonly output: string
  readonly events: number
  readonly wall_s: number
  readonly cpu_s: number
  readonly events_per_cpu_s: number
  readonly peak_rss_mib: number
}

/** What is measured. */
interface Kind {
  readonly name: string
  /** Whether on the long span. */
  readonly long: boolean
  /** The simulator's arguments. */
  readonly args: ReadonlyArray<string>
  /** So many processes at once, each with its share of the listeners: what the machine's cores give at most. */
  readonly processes?: number
}

/** By the names of --outputs. */
const kinds: Readonly<Record<string, Kind>> = {
  null: { name: "null", long: true, args: ["--json", "--output", "null"] },
  ndjson: { name: "ndjson", long: false, args: ["--json", "--output", "ndjson:out"] },
  log: { name: "log", long: false, args: ["--json", "--output", "log", "--data", "out"] },
  sample: { name: "first 10 events", long: false, args: ["--sample", "10"] },
  workers: { name: "null, 2 workers", long: true, args: ["--json", "--output", "null", "--workers", "2"] },
  processes: { name: "null, 2 processes", long: true, args: ["--json", "--output", "null"], processes: 2 }
}

const { values } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    listeners: { type: "string", default: "1000,30000,300000,1000000" },
    outputs: { type: "string", default: Object.keys(kinds).join(",") },
    scale: { type: "string", default: "1" },
    config: { type: "string" }
  }
})
const counts = values.listeners.split(",").map(Number)
const scale = Number(values.scale)
const outputs = values.outputs.split(",")
const wrong = counts.some((count) => !Number.isInteger(count) || count < 1)
  ? `--listeners is ${values.listeners}: whole numbers with commas between were expected.`
  : !(scale > 0)
    ? `--scale is ${values.scale}: a number above 0 was expected.`
    : outputs.some((output) => !(output in kinds))
      ? `--outputs is ${values.outputs}: some of ${Object.keys(kinds).join(",")} were expected.`
      : undefined
if (wrong !== undefined) {
  console.error(wrong)
  process.exit(2)
}

// npm runs scripts in the root; this program itself may run from a bundle elsewhere.
const root = process.cwd()
const main = join(root, "apps/simulator/dist/main.mjs")
const folder = mkdtempSync(join(os.tmpdir(), "musify-bench-"))
const config = resolve(values.config ?? join(folder, "config.json"))
if (values.config === undefined) writeFileSync(config, JSON.stringify(defaultConfig))

const start = Date.UTC(2025, 0, 6)
/** Events of a listener in a day under the built-in config, about. */
const eventsPerDay = 6.8

/** A span that gives about so many events, at most four years. */
const span = (listeners: number, events: number) => {
  const ms = Math.min(1461, (events * scale) / (eventsPerDay * listeners)) * dayMs
  const iso = (time: number) => new Date(time).toISOString().slice(0, 19)
  return { from: iso(start), to: iso(start + Math.ceil(ms / 1000) * 1000) }
}

const seconds = (from: bigint) => Number(process.hrtime.bigint() - from) / 1e9

const row = (
  name: { readonly listeners: number; readonly output: string },
  used: Omit<Row, "listeners" | "output" | "events_per_cpu_s">
): Row => ({
  ...name,
  events: used.events,
  wall_s: Number(used.wall_s.toFixed(2)),
  cpu_s: Number(used.cpu_s.toFixed(2)),
  events_per_cpu_s: Math.round(used.events / used.cpu_s),
  peak_rss_mib: Math.round(used.peak_rss_mib)
})

/** Runs the simulator with arguments; what it writes goes into `folder`. */
const musify = async (listeners: number, output: string, args: ReadonlyArray<string>): Promise<Row> => {
  const began = process.hrtime.bigint()
  const child = spawn(
    process.execPath,
    [
      "--import",
      join(root, "bench/usage.mjs"),
      main,
      "--config",
      config,
      "--users",
      String(listeners),
      "--seed",
      "1",
      ...args
    ],
    { cwd: folder, stdio: ["ignore", "pipe", "inherit", "pipe"] }
  )
  let text = ""
  let usage = ""
  child.stdout!.setEncoding("utf8").on("data", (more: string) => (text += more))
  child.stdio[3]!.on("data", (more: Buffer) => (usage += more.toString()))
  const [code] = (await once(child, "close")) as [number]
  if (code !== 0) throw new Error(`The simulator ended with exit code ${code}.`)
  const events = args.includes("--sample")
    ? text.trim().split("\n").length
    : Object.values((JSON.parse(text) as { events: Record<string, number> }).events).reduce(
        (a, b) => a + b,
        0
      )
  return row({ listeners, output }, { events, wall_s: seconds(began), ...JSON.parse(usage) })
}

/** Several at once, which share nothing, as one: until the last has ended. */
const together = async (listeners: number, { args, name, processes = 1 }: Kind): Promise<Row> => {
  if (processes === 1) return musify(listeners, name, args)
  const began = process.hrtime.bigint()
  const rows = await Promise.all(
    Array.from({ length: processes }, () => musify(Math.ceil(listeners / processes), name, args))
  )
  const sum = (field: "events" | "cpu_s" | "peak_rss_mib") => rows.reduce((all, row) => all + row[field], 0)
  return row(
    { listeners, output: name },
    { events: sum("events"), wall_s: seconds(began), cpu_s: sum("cpu_s"), peak_rss_mib: sum("peak_rss_mib") }
  )
}

const countLines = async (file: string): Promise<number> => {
  let lines = 0
  for await (const chunk of createReadStream(file) as AsyncIterable<Buffer>) {
    for (let at = chunk.indexOf(10); at !== -1; at = chunk.indexOf(10, at + 1)) lines++
  }
  return lines
}

/** Runs a built Eventsim into files. */
const eventsim = async (
  command: string,
  listeners: number,
  { from, to }: ReturnType<typeof span>
): Promise<Row> => {
  const out = mkdtempSync(join(folder, "eventsim-"))
  const users = ["--nusers", String(listeners), "--randomseed", "1"]
  const args = ["-c", config, ...users, "--start-time", from, "--end-time", to, out]
  // The command is one of the shell's: it may have arguments of its own.
  const { cpu_s, peak_rss_mib, wall_s } = await runCommand(
    command,
    ["sh", "-c", `${command} "$@"`, "sh", ...args],
    {}
  )
  let events = 0
  for (const name of readdirSync(out, { recursive: true }) as ReadonlyArray<string>) {
    if (/(listen|page_view|auth|status_change)_events$/.test(name))
      events += await countLines(join(out, name))
  }
  rmSync(out, { recursive: true })
  return row({ listeners, output: "Eventsim, files" }, { events, wall_s, cpu_s, peak_rss_mib })
}

const rows: Array<Row> = []
const note = (made: Row) => {
  rows.push(made)
  console.error(
    `${made.listeners} listeners, ${made.output}: ${made.events} events in ${made.cpu_s} CPU s, ${made.peak_rss_mib} MiB`
  )
}
try {
  execFileSync(process.execPath, ["tools/build.mjs", "apps/simulator"], { cwd: root, stdio: "inherit" })
  for (const listeners of counts) {
    // The start costs a second, and the making of a million listeners more: long spans show what an event costs.
    const long = span(listeners, 50_000_000)
    const short = span(listeners, 16_000_000)
    for (const output of outputs) {
      const kind = kinds[output]
      const { from, to } = kind.long ? long : short
      note(await together(listeners, { ...kind, args: ["--start", from, "--end", to, ...kind.args] }))
      rmSync(join(folder, "out"), { recursive: true, force: true })
    }
    const command = process.env.EVENTSIM_CMD
    if (command !== undefined) note(await eventsim(command, listeners, short))
  }
  if (values.json) console.log(JSON.stringify(rows))
  else {
    console.log(`${os.cpus().length} cores, Node ${process.versions.node}`)
    console.table(rows)
  }
} finally {
  rmSync(folder, { recursive: true, force: true })
}
