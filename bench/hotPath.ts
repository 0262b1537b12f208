/*
 * npm run bench:hot-path [-- --json] [-- --rows 400000] [-- --listeners 300000] [-- --partitions 4] [-- --rounds 5]
 * [-- --steps decode]: what
 * a row costs on its way from the bytes of a record to the bytes of a file, step by step and whole, in one process and on
 * bytes that lie in memory. CPU seconds are those of all threads (user and system), of the best round.
 */
import type { Decoder } from "@musify/domain/Decoder.ts"
import { defaultDecoderOptions, makeDecoder } from "@musify/domain/Decoder.ts"
import { makePlainDecoder } from "@musify/domain/PlainDecoder.ts"
import { bytesAt, type LogBatch } from "@musify/domain/RecordBatch.ts"
import type { Topic } from "@musify/domain/Topic.ts"
import { topics } from "@musify/domain/Topic.ts"
import { defaultIngestOptions } from "@musify/ingestor/IngestOptions.ts"
import { BatchBuilder, type FrozenBatch } from "@musify/lake/BatchBuilder.ts"
import { RowHasher } from "@musify/lake/rowHash.ts"
import { loadCast } from "@musify/simulator/cast/loadCast.ts"
import { generateCatalog } from "@musify/simulator/catalog/generateCatalog.ts"
import { compileCast } from "@musify/simulator/CompiledCast.ts"
import { defaultConfig } from "@musify/simulator/defaultConfig.ts"
import { EventsimConfig } from "@musify/simulator/EventsimConfig.ts"
import { Simulation } from "@musify/simulator/Simulation.ts"
import { Schema } from "effect"
import os from "node:os"
import process from "node:process"
import { parseArgs } from "node:util"

const { values } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    rows: { type: "string", default: "400000" },
    listeners: { type: "string", default: "300000" },
    partitions: { type: "string", default: "4" },
    rounds: { type: "string", default: "5" },
    steps: { type: "string" }
  }
})
const whole = (name: "rows" | "listeners" | "partitions" | "rounds"): number => {
  const number = Number(values[name])
  if (Number.isInteger(number) && number > 0) return number
  console.error(`--${name} is ${values[name]}: a whole number above 0 was expected.`)
  process.exit(2)
}
const [rows, listeners, partitions, rounds] = [
  whole("rows"),
  whole("listeners"),
  whole("partitions"),
  whole("rounds")
]

/** Events of one partition, as reads of the log. */
interface Series {
  readonly topic: Topic
  readonly partition: number
  readonly batches: Array<LogBatch>
}

/** Bytes of one read of the log. */
const readBytes = defaultIngestOptions.readBytes

/** The values and keys of one partition, gathered until a read is full. */
class Gathered {
  private data = new Uint8Array(readBytes * 2)
  private keys = new Uint8Array(64 * 1024)
  private ends: Array<number> = []
  private keyEnds: Array<number> = []
  private next = 0
  readonly series: Series

  constructor(topic: Topic, partition: number) {
    this.series = { topic, partition, batches: [] }
  }

  add(value: Uint8Array, key: Uint8Array): void {
    const at = this.ends.at(-1) ?? 0
    const keyAt = this.keyEnds.at(-1) ?? 0
    if (at + value.length > readBytes) {
      this.flush()
      return this.add(value, key)
    }
    this.data.set(value, at)
    this.keys.set(key, keyAt)
    this.ends.push(at + value.length)
    this.keyEnds.push(keyAt + key.length)
  }

  flush(): void {
    const count = this.ends.length
    if (count === 0) return
    this.series.batches.push({
      count,
      keys: { data: this.keys.slice(0, this.keyEnds[count - 1]), ends: Int32Array.from(this.keyEnds) },
      values: { data: this.data.slice(0, this.ends[count - 1]), ends: Int32Array.from(this.ends) },
      offsets: Float64Array.from({ length: count }, (_, i) => this.next + i),
      timestamps: new Float64Array(count).fill(start + 366 * 86_400_000)
    })
    this.next += count
    this.ends = []
    this.keyEnds = []
  }
}

const start = Date.UTC(2026, 0, 5)

/** Simulates `rows` events into memory. */
const simulate = (): ReadonlyArray<Series> => {
  const config = Schema.decodeUnknownSync(EventsimConfig)(defaultConfig)
  const simulation = new Simulation({
    config,
    cast: compileCast(loadCast(generateCatalog(1)), config),
    users: listeners,
    seed: 1,
    start,
    partitions: topics.map(() => partitions)
  })
  const gathered = topics.map((topic) =>
    Array.from({ length: partitions }, (_, partition) => new Gathered(topic, partition))
  )
  let made = 0
  while (made < rows) {
    simulation.advance(start + 366 * 86_400_000, 4096)
    for (const { partition, records, topic } of simulation.take()) {
      const into = gathered[topics.indexOf(topic)][partition]
      const count = Math.min(records.count, rows - made)
      for (let i = 0; i < count; i++) into.add(bytesAt(records.values, i)!, bytesAt(records.keys, i)!)
      made += count
    }
  }
  return gathered.flat().map((each) => {
    each.flush()
    return each.series
  })
}

