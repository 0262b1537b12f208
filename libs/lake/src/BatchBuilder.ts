import type { DecoderOptions } from "@musify/domain/Decoder.ts"
import { decoderVersion, defaultDecoderOptions } from "@musify/domain/Decoder.ts"
import type { EventColumns } from "@musify/domain/EventColumns.ts"
import type { Hour } from "@musify/domain/Hour.ts"
import { hourMs } from "@musify/domain/Hour.ts"
import type { LogBatch } from "@musify/domain/RecordBatch.ts"
import { copyAt } from "@musify/domain/RecordBatch.ts"
import type { Topic } from "@musify/domain/Topic.ts"
import type { DeadLetter } from "./DeadLetterParquet.ts"
import { encodeDeadLetters } from "./DeadLetterParquet.ts"
import { identityOf } from "./FileIdentity.ts"
import { encodeDataFile } from "./LakeParquet.ts"
import type { PickedRows } from "./pickColumn.ts"
import { RowRuns } from "./RowRuns.ts"
import { dataFileName, deadLetterFileName } from "./objectNames.ts"
import type { Plan } from "./Plan.ts"
import { planVersion } from "./Plan.ts"
import { RowHasher, witnessOf } from "./rowHash.ts"
import { withDecoder } from "./withDecoder.ts"

/** When a micro-batch is full. */
export interface BatchLimits {
  /** Records. */
  readonly rows: number
  /** Bytes of raw keys and values; passed by at most one record. */
  readonly bytes: number
  /**
   * Files: event hours, and hours of dead letters. The batch ends before the record that would open one more, once its
   * files have `rowsPerFile` records on average; with fewer it goes on to `scatteredFiles` times as many files, so that
   * events that go round more hours than this do not make a file each.
   */
  readonly files: number
}

/** See `BatchLimits.files`. */
export const rowsPerFile = 16
export const scatteredFiles = 8

/** Memory of a gathered record beyond its raw bytes, and of an open file: measured, rounded up. */
const recordOverhead = 160
const fileOverhead = 4096

/** Bytes of memory that the records of a batch take from index `from` on, gathered. */
export const gatheredBytes = ({ count, keys, values }: LogBatch, from: number): number => {
  const before = from === 0 ? 0 : keys.ends[from - 1] + values.ends[from - 1]
  return count === from
    ? 0
    : keys.ends[count - 1] + values.ends[count - 1] - before + (count - from) * recordOverhead
}

/** A frozen micro-batch: its plan, and how to make each file's bytes (made when they are put, not before). */
export interface FrozenBatch {
  readonly plan: Plan
  /** Log records in the plan's range; fewer than end − start when the log has holes. */
  readonly records: number
  /** Raw bytes of their keys and values. */
  readonly bytes: number
  readonly files: ReadonlyArray<FrozenFile>
  /** Dead letters by the kind of reason (its text up to the first colon). */
  readonly deadLetterReasons: Readonly<Record<string, number>>
}
export interface FrozenFile {
  readonly path: string
  readonly rows: number
  readonly hash: string
  readonly encode: () => Uint8Array
}

/** Rows of one event hour, in offset order. */
interface HourRows {
  readonly hour: Hour
  readonly firstOffset: number
  readonly hasher: RowHasher
  readonly runs: RowRuns
}
interface DeadHour {
  readonly hour: Hour
  readonly hasher: RowHasher
  readonly letters: Array<DeadLetter>
}

/** The kind of a reason: its text up to the first colon. */
export const reasonKind = (reason: string): string => {
  const colon = reason.indexOf(":")
  return colon < 0 ? reason : reason.slice(0, colon)
}

/** Gathers the records of one (topic, partition) from `start` on into one micro-batch, decoded and cut by event hour. */
export class BatchBuilder {
  readonly topic: Topic
  readonly partition: number
  readonly start: number
  private readonly limits: BatchLimits
  private readonly decoderOptions: DecoderOptions
  private readonly chunks: Array<EventColumns> = []
  private readonly hours: Map<Hour, HourRows> = new Map()
  private readonly dead: Map<Hour, DeadHour> = new Map()
  private end: number
  private records = 0
  private bytes = 0
  private unknownFields = 0
  private maxTs = Number.NEGATIVE_INFINITY
  private witness = ""

