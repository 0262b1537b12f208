import type { RecordBatch } from "@musify/domain/RecordBatch.ts"
import { slack } from "./fragments.ts"
import { larger } from "./Listeners.ts"

/** Length of a record's key, the device id: eight hex digits. */
export const keyLength = 8

interface Half {
  bytes: Uint8Array
  ends: Int32Array
  keys: DataView
}

/** Ends of keys, which are the same in every batch. */
let keyEnds = new Int32Array(0)
const keyEndsFor = (count: number): Int32Array => {
  if (keyEnds.length < count) {
    keyEnds = Int32Array.from({ length: Math.max(1024, count * 2) }, (_, n) => (n + 1) * keyLength)
  }
  return keyEnds.subarray(0, count)
}

/**
 * The events of one (topic, partition) that wait to be taken. Two sets of arrays are used in turn: what was taken stays
 * as it is until the next `take`.
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
  private ends: Int32Array
  private keys: DataView
  private current: Half
  private other: Half
  /** An event that begins here or before fits. */
  private limit: number
  private readonly longest: number

  /** `longest`: bytes that an event may have. */
  constructor(topic: number, partition: number, skip: number, longest: number) {
    this.topic = topic
    this.partition = partition
    this.skip = skip
    this.longest = longest
    const half = (): Half => ({
      bytes: new Uint8Array(longest * 2 + slack),
      ends: new Int32Array(16),
      keys: new DataView(new ArrayBuffer(16 * keyLength))
    })
    this.current = half()
    this.other = half()
    this.out = new DataView(this.current.bytes.buffer)
    this.ends = this.current.ends
    this.keys = this.current.keys
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

  /** The events since the last call. */
  take(): RecordBatch {
    const { count, current, position } = this
    this.current = this.other
    this.other = current
    this.use()
    this.position = 0
    this.count = 0
    return {
      count,
      keys: { data: new Uint8Array(current.keys.buffer, 0, count * keyLength), ends: keyEndsFor(count) },
      values: { data: current.bytes.subarray(0, position), ends: current.ends.subarray(0, count) }
    }
  }

  private enlarge(): void {
    const { current } = this
    if (this.position > this.limit) {
      const bytes = new Uint8Array(current.bytes.length * 2)
      bytes.set(current.bytes.subarray(0, this.position))
      current.bytes = bytes
    }
    if (this.count === current.ends.length) {
      current.ends = larger(current.ends, this.count * 2)
      const keys = new Uint8Array(this.count * 2 * keyLength)
      keys.set(new Uint8Array(current.keys.buffer))
      current.keys = new DataView(keys.buffer)
    }
    this.use()
  }

  private use(): void {
    const { bytes, ends, keys } = this.current
    this.out = new DataView(bytes.buffer)
    this.limit = bytes.length - slack - this.longest
    this.ends = ends
    this.keys = keys
  }
}
