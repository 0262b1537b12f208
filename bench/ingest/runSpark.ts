import { execFileSync, spawn } from "node:child_process"
import { once } from "node:events"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import process from "node:process"
import { clearInterval, setInterval } from "node:timers"
import { firstFile, sizeOfFolder } from "./parquetFolder.ts"
import { secondsSince } from "./runMeasured.ts"

export interface SparkRun {
  readonly version: string
  readonly wall_s: number
  readonly cpu_s: number
  readonly peak_rss_mib: number
  readonly first_file_s: number | undefined
  readonly lake_bytes: number
  readonly files: number
}

const outputOf = (command: string, args: ReadonlyArray<string>): string | undefined => {
  try {
    return execFileSync(command, args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] })
  } catch {
    return undefined
  }
}

/** Where the reader's own Spark is: SPARK_HOME, or the pyspark of the python3 that is found first. */
const findSpark = (): { readonly home: string; readonly version: string } | undefined => {
  const home =
    process.env.SPARK_HOME ||
    outputOf("python3", ["-c", "import os, pyspark; print(os.path.dirname(pyspark.__file__))"])?.trim()
  if (home === undefined || home === "") return undefined
  const jars = outputOf("ls", [join(home, "jars")]) ?? ""
  const version = /^spark-core_[\d.]+-([\d.]+)\.jar$/m.exec(jars)?.[1]
  return version === undefined ? undefined : { home, version }
}

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

/** Runs spark.py from start to exit, into a new folder; undefined where there is no Spark. */
export const runSpark = async (
  broker: string,
  prefix: string,
  out: string
): Promise<SparkRun | undefined> => {
  const spark = findSpark()
  if (spark === undefined) return undefined
  const { home, version } = spark
  const scala = version.startsWith("3.") ? "2.12" : "2.13"
  const args = [
    ...["--packages", `org.apache.spark:spark-sql-kafka-0-10_${scala}:${version}`],
    ...[join(process.cwd(), "bench/ingest/spark.py"), broker, prefix, out]
  ]
  const began = process.hrtime.bigint()
  const child = spawn(
    "sh",
    ["-c", '"$@" >&2; code=$?; times >&3; exit $code', "sh", join(home, "bin/spark-submit"), ...args],
    { env: { ...process.env, SPARK_HOME: home }, stdio: ["ignore", "inherit", "pipe", "pipe"] }
  )
  let times = ""
  let said = ""
  let peak = 0
  child.stderr!.setEncoding("utf8").on("data", (text: string) => (said = (said + text).slice(-4000)))
  child.stdio[3]!.on("data", (data: Buffer) => (times += data.toString()))
  const watch = setInterval(() => (peak = Math.max(peak, residentMib(child.pid!))), 100)
  const closed = once(child, "close")
  const first = firstFile(join(out, "lake"), closed)
  const [code] = (await closed) as [number | null]
  const wall_s = secondsSince(began)
  clearInterval(watch)
  if (code !== 0) throw new Error(`Spark ended with ${code}:\n${said}`)
  const { bytes, files } = sizeOfFolder(join(out, "lake"))
  return {
    version,
    wall_s,
    cpu_s: childSeconds(times),
    peak_rss_mib: peak,
    first_file_s: await first,
    lake_bytes: bytes,
    files
  }
}
