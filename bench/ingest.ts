/*
 * npm run bench:ingest [-- --json] [-- --rows 2000000] [-- --partitions 4] [-- --rounds 3] [-- --profile DIR]:
 * Kafka → validated Parquet → Cloud Storage, on a real broker and a storage server that it starts. The bundled simulator
 * writes the events (beside it plain kafkajs, the same bytes), the bundled ingestor brings them in: one process, then
 * two, each measured whole from start to exit. Two processes slow each other down on cores that share a cache, or are
 * halves of one, whatever they do: so one is measured beside a program that does nothing as well. The three are run in
 * turn, several times: a machine's speed changes between one and the next. Beside it Spark, where SPARK_HOME or pyspark
 * is there.
 */
import { makeBucket } from "@musify/lake/gcs/testing/makeBucket.ts"
import { execFileSync, spawn } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import os from "node:os"
import { join } from "node:path"
import process from "node:process"
import { parseArgs } from "node:util"
import { startBroker, startStorageServer } from "../tools/services/Services.ts"
import { countRows, firstFile, sizeOfFolder } from "./ingest/parquetFolder.ts"
import { runMeasured, type Used } from "./ingest/runMeasured.ts"
import { runSpark, type SparkRun } from "./ingest/runSpark.ts"

interface Row {
  readonly rows: number
  readonly wall_s: number
  readonly cpu_s: number
  readonly rows_per_s: number
  readonly rows_per_cpu_s: number
  readonly peak_rss_mib: number
}

/** What is reported of an ingestion. */
interface IngestRow extends Row {
  readonly first_file_s: number | null
  readonly lake_bytes: number
  readonly files: number
}

const usage =
  "Usage: npm run bench:ingest -- [--rows 2000000] [--partitions 4] [--rounds 3] [--profile DIR] [--json]"
const { values } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    rows: { type: "string", default: "2000000" },
    partitions: { type: "string", default: "4" },
    rounds: { type: "string", default: "3" },
    profile: { type: "string" }
  }
})
const [rows, partitions, rounds] = [values.rows, values.partitions, values.rounds].map(Number)
if (![rows, partitions, rounds].every((number) => Number.isInteger(number) && number > 0)) {
  console.error(usage)
  process.exit(2)
}

// npm runs scripts in the root; this program itself may run from a bundle elsewhere.
const root = process.cwd()
const folder = mkdtempSync(join(os.tmpdir(), "musify-bench-"))
const topicPrefix = "bench."
/** As many as kafkajs can hold in memory. */
const comparedRows = Math.min(rows, 400_000)
/** The events are those of one day: a backlog as an ingestor meets it after an outage. */
const day = ["--start", "2025-01-06", "--end", "2025-01-07", "--seed", "1", "--once", "--json"]
const simulator = join(root, "apps/simulator/dist/main.mjs")

const rounded = (number: number, digits = 2) => Number(number.toFixed(digits))

const rowOf = (count: number, used: { wall_s: number; cpu_s: number; peak_rss_mib: number }): Row => ({
  rows: count,
  wall_s: rounded(used.wall_s),
  cpu_s: rounded(used.cpu_s),
  rows_per_s: Math.round(count / used.wall_s),
  rows_per_cpu_s: Math.round(count / used.cpu_s),
  peak_rss_mib: Math.round(used.peak_rss_mib)
})

const sum = (counts: Readonly<Record<string, number>>) => Object.values(counts).reduce((a, b) => a + b, 0)

const eventsOf = ({ stdout }: Used) =>
  sum((JSON.parse(stdout) as { readonly events: Readonly<Record<string, number>> }).events)

/** How many listeners make about `rows` events in the day: as many per listener as a few make. */
const listenersFor = async (): Promise<number> => {
  const few = 5000
  const args = [simulator, ...day, "--output", "null", "--users", String(few)]
  return Math.max(1, Math.round((few * rows) / eventsOf(await runMeasured("The simulator", args))))
}

