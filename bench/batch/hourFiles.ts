import { defaultConfig } from "@musify/simulator/defaultConfig.ts"
import { hourMs, hourOf, type Hour } from "@musify/domain/Hour.ts"
import { topics, type Topic } from "@musify/domain/Topic.ts"
import { createReadStream, createWriteStream, mkdirSync, rmSync, writeFileSync } from "node:fs"
import { once } from "node:events"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { runMeasured } from "../ingest/runMeasured.ts"

/** Plays of an hour for each listener, under `steadyConfig`. */
const playsPerListener = 0.134

/** The built-in config without daily rhythm and weekends: every hour is as busy as the others. */
const steadyConfig = { ...defaultConfig, damping: 0, "weekend-damping": 0 }

export const hourFile = (folder: string, hour: Hour, topic: Topic): string =>
  join(folder, String(hour), `${topic}.ndjson`)

/**
 * Simulates until the end of hour `to` at about so many plays an hour, and keeps the events of the hours from `from` on
 * as one NDJSON file for each hour and topic, in the order of time.
 */
export const simulateHours = async (options: {
  readonly simulator: string
  readonly folder: string
  readonly playsPerHour: number
  readonly from: Hour
  readonly to: Hour
}): Promise<void> => {
  const { folder, from, playsPerHour, simulator, to } = options
  const out = join(folder, "simulated")
  const config = join(folder, "config.json")
  writeFileSync(config, JSON.stringify(steadyConfig))
  const time = (hour: Hour) => new Date(hour * hourMs).toISOString().slice(0, 19)
  await runMeasured("The simulator", [
    ...[simulator, "--json", "--config", config, "--seed", "1", "--output", `ndjson:${out}`],
    ...["--users", String(Math.round(playsPerHour / playsPerListener))],
    // The first hours hold the listeners' first moves only: they are left out.
    ...["--start", time(from - 12), "--end", time(to + 1)]
  ])
  for (let hour = from; hour <= to; hour++) mkdirSync(join(folder, String(hour)), { recursive: true })
  for (const topic of topics) {
    const lines = createInterface({ input: createReadStream(join(out, `${topic}.ndjson`), "latin1") })
    let open: { readonly hour: Hour; readonly file: ReturnType<typeof createWriteStream> } | undefined
    for await (const line of lines) {
      const hour = hourOf(Number(/"ts":(\d+)/.exec(line)![1]))
      if (hour < from) continue
      if (open?.hour !== hour) {
        open?.file.end()
        open = { hour, file: createWriteStream(hourFile(folder, hour, topic), "latin1") }
      }
      if (!open.file.write(`${line}\n`)) await once(open.file, "drain")
    }
    if (open !== undefined) {
      open.file.end()
      await once(open.file, "close")
    }
  }
  rmSync(out, { recursive: true })
}
