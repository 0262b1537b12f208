import { topics } from "@musify/domain/Topic.ts"
import type { Positions, WrittenBatch } from "./EventWriter.ts"
import { slack } from "./fragments.ts"

/** Length of a record's key, the device id: eight hex digits. */
export const keyLength = 8

/** The arrays of one `take`. */
export interface Arrays {
  bytes: Uint8Array
  ends: Int32Array
  keys: DataView
  /** Time (epoch ms) and number of the listener of each event; empty where they are not asked for. */
  order: Float64Array
}

/** Ends of keys, which are the same in every batch. */
let keyEnds = new Int32Array(0)
const keyEndsFor = (count: number): Int32Array => {
  if (keyEnds.length < count) {
    keyEnds = Int32Array.from({ length: Math.max(1024, count * 2) }, (_, n) => (n + 1) * keyLength)
  }
  return keyEnds.subarray(0, count)
}

/** The first `count` events of arrays as a batch, which uses them as they are. */
export const batchOf = (
  { bytes, ends, keys }: Arrays,
  topic: number,
  partition: number,
  count: number
): WrittenBatch => ({
  topic: topics[topic],
  partition,
  records: {
    count,
    keys: { data: new Uint8Array(keys.buffer, 0, count * keyLength), ends: keyEndsFor(count) },
    values: { data: bytes.subarray(0, count === 0 ? 0 : ends[count - 1]), ends: ends.subarray(0, count) }
  }
})

const allocate = (bytes: number, shared: boolean): ArrayBufferLike =>
  shared ? new SharedArrayBuffer(bytes) : new ArrayBuffer(bytes)

/** Arrays for `bytes` bytes of `count` events, with the contents of `old`. */
const makeArrays = (
  bytes: number,
  count: number,
  options: { readonly ordered: boolean; readonly shared: boolean },
  old?: Arrays
): Arrays => {
  const { ordered, shared } = options
  const made: Arrays = {
    bytes: new Uint8Array(allocate(bytes, shared)),
    ends: new Int32Array(allocate(count * 4, shared)),
    keys: new DataView(allocate(count * keyLength, shared)),
    order: new Float64Array(allocate(ordered ? count * 16 : 0, shared))
  }
  if (old !== undefined) {
    made.bytes.set(old.bytes)
    made.ends.set(old.ends)
    new Uint8Array(made.keys.buffer).set(new Uint8Array(old.keys.buffer))
    made.order.set(old.order)
  }
  return made
}

/** Size of a set at first. */
const firstBytes = 65_536
const firstCount = 128
/** Bytes of an event, about; more than the mean. */
const eventBytes = 640

/** What all streams of a run have in common. */
export interface StreamOptions {
  /** Bytes that an event may have. */
  readonly longest: number
  /** Keep `order`. */
  readonly ordered: boolean
  /** In memory that other threads can read. */
  readonly shared: boolean
  /** Sets of arrays. */
  readonly takes: number
  /**
   * Events of all streams that a set is made for: growing by and by would leave as much memory behind as is used. What
   * is not written to costs nothing. With 0 sets begin small.
   */
  readonly room: number
}

/**
 * The events of one (topic, partition) that wait to be taken. A few sets of arrays are used in turn: with two, what was
 * taken stays as it is until the next `take`.
 */
export class StreamBuffer {
  readonly topic: number
  readonly partition: number
  /** Events that are not to be written, since the log has them. */
  skip: number
  /** Where the next event goes; there is room for one. */
  out: DataView
  position = 0
  count = 0
  private turn = 0
  private ends: Int32Array
  private keys: DataView
  private readonly sets: Array<Arrays>
  /** An event that begins here or before fits. */
  private limit: number
  private readonly longest: number
  private readonly kind: { readonly ordered: boolean; readonly shared: boolean }

  constructor(
    options: StreamOptions & { readonly topic: number; readonly partition: number; readonly skip: number }
  ) {
    const { longest, room } = options
    this.topic = options.topic
    this.partition = options.partition
    this.skip = options.skip
    this.longest = longest
    this.kind = { ordered: options.ordered, shared: options.shared }
    this.sets = Array.from({ length: options.takes }, () =>
      makeArrays(
        Math.max(firstBytes, longest * 2 + slack, room * eventBytes),
        Math.max(firstCount, room),
        this.kind
      )
    )
    const { bytes, ends, keys } = this.sets[0]
    this.out = new DataView(bytes.buffer)
    this.ends = ends
    this.keys = keys
    this.limit = bytes.length - slack - longest
  }

  /** Ends an event at `end`; its key is the eight bytes of `source` at `keyAt`. */
  finish(end: number, source: DataView, keyAt: number): void {
    const n = this.count++
    this.ends[n] = end
    this.keys.setFloat64(n * keyLength, source.getFloat64(keyAt, true), true)
    this.position = end
    if (end > this.limit || this.count === this.ends.length) this.enlarge()
  }

  /** Notes who acted when in the event that was finished last. */
  mark(ts: number, listener: number): void {
    const { order } = this.sets[this.turn]
    order[2 * this.count - 2] = ts
    order[2 * this.count - 1] = listener
  }

  /** The arrays of the events since the last take, which are taken. */
  takeArrays(): Arrays {
    const set = this.sets[this.turn]
    this.turn = (this.turn + 1) % this.sets.length
    this.position = 0
    this.count = 0
    this.use()
    return set
  }

  /** The events since the last call. */
  take(): WrittenBatch {
    const { count } = this
    return batchOf(this.takeArrays(), this.topic, this.partition, count)
  }

  private enlarge(): void {
    const set = this.sets[this.turn]
    const bytes = set.bytes.length * (this.position > this.limit ? 2 : 1)
    const count = set.ends.length * (this.count === set.ends.length ? 2 : 1)
    this.sets[this.turn] = makeArrays(bytes, count, this.kind, set)
    this.use()
  }

  private use(): void {
    const { bytes, ends, keys } = this.sets[this.turn]
    this.out = new DataView(bytes.buffer)
    this.limit = bytes.length - slack - this.longest
    this.ends = ends
    this.keys = keys
  }
}

/** The streams of every topic and partition, by topic, then partition. `skip`: what each passes over. */
export const makeStreams = ({
  partitions,
  room,
  skip,
  ...common
}: StreamOptions & {
  /** Partitions per topic, in the order of `topics`. */
  readonly partitions: ReadonlyArray<number>
  readonly skip: Positions
}): ReadonlyArray<StreamBuffer> =>
  topics.flatMap((_, topic) =>
    Array.from(
      { length: partitions[topic] },
      (_, partition) =>
        new StreamBuffer({
          ...common,
          room: Math.ceil(room / partitions[topic]),
          topic,
          partition,
          skip: skip[topic]?.[partition] ?? 0
        })
    )
  )
