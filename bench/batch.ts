/*
 * npm run bench:batch [-- --json] [-- --hours 24,720] [-- --plays 40000] [-- --rebuild] [-- --rows FILE]
 * [-- --profile DIR] [-- --whole-days 30]: what one more hour costs the bundled batcher on DuckDB behind histories of so
 * many hours, audits and publishing included. Each history gets five hours in a row, each a process of its own from start
 * to exit, the histories in turn; the medians are told. Up to 36 hours of history are simulated and built; longer ones are
 * made of a day's copies by SQL, all rows of the last `--whole-days` of them. Beside it, where a dbt-duckdb is found, what
 * a dbt project does each hour: everything anew from a lake of that history; with --rebuild also our own build of
 * everything from the same lake.
 */
import { hourOf } from "@musify/domain/Hour.ts"
import { execFileSync } from "node:child_process"
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs"
import os from "node:os"
import { join } from "node:path"
import process from "node:process"
import { parseArgs } from "node:util"
import { BenchLake } from "./batch/BenchLake.ts"
import { growHistory } from "./batch/growHistory.ts"
import { growLake } from "./batch/growLake.ts"
import { simulateHours } from "./batch/hourFiles.ts"
import { findDbt, runDbt } from "./batch/runDbt.ts"
import { runMeasured, type Used } from "./ingest/runMeasured.ts"

interface Row {
  readonly history_hours: number
  readonly plays_per_hour: number
  readonly wall_s: number
  /** Whole process. */
  readonly cpu_s: number
  /** Without what a run costs that finds nothing to do. */
  readonly steady_cpu_s: number
  readonly peak_rss_mib: number
  /** Of a sixth hour, which DuckDB's profiler watches: rows that scans looked at, rows put into and out of tables and files. */
  readonly rows_read: number
  readonly rows_written: number
  /** Everything anew from the lake by the bundled batcher; null unless asked for. */
  readonly rebuild_wall_s: number | null
  readonly rebuild_cpu_s: number | null
  readonly rebuild_peak_rss_mib: number | null
  /** Plays and their dimensions anew by dbt; null where there is no dbt-duckdb. */
  readonly dbt_wall_s: number | null
  readonly dbt_cpu_s: number | null
  readonly dbt_peak_rss_mib: number | null
}

const { values } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    hours: { type: "string", default: "1,24,240,720" },
    plays: { type: "string", default: "40000" },
    rebuild: { type: "boolean", default: false },
    "whole-days": { type: "string", default: "30" },
    rows: { type: "string" },
    profile: { type: "string" }
  }
})
const histories = values.hours.split(",").map(Number)
const playsPerHour = Number(values.plays)
if (
  !histories.every((hours) => Number.isInteger(hours) && hours > 0 && hours <= 87_600) ||
  !Number.isInteger(playsPerHour) ||
  playsPerHour < 100
) {
  console.error(
    "Usage: npm run bench:batch -- [--hours 1,24,240,720] [--plays 40000] [--rebuild] [--whole-days 30] [--rows FILE] [--profile DIR] [--json]"
  )
  process.exit(2)
}

// npm runs scripts in the root; this program itself may run from a bundle elsewhere.
const root = process.cwd()
const folder = mkdtempSync(join(os.tmpdir(), "musify-bench-"))
const [simulator, batcher] = ["simulator", "batcher"].map((app) => join(root, `apps/${app}/dist/main.mjs`))
const hourFolder = join(folder, "hours")

/** The first new hour, in the middle of a day; a whole day and a half before it are simulated. */
const newHour = hourOf(Date.UTC(2026, 2, 4, 12))
const simulatedHours = 36
const measuredHours = 5
const filesOfHour = 30
/** The longest history whose lake is made: a year's would take 34 GB. */
const longestWhole = 720

const rounded = (number: number, digits = 2) => Number(number.toFixed(digits))

const median = (numbers: ReadonlyArray<number>): number =>
  numbers.toSorted((a, b) => a - b)[numbers.length >> 1]

const batch = (data: string, nodeArgs: ReadonlyArray<string> = []): Promise<Used> =>
  runMeasured("The batcher", [batcher, "run", "--json", "--data", data], nodeArgs)

