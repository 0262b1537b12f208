import { bytesAt } from "@musify/domain/RecordBatch.ts"
import { type Topic, topics } from "@musify/domain/Topic.ts"
import { Buffer } from "node:buffer"
import type { Positions, WrittenBatch } from "../EventWriter.ts"
import { damage, dropField, fieldsIn } from "./damage.ts"
import type { Fault } from "./Fault.ts"
import { FaultDice } from "./FaultDice.ts"
import type { FaultsConfig } from "./FaultsConfig.ts"
import { type Held, HeldRecords } from "./HeldRecords.ts"
import { numberOf, withValue } from "./jsonText.ts"
import { OutBatch } from "./OutBatch.ts"
import { earliestTs } from "@musify/domain/fields.ts"

export interface FaultInjectorOptions {
  readonly config: FaultsConfig
  /** Of the faults, unless the config has one. */
  readonly seed: number
  /** Partitions per topic, in the order of `topics`. */
  readonly partitions: ReadonlyArray<number>
  /** Records that the output has already, per topic and partition: that many of what comes out are passed over. */
  readonly positions: Positions
  /** Every value ends in a line feed, before and after. */
  readonly newline: boolean
  /** The offset of a partition's record number `n` (from 0); by default `n`. */
  readonly offsetOf?: (topic: Topic, partition: number, n: number) => number
}

/** What comes out for what went in. */
export interface Injected {
  readonly batches: ReadonlyArray<WrittenBatch>
  /** Of the records that came out, those that the output has already included. */
  readonly faults: ReadonlyArray<Fault>
}

/** A fault of a record that is not written yet. */
type Pending = Omit<Fault, "offset" | "overtaken" | "topic" | "partition">

interface HeldRecord extends Held {
  readonly key: Uint8Array
  readonly value: Uint8Array
  readonly faults: ReadonlyArray<Pending>
  /** Records of the partition written before it was held back. */
  readonly writtenBefore: number
}

/** One (topic, partition). */
interface Stream {
  readonly topic: number
  readonly partition: number
  readonly held: HeldRecords<HeldRecord>
  /** Records written, those passed over included. */
  written: number
  readonly skip: number
  /** Records held back so far: ties among them are settled by it. */
  order: number
  out: OutBatch | undefined
}

const tsMark = Buffer.from('"ts":')

/** The time of the event that begins at `from`, epoch ms. */
const tsAt = (data: Buffer, from: number): number => {
  let value = 0
  for (let at = data.indexOf(tsMark, from) + tsMark.length; data[at] >= 48 && data[at] <= 57; at++)
    value = value * 10 + data[at] - 48
  return value
}

const latin1 = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1")

/**
 * Changes a stream of records as a bad producer would. What comes out depends on seed, config and the records of each
 * partition alone, never on how they are cut into batches: a record that is held back goes before the first one of its
 * partition that happens at or after its due time, whether that one is known yet or time has merely come that far.
 */
export class FaultInjector {
  /** Records written and faults done by kind, without those that the output had already. */
  readonly written = new Float64Array(topics.length)
  readonly counts = new Map<string, number>()
  private readonly dice: FaultDice
  private readonly config: FaultsConfig
  private readonly streams: ReadonlyArray<ReadonlyArray<Stream>>
  private readonly newline: boolean
  private readonly offsetOf: (topic: Topic, partition: number, n: number) => number
  private faults: Array<Fault> = []

  constructor(options: FaultInjectorOptions) {
    this.config = options.config
    this.dice = new FaultDice(options.config, options.config.seed ?? options.seed)
    this.newline = options.newline
    this.offsetOf = options.offsetOf ?? ((_topic, _partition, n) => n)
    this.streams = options.partitions.map((count, topic) =>
      Array.from({ length: count }, (_, partition) => ({
        topic,
        partition,
        held: new HeldRecords<HeldRecord>(),
        written: 0,
        skip: options.positions[topic]?.[partition] ?? 0,
        order: 0,
        out: undefined
      }))
    )
  }

  /** Whether everything that the output had at the beginning has been passed over. */
  get caughtUp(): boolean {
    return this.streams.every((list) => list.every(({ skip, written }) => written >= skip))
  }

  /** Records of each (topic, partition) that have come out, those passed over included. */
  get positions(): Positions {
    return this.streams.map((list) => list.map(({ written }) => written))
  }

  /** Faults of the records that are held back now. */
  get heldBack(): ReadonlyArray<Fault> {
    return this.streams.flatMap((list) =>
      list.flatMap(({ held, partition, topic }) =>
        held.all.flatMap(({ faults }) =>
          faults.map((fault) => ({
            ...fault,
            topic: topics[topic],
            partition,
            offset: null,
            overtaken: null
          }))
        )
      )
    )
  }

  /** Takes the next records of some partitions. `time`: every event before it (epoch ms) has been given. */
  apply(batches: ReadonlyArray<WrittenBatch>, time: number): Injected {
    this.faults = []
    for (const batch of batches) this.batch(batch)
    for (const list of this.streams) for (const stream of list) this.release(stream, time)
    const out: Array<WrittenBatch> = []
    for (const list of this.streams) {
      for (const stream of list) {
        if (stream.out === undefined) continue
        const { partition, topic } = stream
        out.push({ topic: topics[topic], partition, records: stream.out.take() })
        stream.out = undefined
      }
    }
    return { batches: out, faults: this.faults }
  }

