import { Buffer } from "node:buffer"
import { hourMs, hourOf } from "@musify/domain/Hour.ts"
import type { LogBatch } from "@musify/domain/RecordBatch.ts"
import { bytesColumn } from "@musify/domain/RecordBatch.ts"
import type { Topic } from "@musify/domain/Topic.ts"
import { gatheredBytes } from "@musify/lake/BatchBuilder.ts"
import { witnessOf } from "@musify/lake/rowHash.ts"
import { overwrittenOnRelease } from "@musify/stream/testing/overwrittenOnRelease.ts"
import type { Dice } from "./Dice.ts"
import type { Timeline } from "./Timeline.ts"

/** The topic of all runs: the one with the fewest columns. */
export const topic: Topic = "auth_events"

/** A record that the log has acknowledged. Its id is in its key and, unless it is malformed, its session. */
export interface SimulatedRecord {
  readonly id: number
  readonly offset: number
  /** How often the partition had been made anew when the record was appended. */
  readonly incarnation: number
  readonly timestamp: number
  /** Hour of its event; undefined when it is malformed. */
  readonly hour: number | undefined
  readonly key: Uint8Array
  readonly value: Uint8Array | null
  /** Bytes of keys and values of all records before it in its incarnation. */
  readonly bytesBefore: number
}

const sizeOf = ({ key, value }: SimulatedRecord): number => key.length + (value?.length ?? 0)

/** One partition: what it holds now, and all that it ever acknowledged. */
export class SimulatedPartition {
  readonly partition: number
  incarnation = 0
  start = 0
  end = 0
  /** True between the deletion of the topic and its making. */
  isDeleted = false
  /** Acknowledged records by incarnation, in offset order. */
  readonly acknowledged: Array<Array<SimulatedRecord>> = [[]]

  /** Reads that wait for records. */
  private waiting: Array<() => void> = []

  constructor(partition: number) {
    this.partition = partition
  }

  /** Goes on when the partition changes. */
  onceChanged(go: () => void): void {
    this.waiting.push(go)
  }

  changed(): void {
    const { waiting } = this
    this.waiting = []
    for (const go of waiting) go()
  }

  get records(): ReadonlyArray<SimulatedRecord> {
    return this.acknowledged[this.incarnation]
  }

  /** Acknowledged records of an incarnation in [from, to). */
  between(from: number, to: number, incarnation: number): ReadonlyArray<SimulatedRecord> {
    const all = this.acknowledged[incarnation]
    return all.slice(indexOf(all, from), indexOf(all, to))
  }

  /** Memory that the ingestor counts for this incarnation's records in [from, to), gathered. */
  memoryBetween(from: number, to: number): number {
    const all = this.records
    const before = (offset: number) => {
      const index = indexOf(all, offset)
      const last = all[index - 1]
      return last === undefined ? 0 : last.bytesBefore + sizeOf(last) + index * memoryOfRecord
    }
    return Math.max(0, before(to) - before(from))
  }

  /** The incarnation whose record before `end` has this witness; undefined when none has. */
  incarnationOf(end: number, witness: string): number | undefined {
    for (const [incarnation, all] of this.acknowledged.entries()) {
      const last = all[indexOf(all, end) - 1]
      if (last?.offset === end - 1 && witnessOf(logBatch([last]), 0) === witness) return incarnation
    }
    return undefined
  }

  read(offset: number, maxBytes: number): LogBatch {
    const taken: Array<SimulatedRecord> = []
    let bytes = 0
    for (let i = indexOf(this.records, offset); i < this.records.length; i++) {
      if (taken.length > 0 && bytes >= maxBytes) break
      taken.push(this.records[i])
      bytes += sizeOf(this.records[i])
    }
    return overwrittenOnRelease(logBatch(taken))
  }
}

/** Bytes of key and value of the shortest and of the longest record. */
export const shortestRecord = 70
export const longestRecord = 110

const nothing = { data: new Uint8Array(0), ends: new Int32Array(1) }
/** What the ingestor counts for a record beyond its bytes. */
export const memoryOfRecord = gatheredBytes(
  { count: 1, keys: nothing, values: nothing, offsets: new Float64Array(1), timestamps: new Float64Array(1) },
  0
)

/** Index of the first record at or after an offset. */
const indexOf = (records: ReadonlyArray<SimulatedRecord>, offset: number): number => {
  let low = 0
  let high = records.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (records[middle].offset < offset) low = middle + 1
    else high = middle
  }
  return low
}

const logBatch = (records: ReadonlyArray<SimulatedRecord>): LogBatch => ({
  count: records.length,
  keys: bytesColumn(records.map(({ key }) => key)),
  values: bytesColumn(records.map(({ value }) => value)),
  offsets: Float64Array.from(records, ({ offset }) => offset),
  timestamps: Float64Array.from(records, ({ timestamp }) => timestamp)
})

/** The event log of a run, whose producer always gets its answer; what readers see of it is `logPort`'s. */
export class SimulatedLog {
  readonly partitions: ReadonlyArray<SimulatedPartition>
  readonly committed: Map<string, number> = new Map()
  readonly byId: Array<SimulatedRecord> = []
  hasHoles = false
  private readonly malformed: number
  private readonly timeline: Timeline
  private readonly dice: Dice

  /** `malformed`: how many records in a hundred are. */
  constructor(partitions: number, malformed: number, timeline: Timeline, dice: Dice) {
    this.malformed = malformed
    this.partitions = Array.from({ length: partitions }, (_, partition) => new SimulatedPartition(partition))
    this.timeline = timeline
    this.dice = dice
  }

  /** Appends records after so many offsets that hold none, as in a compacted or transactional log. */
  append(at: SimulatedPartition, count: number, holes: number): void {
    const { dice } = this
    if (holes > 0) this.hasHoles = true
    at.end += holes
    const records = at.acknowledged[at.incarnation]
    for (let i = 0; i < count; i++) {
      const id = this.byId.length
      const timestamp = Math.floor(this.timeline.now)
      const isMalformed = dice.chance(this.malformed)
      const isTombstone = isMalformed && dice.chance(30)
      const ts = timestamp - (dice.chance(90) ? 0 : dice.below(4) * hourMs)
      const last = records[records.length - 1]
      const record: SimulatedRecord = {
        id,
        offset: at.end++,
        incarnation: at.incarnation,
        timestamp,
        hour: isMalformed ? undefined : hourOf(ts),
        // No record is much shorter than others, so that bytes bound their number.
        key: Buffer.from(String(id).padStart(isMalformed ? shortestRecord : 1, "0")),
        value: isTombstone
          ? null
          : Buffer.from(
              isMalformed
                ? "{"
                : `{"ts":${ts},"sessionId":${id},"itemInSession":0,"level":"free","success":true}`
            ),
        bytesBefore: last === undefined ? 0 : last.bytesBefore + sizeOf(last)
      }
      records.push(record)
      this.byId.push(record)
    }
    at.changed()
  }

  /** The partition is deleted and made anew, empty. */
  recreate(at: SimulatedPartition): void {
    at.incarnation++
    at.acknowledged.push([])
    at.start = 0
    at.end = 0
    at.changed()
  }
}