const hoursOf = ({ stdout }: Used) => (JSON.parse(stdout) as { readonly hours: number }).hours

/** A data folder whose lake has the last simulated hours, at most `simulatedHours`; where it goes on. */
const makeFolder = async (name: string, hours: number): Promise<{ data: string; lake: BenchLake }> => {
  const data = join(folder, name)
  // Makes the folder and the catalog of songs in it.
  await runMeasured("The simulator", [
    ...[simulator, "--json", "--output", "log", "--once", "--data", data, "--users", "1", "--seed", "1"],
    ...["--start", "2026-03-01", "--end", "2026-03-01T00:01"]
  ])
  rmSync(join(data, "log"), { recursive: true, force: true })
  const lake = await BenchLake.open(join(data, "bucket"))
  for (let hour = newHour - hours; hour < newHour; hour++) await lake.put(hourFolder, hour, 1)
  return { data, lake }
}

const buildAll = async (data: string, hours: number): Promise<Used> => {
  const used = await batch(data)
  if (hoursOf(used) !== hours) throw new Error(`${hoursOf(used)} hours were built, not ${hours}.`)
  return used
}

/** The same, built. */
const buildFolder = async (name: string, hours: number): Promise<{ data: string; lake: BenchLake }> => {
  const made = await makeFolder(name, hours)
  await buildAll(made.data, hours)
  return made
}

interface Counted {
  readonly read: number
  readonly written: number
}

const countRows = async ({ data, history }: Made): Promise<Counted> => {
  const file = `${values.rows ?? join(folder, "rows")}.${history}`
  rmSync(file, { force: true })
  process.env.ROWS = file
  await batch(data, ["--import", join(root, "bench/batch/countRows.mjs")])
  const lines = readFileSync(file, "utf8").trim().split("\n")
  rmSync(`${file}.json`, { force: true })
  return lines
    .map((line) => JSON.parse(line) as Counted)
    .reduce((sum, { read, written }) => ({ read: sum.read + read, written: sum.written + written }))
}

/** A data folder that is built, and what was measured of it. */
interface Made {
  readonly history: number
  readonly data: string
  readonly lake: BenchLake
  readonly idle: Array<Used>
  readonly runs: Array<Used>
  readonly plays: Array<number>
}

/** Adds hours to the data folders, one run each: the folders in turn, since the machine's speed changes meanwhile. */
const measureHours = async (all: ReadonlyArray<Made>): Promise<void> => {
  for (let i = 0; i < 3; i++) for (const { data, idle } of all) idle.push(await batch(data))
  for (let i = 0; i < measuredHours; i++)
    for (const { data, lake, plays, runs } of all) {
      plays.push(await lake.put(hourFolder, newHour + i, filesOfHour))
      const used = await batch(data)
      if (hoursOf(used) !== 1) throw new Error(`${hoursOf(used)} hours were built, not 1.`)
      runs.push(used)
    }
}

/** What the hours have cost, and what one more reads and writes. */
const rowOf = async (made: Made) => {
  const { data, history, idle, lake, plays, runs } = made
  await lake.put(hourFolder, newHour + measuredHours, filesOfHour)
  const { read, written } = await countRows(made)
  if (values.profile !== undefined) {
    await lake.put(hourFolder, newHour + measuredHours + 1, filesOfHour)
    await batch(data, ["--cpu-prof", "--cpu-prof-dir", values.profile])
  }
  const cpu_s = median(runs.map((run) => run.cpu_s))
  return {
    history_hours: history,
    plays_per_hour: Math.round(plays.reduce((a, b) => a + b) / plays.length),
    wall_s: rounded(median(runs.map((run) => run.wall_s))),
    cpu_s: rounded(cpu_s),
    steady_cpu_s: rounded(cpu_s - median(idle.map((run) => run.cpu_s))),
    peak_rss_mib: Math.round(Math.max(...runs.map((run) => run.peak_rss_mib))),
    rows_read: read,
    rows_written: written
  }
}

const dbt = findDbt()

