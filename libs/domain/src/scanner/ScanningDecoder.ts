import { columnsOf } from "../columns.ts"
import type { Decoder, DecoderOptions } from "../Decoder.ts"
import type { EventColumns } from "../EventColumns.ts"
import { valueAt } from "../EventColumns.ts"
import { makePlainDecoder } from "../PlainDecoder.ts"
import type { LogBatch } from "../RecordBatch.ts"
import { bytesAt, bytesColumn } from "../RecordBatch.ts"
import type { Topic } from "../Topic.ts"
import { defaultDictionaryLimits, type DictionaryLimits } from "./CodedColumn.ts"
import { RowScanner } from "./RowScanner.ts"
import { blockRows } from "./ScannedColumn.ts"
import { slack } from "./words.ts"

/**
 * The hot decoder. A value that the scanner understands becomes a row as it is read; every other goes to the plain
 * decoder, which alone says that a record is a dead letter, and whose rows are put to the others when they are taken.
 */
class ScanningDecoder implements Decoder {
  readonly topic: Topic
  private readonly options: DecoderOptions
  private readonly plain: Decoder
  private readonly scanner: RowScanner
  private readonly tsIndex: number
  /** Rows that the plain decoder holds. */
  private plainRows: Array<number> = []
  private offsets = new Float64Array(0)
  private rows = 0
  /** The block: which record each of its rows is, and whether it turned out to be the plain decoder's. */
  private readonly records = new Int32Array(blockRows)
  private readonly refusals = new Uint8Array(blockRows)

  constructor(topic: Topic, options: DecoderOptions, limits: DictionaryLimits) {
    const columns = columnsOf(topic)
    this.topic = topic
    this.options = options
    this.plain = makePlainDecoder(topic, options)
    this.scanner = new RowScanner(columns, limits)
    this.tsIndex = columns.findIndex(({ name }) => name === "ts")
  }

  get count(): number {
    return this.rows
  }

  decode(value: Uint8Array | null, logTime: number, offset: number): string | undefined {
    const batch: LogBatch = {
      count: 1,
      keys: bytesColumn([null]),
      values: bytesColumn([value]),
      offsets: Float64Array.of(offset),
      timestamps: Float64Array.of(logTime)
    }
    return this.decodeBatch(batch, 0, 1)[0]
  }

  decodeBatch(batch: LogBatch, from: number, to: number): ReadonlyArray<string | undefined> {
    const { data, ends } = batch.values
    this.reserve(to - from)
    const reasons: Array<string | undefined> = []
    // Bytes behind a value are read as well: values at the end of the data are copied to where there are some.
    let stop = to
    while (stop > from && ends[stop - 1] + slack > data.length) stop--
    this.decodeBlocks(batch, data, 0, from, stop, reasons)
    if (stop < to) {
      const start = stop === 0 ? 0 : ends[stop - 1]
      const tail = new Uint8Array(ends[to - 1] - start + slack)
      tail.set(data.subarray(start, ends[to - 1]))
      this.decodeBlocks(batch, tail, start, stop, to, reasons)
    }
    return reasons
  }

  /** Decodes the records [from, to). `data`: the batch's values from byte `shift` on. */
  private decodeBlocks(
    batch: LogBatch,
    data: Uint8Array,
    shift: number,
    from: number,
    to: number,
    reasons: Array<string | undefined>
  ): void {
    const view = new DataView(data.buffer, data.byteOffset, data.byteLength)
    for (let at = from; at < to; at += blockRows)
      this.decodeBlock(batch, view, shift, at, Math.min(at + blockRows, to), reasons)
  }

  private reserve(more: number): void {
    const rows = this.rows + more
    this.scanner.reserve(more)
    if (rows <= this.offsets.length) return
    const offsets = new Float64Array(Math.max(rows, this.offsets.length * 2))
    offsets.set(this.offsets)
    this.offsets = offsets
  }

  /** Decodes up to `blockRows` records. */
  private decodeBlock(
    batch: LogBatch,
    view: DataView,
    shift: number,
    from: number,
    to: number,
    reasons: Array<string | undefined>
  ): void {
    const { records, refusals, rows, scanner } = this
    const { offsets, timestamps, values } = batch
    const { ends, nulls } = values
    let count = 0
    for (let i = from; i < to; i++) {
      const start = (i === 0 ? 0 : ends[i - 1]) - shift
      const isNull = nulls !== undefined && nulls[i] === 1
      let reason: string | undefined
      if (isNull || !this.scan(view, start, ends[i] - shift, timestamps[i], count)) {
        reason = this.decodePlainly(batch, i, rows + count)
        if (reason === undefined) scanner.skip(count)
      }
      reasons.push(reason)
      if (reason !== undefined) continue
      this.offsets[rows + count] = offsets[i]
      records[count++] = i
    }
    refusals.fill(0, 0, count)
    scanner.store(view, count, refusals)
    this.rows = rows + count
    // From the last one on, so that the rows before it stay where they are.
    for (let n = count - 1; n >= 0; n--) {
      if (refusals[n] === 0) continue
      const reason = this.decodePlainly(batch, records[n], rows + n)
      if (reason === undefined) continue
      reasons[reasons.length - (to - records[n])] = reason
      this.remove(rows + n)
    }
  }

  private scan(view: DataView, from: number, end: number, logTime: number, n: number): boolean {
    const { maxAheadMs, maxBytes } = this.options
    return (
      end - from <= maxBytes &&
      this.scanner.scan(view, from, end, n) &&
      this.scanner.timeOf(n) <= logTime + maxAheadMs
    )
  }

  private decodePlainly(batch: LogBatch, i: number, row: number): string | undefined {
    const reason = this.plain.decode(bytesAt(batch.values, i), batch.timestamps[i], batch.offsets[i])
    if (reason === undefined) this.plainRows.push(row)
    return reason
  }

  private remove(row: number): void {
    this.scanner.remove(row)
    this.offsets.copyWithin(row, row + 1, this.rows--)
    this.plainRows = this.plainRows.map((plain) => (plain > row ? plain - 1 : plain))
  }

  take(): EventColumns {
    const { plainRows, rows, topic } = this
    const plain = this.plain.take()
    plain.values.forEach((values, c) => {
      const column = this.scanner.columns[c]
      for (let i = 0; i < plainRows.length; i++) column.put(plainRows[i], valueAt(values, i))
    })
    const values = this.scanner.take()
    const ts = values[this.tsIndex]
    if (ts.type !== "timestamp") throw new Error(`${topic}: the column ts is no timestamp.`)
    this.rows = 0
    this.plainRows = []
    return {
      topic,
      count: rows,
      columns: plain.columns,
      values,
      ts: ts.values,
      offsets: this.offsets.slice(0, rows),
      unknownFields: plain.unknownFields
    }
  }
}

/** See `Decoder.ts`. */
export const makeScanningDecoder = (
  topic: Topic,
  options: DecoderOptions,
  limits: DictionaryLimits = defaultDictionaryLimits
): Decoder => new ScanningDecoder(topic, options, limits)
