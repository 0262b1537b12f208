import { spawn } from "node:child_process"
import { once } from "node:events"
import fs from "node:fs"
import path from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { findPorts } from "../../../../../tools/services/findPorts.ts"

const folder = path.resolve(import.meta.dirname, "../../../../../tools/bigquery")

/** A running stand-in for BigQuery. */
export interface BigQueryStandIn {
  /** Its address, as the client library wants it. */
  readonly endpoint: string
  readonly project: string
  readonly stop: () => Promise<void>
}

/**
 * Starts bqemulator (`node tools/bigquery/install.mjs`) on a free port of 127.0.0.1, with the data in memory; `gs://`
 * is the folder `buckets`. What it prints is in `buckets/../bigquery.log`.
 */
export const startBigQueryStandIn = async (buckets: string): Promise<BigQueryStandIn> => {
  const python = path.join(folder, ".venv", "bin", "python")
  if (!fs.existsSync(path.join(folder, ".venv", "installed.txt")))
    throw new Error("The stand-in for BigQuery is not installed: run node tools/bigquery/install.mjs")
  const [rest, grpc] = await findPorts(2)
  const project = "test-project"
  fs.mkdirSync(buckets, { recursive: true })
  const logFile = path.join(buckets, "..", "bigquery.log")
  const log = fs.openSync(logFile, "a")
  const child = spawn(
    python,
    [
      path.join(folder, "standIn.py"),
      ...["start", "--rest-host", "127.0.0.1", "--rest-port", String(rest)],
      ...["--grpc-host", "127.0.0.1", "--grpc-port", String(grpc)],
      ...["--ephemeral", "--project", project, "--log-level", "warning", "--log-format", "console"]
    ],
    {
      stdio: ["ignore", log, log],
      env: {
        PATH: process.env["PATH"],
        HOME: path.join(folder, ".venv", "home"),
        BQEMU_ENABLE_FORMAT_EXTENSIONS: "false",
        BQEMU_GCS_LOCAL_ROOT: buckets
      }
    }
  )
  fs.closeSync(log)
  const exited = once(child, "exit")
  const endpoint = `http://127.0.0.1:${rest}`
  const stop = async () => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill("SIGKILL")
      await exited
    }
  }
  for (let turn = 0; ; turn++) {
    const isUp = await fetch(`${endpoint}/bigquery/v2/projects/${project}/datasets`).then(
      (answer) => answer.ok,
      () => false
    )
    if (isUp) return { endpoint, project, stop }
    if (turn === 720 || child.exitCode !== null) {
      await stop()
      throw new Error(`The stand-in for BigQuery did not start; it says: ${fs.readFileSync(logFile, "utf8")}`)
    }
    await sleep(250)
  }
}
