import type { LogBatch } from "@musify/domain/RecordBatch.ts"
import { Buffer } from "node:buffer"
import { cutAt } from "../StoredBatch.ts"
import { decodeRecords, recordSection, type RecordSection } from "./decodeRecords.ts"
import type { FetchedPartition } from "./fetchRequest.ts"
import { attributesOf, batchSizeAt, compressionMask } from "./recordBatchHeader.ts"
import { sliceRecords } from "./sliceRecords.ts"
import { runMemory, wholeBatches } from "./wholeBatches.ts"

/**
 * What there is for a reader: records; "end": nothing more in the log; "wait": there is more, but it is not here yet;
 * "elsewhere": the reader wants another place than the lane stands at.
 */
export type Taken = LogBatch | "end" | "wait" | "elsewhere"

/** Compressed records are at most about this many times larger when unpacked; a guess that costs only efficiency. */
const usualExpansion = 8

/**
 * Reading one partition ahead. It keeps record batches as Kafka sends them (so that its bound holds for compressed ones
 * as well) and decodes what is taken, when it is taken.
 */
export class Lane {
  readonly topic: string
  readonly partition: number
  /** The id of the topic that it reads; see `TopicMetadata`. */
  topicId: string | undefined
  /** Offset that the reader asks for next; undefined: no place yet. */
  private from: number | undefined
  /** Offset to be fetched next. */
  next = 0
  /** Where the log ended at the last answer; undefined: none yet. */
  end: number | undefined
  /** Bytes that are kept. */
  bytes = 0
  /** Part of a request that is under way. */
  asked = false
  /** Rises with each answer that brought something: who waits longest is asked for first. */
  served = 0
  /** Runs of batches. */
  private queue: Array<Buffer> = []
  /** What was decoded with the last batch, but was more than was wanted. */
  private rest: LogBatch | undefined

  constructor(topic: string, partition: number) {
    this.topic = topic
    this.partition = partition
  }

  get positioned(): boolean {
    return this.from !== undefined
  }

  /** Goes to an offset, dropping what it has. An answer to an older question is dropped too, when it comes. */
  moveTo(offset: number, topicId: string | undefined): void {
    this.reset()
    this.from = offset
    this.next = offset
    this.topicId = topicId
  }

  /** Has no place any more. */
  reset(): void {
    this.from = undefined
    this.end = undefined
    this.queue = []
    this.rest = undefined
    this.bytes = 0
  }

  /** Takes the place and the records of another lane. */
  takeOver(other: Lane): void {
    this.from = other.from
    this.next = other.next
    this.end = other.end
    this.bytes = other.bytes
    this.topicId = other.topicId
    this.queue = other.queue
    this.rest = other.rest
    other.reset()
  }

  /** Whether it can answer a question for `offset` without moving. */
  covers(offset: number): boolean {
    return this.from !== undefined && offset >= this.from && offset <= this.next
  }

  /** Adds what was fetched at `askedAt`. Answers whether it got on; throws a fault when it cannot be read. */
  offer(fetched: FetchedPartition, askedAt: number): boolean {
    if (this.from === undefined || askedAt !== this.next) return false
    const { next, runs } = wholeBatches(fetched.records, fetched.aborted)
    for (const run of runs) {
      this.queue.push(run)
      this.bytes += run.length
    }
    if (next !== undefined) this.next = Math.max(this.next, next)
    this.end = Math.max(fetched.lastStableOffset, this.next)
    return next !== undefined
  }

  /** Records from `offset` on, at most `maxBytes` of keys and values, but at least one record if there is one. */
  take(offset: number, maxBytes: number): Taken {
    if (!this.covers(offset)) return "elsewhere"
    this.from = offset
    const batch = this.takeRest(offset) ?? this.decodeSome(offset, maxBytes)
    if (batch === undefined) return this.end !== undefined && this.next >= this.end ? "end" : "wait"
    const cut = cutAt(batch, 0, maxBytes)
    const taken = cut === batch.count ? batch : sliceRecords(batch, 0, cut)
    if (cut < batch.count) {
      this.rest = sliceRecords(batch, cut, batch.count)
      this.bytes += sizeOf(this.rest)
      runMemory.hold(batch.values.data)
    }
    this.from = taken.offsets[taken.count - 1] + 1
    return releasable(taken)
  }

  /** Its memory is held once, as that of `decodeSome`. */
  private takeRest(offset: number): LogBatch | undefined {
    const { rest } = this
    if (rest === undefined) return undefined
    this.rest = undefined
    this.bytes -= sizeOf(rest)
    let first = 0
    while (first < rest.count && rest.offsets[first] < offset) first++
    if (first === rest.count) {
      runMemory.give(rest.values.data)
      return undefined
    }
    return first === 0 ? rest : sliceRecords(rest, first, rest.count)
  }

  private decodeSome(offset: number, maxBytes: number): LogBatch | undefined {
    while (this.queue.length > 0) {
      const batch = this.decodeRun(this.queue[0], offset, maxBytes)
      if (batch.count > 0) return batch
      runMemory.give(batch.values.data)
    }
    return undefined
  }

  /** Decodes batches of a run, at least one, and takes them off. */
  private decodeRun(run: Buffer, offset: number, maxBytes: number): LogBatch {
    const sections: Array<RecordSection> = []
    let to = 0
    let size = 0
    while (to < run.length) {
      const end = to + batchSizeAt(run, to)!
      const packed = (attributesOf(run, to) & compressionMask) !== 0
      const expected = (end - to) * (packed ? usualExpansion : 1)
      if (sections.length > 0 && size + expected > maxBytes) break
      const section = recordSection(run.subarray(to, end))
      sections.push(section)
      size += section.bytes.length
      to = end
    }
    this.bytes -= to
    if (to === run.length) this.queue.shift()
    else this.queue[0] = run.subarray(to)
    const inPlace = sections.every(({ bytes }) => bytes.buffer === run.buffer)
    const [{ bytes: first }] = sections
    const values =
      sections.length === 1 ? first : inPlace ? run.subarray(0, to) : Buffer.allocUnsafeSlow(size)
    // The batch holds its memory: that of the run, which holds its own as long as some of it is in the queue.
    if (inPlace && to < run.length) runMemory.hold(run)
    if (!inPlace && to === run.length) runMemory.give(run)
    return decodeRecords(sections, offset, values)
  }
}

const sizeOf = ({ headers, keys, values }: LogBatch): number =>
  keys.data.length + values.data.length + (headers?.data.length ?? 0)

/** The batch with a `release` that gives its memory back. */
const releasable = (batch: LogBatch): LogBatch => {
  const { data } = batch.values
  let held = true
  return {
    ...batch,
    release: () => {
      if (held) runMemory.give(data)
      held = false
    }
  }
}
