import { spawn } from "node:child_process"
import { once } from "node:events"
import { readFileSync } from "node:fs"
import process from "node:process"
import { clearInterval, setInterval } from "node:timers"
import { secondsSince, type Used } from "./runMeasured.ts"

/** Resident MiB of a process and those that it started, where /proc tells. */
const residentMib = (pid: number): number => {
  try {
    const own = Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) / 1024
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ")
    return children
      .filter((child) => child !== "")
      .reduce((sum, child) => sum + residentMib(Number(child)), own)
  } catch {
    return 0
  }
}

/** The second line of the shell's `times`: user and system time of what it started. */
const childSeconds = (times: string): number =>
  [...times.split("\n")[1].matchAll(/(\d+)m([\d.]+)s/g)].reduce(
    (sum, [, minutes, rest]) => sum + Number(minutes) * 60 + Number(rest),
    0
  )

/** Runs a program that is not ours to its end and measures it whole. Fails, with its last words, when it does. */
export const runCommand = async (
  name: string,
  command: ReadonlyArray<string>,
  env: Readonly<Record<string, string>>
): Promise<Used> => {
  const began = process.hrtime.bigint()
  const child = spawn("sh", ["-c", '"$@" 2>&1; code=$?; times >&3; exit $code', "sh", ...command], {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "inherit", "pipe"]
  })
  let times = ""
  let stdout = ""
  let peak = 0
  child.stdout!.setEncoding("utf8").on("data", (text: string) => (stdout = (stdout + text).slice(-4000)))
  child.stdio[3]!.on("data", (data: Buffer) => (times += data.toString()))
  const watch = setInterval(() => (peak = Math.max(peak, residentMib(child.pid!))), 100)
  const [code] = (await once(child, "close")) as [number | null]
  clearInterval(watch)
  if (code !== 0) throw new Error(`${name} ended with ${code}:\n${stdout}`)
  return { wall_s: secondsSince(began), cpu_s: childSeconds(times), peak_rss_mib: peak, stdout }
}