  constructor(
    topic: Topic,
    partition: number,
    start: number,
    limits: BatchLimits,
    decoderOptions: Partial<DecoderOptions> = {}
  ) {
    this.topic = topic
    this.partition = partition
    this.start = start
    this.end = start
    this.limits = limits
    this.decoderOptions = { ...defaultDecoderOptions, ...decoderOptions }
  }

  get isEmpty(): boolean {
    return this.records === 0
  }

  /** Bytes of memory that it holds, about. */
  get held(): number {
    return this.bytes + this.records * recordOverhead + (this.hours.size + this.dead.size) * fileOverhead
  }

  /** The offset after the last record taken. */
  get next(): number {
    return this.end
  }

  /** Takes records from index `from` on and answers the index of the first one that does not go in. */
  add(batch: LogBatch, from: number): number {
    const stop = this.room(batch, from)
    if (stop === from) return from
    const { chunk, cut } = withDecoder(this.topic, this.decoderOptions, (decoder) => {
      const reasons = decoder.decodeBatch(batch, from, stop)
      const chunk = decoder.take()
      const cut = this.sort(batch, from, stop, reasons, chunk)
      if (cut === stop || chunk.unknownFields === 0) return { chunk, cut }
      // Fields of records beyond the cut belong to the next plan: count those before it alone.
      decoder.decodeBatch(batch, from, cut)
      return { chunk: decoder.take(), cut }
    })
    this.chunks.push(chunk)
    this.unknownFields += chunk.unknownFields
    if (cut > from) {
      this.records += cut - from
      for (const { ends } of [batch.keys, batch.values])
        this.bytes += ends[cut - 1] - (from === 0 ? 0 : ends[from - 1])
      this.end = batch.offsets[cut - 1] + 1
      this.witness = witnessOf(batch, cut - 1)
    }
    return cut
  }

  /** How far the limits on records and bytes let this batch be taken. */
  private room(batch: LogBatch, from: number): number {
    const last = Math.min(batch.count, from + this.limits.rows - this.records)
    const { keys, values } = batch
    const before = from === 0 ? 0 : keys.ends[from - 1] + values.ends[from - 1]
    let stop = from
    while (
      stop < last &&
      this.bytes + (stop === from ? 0 : keys.ends[stop - 1] + values.ends[stop - 1] - before) <
        this.limits.bytes
    )
      stop++
    return stop
  }

  /** Puts each record to its hour, runs of neighbours at once; answers where one file too many would be opened. */
  private sort(
    batch: LogBatch,
    from: number,
    stop: number,
    reasons: ReadonlyArray<string | undefined>,
    chunk: EventColumns
  ): number {
    const chunkIndex = this.chunks.length
    const { ts } = chunk
    let row = 0
    let run = from
    while (run < stop) {
      const reason = reasons[run - from]
      const records = this.records + run - from
      if (reason !== undefined) {
        const hour = Math.floor(batch.timestamps[run] / hourMs)
        const letters = this.dead.get(hour) ?? this.openDead(hour, records)
        if (letters === undefined) return run
        letters.hasher.add(batch, run, run + 1)
        letters.letters.push({
          offset: batch.offsets[run],
          timestamp: batch.timestamps[run],
          key: copyAt(batch.keys, run),
          value: copyAt(batch.values, run),
          headers: batch.headers === undefined ? null : copyAt(batch.headers, run),
          reason
        })
        run++
        continue
      }
      const hour = Math.floor(ts[row] / hourMs)
      const rows = this.hours.get(hour) ?? this.openHour(hour, batch.offsets[run], records)
      if (rows === undefined) return run
      const runStart = run
      const rowStart = row
      const [hourStart, hourEnd] = [hour * hourMs, (hour + 1) * hourMs]
      do {
        if (ts[row] > this.maxTs) this.maxTs = ts[row]
        row++
        run++
      } while (run < stop && reasons[run - from] === undefined && ts[row] >= hourStart && ts[row] < hourEnd)
      rows.runs.add(chunkIndex, rowStart, row)
      rows.hasher.add(batch, runStart, run)
    }
    return stop
  }