  private batch({ partition, records, topic }: WrittenBatch): void {
    const t = topics.indexOf(topic)
    const stream = this.streams[t][partition]
    const { count, keys, values } = records
    stream.out = new OutBatch(count + 16, values.data.length + 4096, this.newline)
    const data = Buffer.from(values.data.buffer, values.data.byteOffset, values.data.byteLength)
    for (let n = 0; n < count; n++) {
      const whole = bytesAt(values, n)!
      const value = this.newline ? whole.subarray(0, whole.length - 1) : whole
      const key = bytesAt(keys, n)!
      const ts = tsAt(data, n === 0 ? 0 : values.ends[n - 1])
      if (stream.held.due <= ts) this.release(stream, ts)
      this.one(stream, key, value, ts)
    }
    if (stream.out.count === 0) stream.out = undefined
  }

  /** One record: what befalls it, and where it goes. */
  private one(stream: Stream, key: Uint8Array, source: Uint8Array, ts: number): void {
    const skew = this.config["clock-skew"].share === 0 ? 0 : this.dice.skew(key)
    const kind = this.dice.record(stream.topic, source)
    if (kind === undefined && skew === 0) {
      this.write(stream, key, source)
      return
    }
    const topic = topics[stream.topic]
    const json = latin1(source)
    const about = {
      device: latin1(key),
      sourceTs: ts,
      sessionId: numberOf(json, "sessionId"),
      itemInSession: numberOf(json, "itemInSession"),
      detail: "",
      reason: null,
      delay: 0,
      originalOffset: null
    }
    let text = json
    let writtenTs = ts
    const skewed: Array<Pending> = []
    // An event before 2000 would be malformed, which is another fault.
    if (skew !== 0 && ts + skew * 1000 >= earliestTs) {
      writtenTs = ts + skew * 1000
      text = withValue(json, "ts", () => String(writtenTs))
      skewed.push({ ...about, kind: "clock-skew", writtenTs, delay: skew })
    }
    const value = text === json ? source : Buffer.from(text, "latin1")

    switch (kind) {
      case undefined:
        this.write(stream, key, value, skewed)
        return
      case "duplicate": {
        const originalOffset = this.offset(stream)
        const delay = this.dice.delay(kind)
        this.write(stream, key, value, skewed)
        const faults: ReadonlyArray<Pending> = [
          ...skewed,
          { ...about, kind, writtenTs, delay, originalOffset }
        ]
        if (delay === 0) this.write(stream, key, value, faults)
        else this.hold(stream, key, value, faults, ts + delay * 1000)
        return
      }
      case "late":
      case "out-of-order": {
        const delay = this.dice.delay(kind)
        this.hold(stream, key, value, [...skewed, { ...about, kind, writtenTs, delay }], ts + delay * 1000)
        return
      }
      case "malformed":
      case "missing-field": {
        const detail =
          kind === "malformed"
            ? this.dice.damage(topic)
            : this.dice.pick(fieldsIn(text, this.config["missing-fields"].fields))
        if (detail === undefined) {
          this.write(stream, key, value, skewed)
          return
        }
        const damaged =
          kind === "malformed"
            ? damage(detail as Parameters<typeof damage>[0], text, this.dice.place())
            : dropField(topic, text, detail as Parameters<typeof dropField>[2])
        const isLost = damaged.reason !== undefined
        this.write(stream, key, damaged.value === null ? null : Buffer.from(damaged.value, "latin1"), [
          ...skewed.map((fault) => (isLost ? { ...fault, writtenTs: null, reason: damaged.reason } : fault)),
          { ...about, kind, detail, reason: damaged.reason ?? null, writtenTs: isLost ? null : writtenTs }
        ])
      }
    }
  }

  private hold(
    stream: Stream,
    key: Uint8Array,
    value: Uint8Array,
    faults: ReadonlyArray<Pending>,
    due: number
  ): void {
    stream.held.push({
      due,
      order: stream.order++,
      // Copies, also of a Buffer, whose own slice() would be a view of bytes that are used again.
      key: Buffer.from(key),
      value: Buffer.from(value),
      faults,
      writtenBefore: stream.written
    })
  }

  /** Writes what is due at `time` (epoch ms). */
  private release(stream: Stream, time: number): void {
    while (stream.held.due <= time) {
      const { faults, key, value, writtenBefore } = stream.held.pop()
      this.write(stream, key, value, faults, stream.written - writtenBefore)
    }
  }

  private offset(stream: Stream): number {
    return this.offsetOf(topics[stream.topic], stream.partition, stream.written)
  }

  private write(
    stream: Stream,
    key: Uint8Array,
    value: Uint8Array | null,
    faults: ReadonlyArray<Pending> = [],
    overtaken = 0
  ): void {
    const isNew = stream.written >= stream.skip
    if (faults.length > 0) {
      const offset = this.offset(stream)
      const { partition } = stream
      for (const fault of faults) {
        this.faults.push({ ...fault, topic: topics[stream.topic], partition, offset, overtaken })
        if (isNew) this.counts.set(fault.kind, (this.counts.get(fault.kind) ?? 0) + 1)
      }
    }
    stream.written++
    if (!isNew) return
    this.written[stream.topic]++
    stream.out ??= new OutBatch(16, 4096, this.newline)
    stream.out.add(key, value)
  }
}
