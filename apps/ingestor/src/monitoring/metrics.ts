import type { FrozenBatch } from "@musify/lake/BatchBuilder.ts"
import type { TopicPartition } from "@musify/stream/EventLog.ts"
import { Effect, Metric, MetricBoundaries } from "effect"
import { partitionName } from "../IngestStatus.ts"

/*
 * What an ingestor measures, in Effect's metrics: read by the Prometheus page and the OTLP exporter. Updated per batch,
 * never per event. docs/operations.md says what each is good for.
 */

const counter = (name: string, description: string) =>
  Metric.counter(name, { description, incremental: true })
const gauge = (name: string, description: string) => Metric.gauge(name, { description })

const records = counter("musify_ingest_records_total", "Records of the log whose files are all in the lake")
const bytes = counter("musify_ingest_bytes_total", "Bytes of their keys and values")
const rows = counter("musify_ingest_rows_total", "Rows in data files")
const files = counter("musify_ingest_files_total", "Data and dead-letter files")
const plans = counter("musify_ingest_plans_total", "Micro-batches")
const deadLetters = counter("musify_ingest_dead_letters_total", "Dead letters by kind of reason")
const unknownFields = counter("musify_ingest_unknown_fields_total", "Fields that no Schema names, left out")
const retries = counter("musify_ingest_retries_total", "Sessions begun again after a failure, by error")
const takeOvers = counter("musify_ingest_take_overs_total", "Open plans of another writer completed")
const racesLost = counter("musify_ingest_races_lost_total", "Batches dropped: another writer planned first")
const rollSeconds = Metric.histogram(
  "musify_ingest_roll_seconds",
  MetricBoundaries.fromIterable([0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 180, 300, 600]),
  "From a micro-batch's first record read to its last file stored"
)
const isHalted = gauge("musify_ingest_halted", "1 while the partition has halted and waits for a person")
const isOwned = gauge("musify_ingest_owned", "1 while the partition is this ingestor's")
const lagRecords = gauge("musify_ingest_lag_records", "Records of the log that are not in the lake yet")
const lagSeconds = gauge("musify_ingest_lag_seconds", "Age of the oldest record that is not in the lake yet")

/** Bytes of memory of the process. */
export const residentGauge = gauge("process_resident_memory_bytes", "Resident memory of the process")
/** Bytes of memory that gathered records take, of all partitions. */
export const gatheredGauge = gauge("musify_ingest_gathered_bytes", "Memory of records not stored yet")
/** Partitions whose next records wait for memory. */
export const waitingGauge = gauge(
  "musify_ingest_waiting_partitions",
  "Partitions whose next records wait in their mailbox for memory"
)

/** The metrics of one partition: they live as long as the process, however often it comes and goes. */
export const partitionMetrics = (of: TopicPartition): PartitionMetrics => {
  const name = partitionName(of)
  const known = made.get(name) ?? makeMetrics(of)
  made.set(name, known)
  return known
}

const made = new Map<string, PartitionMetrics>()

type PartitionMetrics = ReturnType<typeof makeMetrics>

const makeMetrics = ({ partition, topic }: TopicPartition) => {
  const own = <Type, In, Out>(metric: Metric.Metric<Type, In, Out>) =>
    metric.pipe(Metric.tagged("topic", topic), Metric.tagged("partition", String(partition)))
  const of = {
    records: own(records),
    bytes: own(bytes),
    rows: own(rows),
    files: own(files),
    plans: own(plans),
    unknownFields: own(unknownFields),
    takeOvers: own(takeOvers),
    racesLost: own(racesLost),
    rollSeconds: own(rollSeconds),
    isHalted: own(isHalted),
    isOwned: own(isOwned),
    lagRecords: own(lagRecords),
    lagSeconds: own(lagSeconds)
  }
  return {
    assigned: Effect.zipRight(Metric.set(of.isOwned, 1), Metric.set(of.isHalted, 0)),
    /** It is another's now: what it says of it counts. */
    lost: Effect.all(
      [of.isOwned, of.isHalted, of.lagRecords, of.lagSeconds].map((metric) => Metric.set(metric, 0)),
      { discard: true }
    ),
    closed: (batch: FrozenBatch) =>
      Effect.gen(function* () {
        const { plan } = batch
        yield* Metric.incrementBy(of.records, batch.records)
        yield* Metric.incrementBy(of.bytes, batch.bytes)
        yield* Metric.incrementBy(
          of.rows,
          plan.files.reduce((sum, file) => sum + file.rows, 0)
        )
        yield* Metric.incrementBy(of.files, batch.files.length)
        yield* Metric.incrementBy(of.plans, 1)
        if (plan.unknownFields > 0) yield* Metric.incrementBy(of.unknownFields, plan.unknownFields)
        for (const [reason, count] of Object.entries(batch.deadLetterReasons))
          yield* Metric.incrementBy(Metric.tagged(own(deadLetters), "reason", reason), count)
      }),
    rolled: (ms: number) => Metric.update(of.rollSeconds, ms / 1000),
    retried: (error: string) => Metric.incrementBy(Metric.tagged(own(retries), "error", error), 1),
    tookOver: Metric.incrementBy(of.takeOvers, 1),
    lostRace: Metric.incrementBy(of.racesLost, 1),
    halted: Metric.set(of.isHalted, 1),
    lag: (count: number, seconds: number) =>
      Effect.zipRight(Metric.set(of.lagRecords, count), Metric.set(of.lagSeconds, seconds))
  }
}