const series = simulate()
const eachBatch = (act: (batch: LogBatch, series: Series) => void): void => {
  for (const each of series) for (const batch of each.batches) act(batch, each)
}
let bytes = 0
eachBatch(({ values }) => (bytes += values.data.length))

const { bytes: bytesLimit, maxFiles, rows: rowsLimit } = defaultIngestOptions
const limits = { rows: rowsLimit, bytes: bytesLimit, files: maxFiles }

/** All micro-batches, by the ingestor's own limits, each handed over when it is full. */
const build = (use: (frozen: FrozenBatch) => void): void => {
  for (const { batches, partition, topic } of series) {
    let seq = 0
    let builder = new BatchBuilder(topic, partition, 0, limits)
    for (const batch of batches)
      for (let at = 0; at < batch.count;) {
        at = builder.add(batch, at)
        if (at < batch.count) {
          use(builder.freeze(seq++, "bench"))
          builder = new BatchBuilder(topic, partition, builder.next, limits)
        }
      }
    if (!builder.isEmpty) use(builder.freeze(seq, "bench"))
  }
}

interface Row {
  readonly step: string
  readonly cpu_s: number
  readonly us_per_row: number
  readonly k_rows_per_cpu_s: number
}

const table: Array<Row> = []
const cpuSeconds = (): number => {
  const { system, user } = process.cpuUsage()
  return (system + user) / 1e6
}

let taken = 0

/** Decodes everything, with one decoder for a topic, as the ingestor does. */
const decodeAll = (make: (topic: Topic) => Decoder) => {
  const decoders = new Map(topics.map((topic) => [topic, make(topic)]))
  return () => {
    for (const { batches, topic } of series) {
      const decoder = decoders.get(topic)!
      for (const batch of batches) {
        decoder.decodeBatch(batch, 0, batch.count)
        taken += decoder.take().count
      }
    }
  }
}

let files = 0
let lakeBytes = 0
const steps: Readonly<Record<string, () => void>> = {
  "plain decode": decodeAll((topic) => makePlainDecoder(topic, defaultDecoderOptions)),
  "scanner decode": decodeAll((topic) => makeDecoder(topic)),
  "row hash": () => {
    for (const { batches } of series) {
      const hasher = new RowHasher()
      for (const batch of batches) hasher.add(batch, 0, batch.count)
      hasher.digest()
    }
  },
  "add and freeze": () => build(({ records }) => (taken += records)),
  "add, freeze and encode": () => {
    files = 0
    lakeBytes = 0
    build(({ files: made }) => {
      for (const file of made) {
        lakeBytes += file.encode().length
        files++
      }
    })
  }
}

const chosen = Object.entries(steps).filter(
  ([step]) => values.steps === undefined || step.includes(values.steps)
)
const best = new Map<string, number>()
// By turns, so that a busy neighbour meets all of them. The first round is for the compiler.
for (let round = 0; round <= rounds; round++) {
  for (const [step, act] of chosen) {
    globalThis.gc?.()
    const from = cpuSeconds()
    act()
    const used = cpuSeconds() - from
    if (round > 0) best.set(step, Math.min(best.get(step) ?? used, used))
  }
}
for (const [step, used] of best) {
  table.push({
    step,
    cpu_s: Number(used.toFixed(3)),
    us_per_row: Number(((used / rows) * 1e6).toFixed(3)),
    k_rows_per_cpu_s: Math.round(rows / used / 1000)
  })
}

/** Bytes that gathered rows hold until their files are encoded, by row. */
const held = (): number => {
  if (globalThis.gc === undefined) return Number.NaN
  globalThis.gc()
  const before = process.memoryUsage()
  const kept: Array<FrozenBatch> = []
  build((frozen) => kept.push(frozen))
  globalThis.gc()
  const after = process.memoryUsage()
  const sum = after.heapUsed + after.arrayBuffers - before.heapUsed - before.arrayBuffers
  return kept.length === 0 ? 0 : Math.round(sum / rows)
}
const summary = {
  rows,
  event_bytes: Math.round(bytes / rows),
  micro_batches: series.length,
  files,
  lake_bytes_per_row: Number((lakeBytes / rows).toFixed(1)),
  held_bytes_per_row: held(),
  taken
}
if (values.json) console.log(JSON.stringify({ ...summary, steps: table }))
else {
  console.log(`${os.cpus().length} cores, Node ${process.versions.node}`)
  console.log(summary)
  console.table(table)
}