/** Lets the bundled simulator write about `rows` events to Kafka. */
const produce = async (broker: string): Promise<Row> => {
  const used = await runMeasured("The simulator", [
    ...[simulator, ...day, "--data", join(folder, "simulator"), "--users", String(await listenersFor())],
    ...["--output", "kafka", "--kafka-brokers", broker, "--kafka-topic-prefix", topicPrefix],
    ...["--partitions", String(partitions)]
  ])
  return rowOf(eventsOf(used), used)
}

const kafkajsAlone = async (broker: string): Promise<Row> => {
  const program = join(root, "bench/ingest/kafkajsProducer.mjs")
  const { peak_rss_mib, stdout } = await runMeasured("kafkajs", [
    ...[program, broker, topicPrefix, "kafkajs.", String(comparedRows)]
  ])
  const sent = JSON.parse(stdout) as { rows: number; wall_s: number; cpu_s: number }
  return rowOf(sent.rows, { ...sent, peak_rss_mib })
}

/** Lets so many ingestors bring everything into a new bucket, from start to exit. */
const ingest = async (
  broker: string,
  endpoint: string,
  buckets: string,
  bucket: string,
  processes: number,
  expected: number
): Promise<IngestRow> => {
  await makeBucket(endpoint, bucket)
  const profile =
    values.profile === undefined || processes > 1 ? [] : ["--cpu-prof", "--cpu-prof-dir", values.profile]
  const runs = Promise.all(
    Array.from({ length: processes }, (_, n) =>
      runMeasured(
        "The ingestor",
        [
          ...[join(root, "apps/ingestor/dist/main.mjs"), "--once", "--json"],
          ...["--data", join(folder, `${bucket}-${n}`), "--group", bucket],
          ...["--kafka-brokers", broker, "--kafka-topic-prefix", topicPrefix],
          ...["--bucket", `gs://${bucket}`, "--gcs-endpoint", endpoint]
        ],
        profile
      )
    )
  )
  const lake = join(buckets, bucket, "lake")
  const first = firstFile(lake, runs)
  const used = await runs
  const count = await countRows(join(buckets, bucket))
  if (count !== expected) throw new Error(`The bucket has ${count} records, not ${expected}.`)
  const { bytes, files } = sizeOfFolder(lake)
  const first_file_s = await first
  return {
    ...rowOf(expected, {
      wall_s: Math.max(...used.map(({ wall_s }) => wall_s)),
      cpu_s: used.reduce((total, { cpu_s }) => total + cpu_s, 0),
      peak_rss_mib: Math.max(...used.map(({ peak_rss_mib }) => peak_rss_mib))
    }),
    first_file_s: first_file_s === undefined ? null : rounded(first_file_s),
    lake_bytes: bytes,
    files
  }
}

/** Lets another program, which does nothing, keep a core busy meanwhile. */
const besideBusyCore = async <A>(run: () => Promise<A>): Promise<A> => {
  const busy = spawn(process.execPath, ["-e", "for (;;);"], { stdio: "ignore" })
  try {
    return await run()
  } finally {
    busy.kill("SIGKILL")
  }
}

/** What is run in turn. */
interface Round {
  readonly one: IngestRow
  readonly two: IngestRow
  readonly busy: IngestRow
}

/** The one of which as many are less as are greater. */
const middle = <A>(all: ReadonlyArray<A>, by: (one: A) => number = Number): A =>
  all.toSorted((a, b) => by(a) - by(b))[Math.floor((all.length - 1) / 2)]

const ratios = (inTurn: ReadonlyArray<Round>, of: (round: Round) => number): ReadonlyArray<number> =>
  inTurn.map((round) => rounded(of(round)))

const sparkRow = (count: number, run: SparkRun): IngestRow => ({
  ...rowOf(count, run),
  first_file_s: run.first_file_s === undefined ? null : rounded(run.first_file_s),
  lake_bytes: run.lake_bytes,
  files: run.files
})

