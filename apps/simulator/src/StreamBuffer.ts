import { topics } from "@musify/domain/Topic.ts"
import type { WrittenBatch } from "./EventWriter.ts"
import { slack } from "./fragments.ts"
import { larger } from "./Listeners.ts"

/** Length of a record's key, the device id: eight hex digits. */
export const keyLength = 8

/** The arrays of one `take`. */
export interface Arrays {
  bytes: Uint8Array
  ends: Int32Array
  keys: DataView
  /** Time and listener of each event; empty where they are not asked for. */
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
  { bytes, ends, keys, order }: Arrays,
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
  },
  ...(order.length === 0 ? {} : { order: order.subarray(0, 2 * count) })
})

/**
 * The events of one (topic, partition) that wait to be taken. A few sets of arrays are used in turn: with two, what was
 * taken stays as it is until the next `take`. A set may be lent to another thread, and must be back before its turn.
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
  /** Number of the set in use. */
  turn = 0
  private ends: Int32Array
  private keys: DataView
  private readonly sets: Array<Arrays | undefined>
  /** An event that begins here or before fits. */
  private limit: number
  private readonly longest: number
  private readonly ordered: boolean

  constructor(options: {
    readonly topic: number
    readonly partition: number
    readonly skip: number
    /** Bytes that an event may have. */
    readonly longest: number
    readonly ordered: boolean
    /** Sets of arrays. */
    readonly takes: number
  }) {
    const { longest, ordered } = options
    this.topic = options.topic
    this.partition = options.partition
    this.skip = options.skip
    this.longest = longest
    this.ordered = ordered
    this.sets = Array.from({ length: options.takes }, () => ({
      bytes: new Uint8Array(longest * 2 + slack),
      ends: new Int32Array(16),
      keys: new DataView(new ArrayBuffer(16 * keyLength)),
      order: new Float64Array(ordered ? 32 : 0)
    }))
    const { bytes, ends, keys } = this.sets[0]!
    this.out = new DataView(bytes.buffer)
    this.ends = ends
    this.keys = keys
    this.limit = longest
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
    const { order } = this.set(this.turn)
    order[2 * this.count - 2] = ts
    order[2 * this.count - 1] = listener
  }

  /** The events since the last call. */
  take(): WrittenBatch {
    const batch = batchOf(this.set(this.turn), this.topic, this.partition, this.count)
    this.turn = (this.turn + 1) % this.sets.length
    this.position = 0
    this.count = 0
    if (this.sets[this.turn] !== undefined) this.use()
    return batch
  }

  /** Gives away set `turn`, of which a batch was taken. */
  lend(turn: number): Arrays {
    const set = this.set(turn)
    this.sets[turn] = undefined
    return set
  }

  /** Takes a set back. */
  restore(turn: number, set: Arrays): void {
    this.sets[turn] = set
    if (turn === this.turn) this.use()
  }

  private set(turn: number): Arrays {
    const set = this.sets[turn]
    if (set === undefined) throw new Error("These arrays are lent.")
    return set
  }

  private enlarge(): void {
    const set = this.set(this.turn)
    if (this.position > this.limit) {
      const bytes = new Uint8Array(set.bytes.length * 2)
      bytes.set(set.bytes.subarray(0, this.position))
      set.bytes = bytes
    }
    if (this.count === set.ends.length) {
      set.ends = larger(set.ends, this.count * 2)
      const keys = new Uint8Array(this.count * 2 * keyLength)
      keys.set(new Uint8Array(set.keys.buffer))
      set.keys = new DataView(keys.buffer)
      if (this.ordered) set.order = larger(set.order, this.count * 4)
    }
    this.use()
  }

  private use(): void {
    const { bytes, ends, keys } = this.set(this.turn)
    this.out = new DataView(bytes.buffer)
    this.limit = bytes.length - slack - this.longest
    this.ends = ends
    this.keys = keys
  }
}
