import { spawn } from "node:child_process"
import { once } from "node:events"
import { join } from "node:path"
import process from "node:process"

/** What a process used, from its start to its exit. */
export interface Used {
  readonly wall_s: number
  /** User and system time of all its threads. */
  readonly cpu_s: number
  readonly peak_rss_mib: number
  readonly stdout: string
}

/** Seconds since a moment of process.hrtime.bigint. */
export const secondsSince = (from: bigint): number => Number(process.hrtime.bigint() - from) / 1e9

/**
 * Runs a Node program to its end and measures it whole. Fails when it does not end with exit code 0. `nodeArgs` come
 * before the program.
 */
export const runMeasured = async (
  name: string,
  args: ReadonlyArray<string>,
  nodeArgs: ReadonlyArray<string> = []
): Promise<Used> => {
  const began = process.hrtime.bigint()
  const child = spawn(
    process.execPath,
    ["--import", join(process.cwd(), "bench/usage.mjs"), ...nodeArgs, ...args],
    // Descriptor 3 is where usage.mjs writes.
    { stdio: ["ignore", "pipe", "inherit", "pipe"] }
  )
  let stdout = ""
  let usage = ""
  child.stdout!.setEncoding("utf8").on("data", (text: string) => (stdout += text))
  child.stdio[3]!.on("data", (data: Buffer) => (usage += data.toString()))
  const [code, signal] = (await once(child, "close")) as [number | null, NodeJS.Signals | null]
  if (code !== 0) throw new Error(`${name} ended with ${signal ?? code}.`)
  const used = JSON.parse(usage) as { readonly cpu_s: number; readonly peak_rss_mib: number }
  return { wall_s: secondsSince(began), ...used, stdout }
}