/** Makes everything anew from a lake of that history: by dbt where it is, and by the batcher if asked for. */
const measureWhole = async (history: number) => {
  if (history > longestWhole || (dbt === undefined && !values.rebuild)) return { dbt: null, rebuild: null }
  const real = Math.min(history, 24)
  const { data } = await makeFolder("whole", real)
  await growLake(join(data, "bucket"), newHour - real, newHour - history)
  const byDbt =
    dbt === undefined ? null : await runDbt(dbt.command, join(data, "bucket/lake"), join(folder, "dbt"))
  const byUs = values.rebuild ? await buildAll(data, history) : null
  for (const one of [data, join(folder, "dbt")]) rmSync(one, { recursive: true, force: true })
  return { dbt: byDbt, rebuild: byUs }
}

const rows: Array<Row> = []
try {
  for (const app of ["apps/simulator", "apps/batcher"])
    execFileSync(process.execPath, ["tools/build.mjs", app], { cwd: root, stdio: ["ignore", 2, 2] })
  mkdirSync(hourFolder)
  await simulateHours({
    simulator,
    folder: hourFolder,
    playsPerHour,
    from: newHour - simulatedHours,
    to: newHour + measuredHours + 1
  })
  let long: { readonly data: string; readonly lake: BenchLake } | undefined
  const all: Array<Made> = []
  for (const history of histories) {
    const name = `history-${history}`
    let made: { readonly data: string; readonly lake: BenchLake }
    // All histories have the same listeners: a short one, too, knows those of all simulated hours.
    if (history >= 24) long ??= await buildFolder("simulated", simulatedHours)
    if (long === undefined || history <= simulatedHours) made = await buildFolder(name, history)
    else {
      const data = join(folder, name)
      cpSync(long.data, data, { recursive: true })
      made = { data, lake: await long.lake.goOnIn(join(data, "bucket")) }
    }
    if (history >= 24)
      await growHistory({
        warehouse: join(made.data, "warehouse.duckdb"),
        published: join(made.data, "bucket/published"),
        day: newHour - Math.min(history, simulatedHours),
        from: newHour - history,
        wholeDays: Number(values["whole-days"]),
        longer:
          history < simulatedHours && long !== undefined ? join(long.data, "warehouse.duckdb") : undefined
      })
    const size = statSync(join(made.data, "warehouse.duckdb")).size
    console.error(`${history} hours: ${Math.round(size / 2 ** 20)} MiB`)
    all.push({ ...made, history, idle: [], runs: [], plays: [] })
  }
  await measureHours(all)
  for (const made of all) {
    const hour = await rowOf(made)
    console.error(
      `${made.history} hours: one more in ${hour.wall_s} s, ${hour.steady_cpu_s} CPU s of ${hour.cpu_s}, ${hour.peak_rss_mib} MiB`
    )
    rmSync(made.data, { recursive: true })
    const whole = await measureWhole(made.history)
    for (const [name, used] of Object.entries(whole))
      if (used !== null)
        console.error(
          `${made.history} hours anew by ${name}: ${rounded(used.wall_s)} s, ${rounded(used.cpu_s)} CPU s, ${Math.round(used.peak_rss_mib)} MiB`
        )
    rows.push({
      ...hour,
      rebuild_wall_s: whole.rebuild && rounded(whole.rebuild.wall_s),
      rebuild_cpu_s: whole.rebuild && rounded(whole.rebuild.cpu_s),
      rebuild_peak_rss_mib: whole.rebuild && Math.round(whole.rebuild.peak_rss_mib),
      dbt_wall_s: whole.dbt && rounded(whole.dbt.wall_s),
      dbt_cpu_s: whole.dbt && rounded(whole.dbt.cpu_s),
      dbt_peak_rss_mib: whole.dbt && Math.round(whole.dbt.peak_rss_mib)
    })
  }
  if (values.json) console.log(JSON.stringify(rows))
  else {
    console.log(`${os.cpus().length} cores, Node ${process.versions.node}, DuckDB, audits on`)
    console.log(
      dbt === undefined
        ? "dbt-duckdb is not there: set DBT_CMD, or pip install dbt-duckdb."
        : `dbt-duckdb ${dbt.version} beside it`
    )
    console.table(rows)
  }
} finally {
  rmSync(folder, { recursive: true, force: true })
}