  /** Whether no further file may be opened, `records` being those that the batch would have then. */
  private isFullOfFiles(records: number): boolean {
    const files = this.hours.size + this.dead.size
    const { files: limit } = this.limits
    return files >= limit && (records >= files * rowsPerFile || files >= limit * scatteredFiles)
  }

  private openHour(hour: Hour, firstOffset: number, records: number): HourRows | undefined {
    if (this.isFullOfFiles(records)) return undefined
    const rows: HourRows = { hour, firstOffset, hasher: new RowHasher(), runs: new RowRuns() }
    this.hours.set(hour, rows)
    return rows
  }

  private openDead(hour: Hour, records: number): DeadHour | undefined {
    if (this.isFullOfFiles(records)) return undefined
    const letters: DeadHour = { hour, hasher: new RowHasher(), letters: [] }
    this.dead.set(hour, letters)
    return letters
  }

  /** The batch as plan `seq`. The builder must not be used after. */
  freeze(seq: number, writer: string): FrozenBatch {
    const { topic, partition } = this
    const hours = [...this.hours.values()].sort((a, b) => a.hour - b.hour)
    const dead = [...this.dead.values()].sort((a, b) => a.hour - b.hour)
    const plan: Plan = {
      version: planVersion,
      decoder: decoderVersion,
      topic,
      partition,
      seq,
      start: this.start,
      end: this.end,
      files: hours.map(({ firstOffset, hasher, hour, runs }) => ({
        path: dataFileName(topic, hour, partition, seq, firstOffset),
        hour,
        rows: runs.count,
        hash: hasher.digest()
      })),
      deadLetters: dead.map(({ hasher, hour, letters }) => ({
        path: deadLetterFileName(topic, hour, partition, seq, letters[0].offset),
        rows: letters.length,
        hash: hasher.digest()
      })),
      unknownFields: this.unknownFields,
      witness: this.witness,
      maxTs: this.maxTs === Number.NEGATIVE_INFINITY ? null : this.maxTs,
      writer
    }
    const deadLetterReasons: Record<string, number> = {}
    for (const { letters } of dead)
      for (const { reason } of letters) {
        const kind = reasonKind(reason)
        deadLetterReasons[kind] = (deadLetterReasons[kind] ?? 0) + 1
      }
    return {
      plan,
      records: this.records,
      bytes: this.bytes,
      files: [
        ...plan.files.map((file, i) => ({
          path: file.path,
          rows: file.rows,
          hash: file.hash,
          encode: () => encodeDataFile(topic, identityOf(plan, file), this.inOrder(hours[i]))
        })),
        ...plan.deadLetters.map((file, i) => ({
          path: file.path,
          rows: file.rows,
          hash: file.hash,
          encode: () => encodeDeadLetters(identityOf(plan, file), dead[i].letters)
        }))
      ],
      deadLetterReasons
    }
  }

  /** An hour's rows by (ts, offset). */
  private inOrder({ hour, runs }: HourRows): PickedRows {
    const { chunks } = this
    const { count } = runs
    // Rows come in offset order, so their index breaks ties; times within an hour leave room for it in a double.
    const keys = new Float64Array(count)
    let sorted = true
    let row = 0
    for (let run = 0; run < runs.length; run++) {
      const { ts } = chunks[runs.chunkOf(run)]
      for (let i = runs.fromOf(run); i < runs.toOf(run); i++, row++) {
        keys[row] = (ts[i] - hour * hourMs) * count + row
        if (row > 0 && keys[row] < keys[row - 1]) sorted = false
      }
    }
    if (sorted) return { chunks, runs, order: undefined }
    return { chunks, runs, order: Uint32Array.from(keys.sort(), (key) => key % count) }
  }
}
