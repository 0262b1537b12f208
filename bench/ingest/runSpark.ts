import { execFileSync } from "node:child_process"
import { join } from "node:path"
import process from "node:process"
import { firstFile, sizeOfFolder } from "./parquetFolder.ts"
import { runCommand } from "./runCommand.ts"

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
  const run = runCommand("Spark", [join(home, "bin/spark-submit"), ...args], { SPARK_HOME: home })
  const first = firstFile(join(out, "lake"), run)
  const { cpu_s, peak_rss_mib, wall_s } = await run
  const { bytes, files } = sizeOfFolder(join(out, "lake"))
  return {
    version,
    wall_s,
    cpu_s,
    peak_rss_mib,
    first_file_s: await first,
    lake_bytes: bytes,
    files
  }
}