for (const app of ["apps/simulator", "apps/ingestor"])
  execFileSync(process.execPath, ["tools/build.mjs", app], { cwd: root, stdio: ["ignore", 2, 2] })
const broker = await startBroker({ folder: join(folder, "kafka"), longRun: true })
const storage = await startStorageServer({ folder: join(folder, "storage") })
const buckets = join(folder, "storage/buckets")
const note = (what: string, row: Row) =>
  console.error(`${what}: ${row.rows} rows in ${row.wall_s} s, ${row.cpu_s} CPU s, ${row.peak_rss_mib} MiB`)
try {
  const produced = await produce(broker.address)
  note("simulator to Kafka", produced)
  const kafkajs = await kafkajsAlone(broker.address)
  note("kafkajs alone to Kafka", kafkajs)
  const bringIn = async (what: string, bucket: string, processes: number) => {
    const row = await ingest(broker.address, storage.address, buckets, bucket, processes, produced.rows)
    note(what, row)
    return row
  }
  const inTurn: Array<Round> = []
  for (let round = 1; round <= rounds; round++)
    inTurn.push({
      one: await bringIn("one ingestor", `one-${round}`, 1),
      two: await bringIn("two ingestors", `two-${round}`, 2),
      busy: await besideBusyCore(() => bringIn("one ingestor, a core busy", `busy-${round}`, 1))
    })
  const rowBy = (of: (round: Round) => IngestRow) => middle(inTurn.map(of), ({ cpu_s }) => cpu_s)
  const one = rowBy((round) => round.one)
  const two = rowBy((round) => round.two)
  const busy = rowBy((round) => round.busy)
  const peer = await runSpark(broker.address, topicPrefix, join(folder, "spark"))
  const spark = peer === undefined ? undefined : sparkRow(produced.rows, peer)
  if (spark !== undefined) note(`Spark ${peer?.version}`, spark)
  const cpuOfTwo = ratios(inTurn, ({ one, two }) => two.cpu_s / one.cpu_s)
  const cpuOfTwoBusy = ratios(inTurn, ({ busy, two }) => two.cpu_s / busy.cpu_s)
  const firstFiles = inTurn.flatMap(({ busy, one, two }) => [one, two, busy].map((row) => row.first_file_s))
  const produceRatio = rounded(produced.rows_per_s / kafkajs.rows_per_s)
  if (values.json) {
    console.log(
      JSON.stringify({
        ...one,
        first_files_s: firstFiles,
        two_processes: {
          ...two,
          cpu_per_row_against_one: middle(cpuOfTwo),
          cpu_per_row_against_one_by_round: cpuOfTwo,
          cpu_per_row_against_one_with_busy_core: middle(cpuOfTwoBusy)
        },
        busy_core: busy,
        produce: { ...produced, against_kafkajs: produceRatio },
        kafkajs_produce: kafkajs,
        spark: peer === undefined ? null : { version: peer.version, ...spark }
      })
    )
  } else {
    console.log(
      `${os.cpus().length} cores, Node ${process.versions.node}, 4 topics × ${partitions} partitions`
    )
    console.table({
      "one ingestor": one,
      "two ingestors": two,
      "one ingestor, a core busy": busy,
      ...(peer === undefined ? {} : { [`Spark ${peer.version}, local[2]`]: spark }),
      "simulator to Kafka": produced,
      "kafkajs alone to Kafka": kafkajs
    })
    console.log(
      `Two processes cost ${middle(cpuOfTwo)} × the CPU per row of one (${cpuOfTwo.join(", ")}), ` +
        `${middle(cpuOfTwoBusy)} × that of one beside a busy core.`
    )
    console.log(`The first file was there after ${firstFiles.join(", ")} s.`)
    console.log(`The simulator writes ${produceRatio} × the rows a second of kafkajs alone.`)
    if (peer === undefined) console.log("Spark is not there: set SPARK_HOME, or pip install pyspark.")
  }
} finally {
  await broker.kill()
  await storage.kill()
  rmSync(folder, { recursive: true, force: true })
}
