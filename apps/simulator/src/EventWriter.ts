import type { RecordBatch } from "@musify/domain/RecordBatch.ts"
import { type Topic, topics } from "@musify/domain/Topic.ts"
import type { EventFragments } from "./EventFragments.ts"
import { putBytes, putEight, putInteger } from "./fragments.ts"
import type { Listeners } from "./Listeners.ts"
import type { Model } from "./Model.ts"

/** Events of one (topic, partition), in time order. Its arrays are reused: they are good until the next event is written. */
export interface WrittenBatch {
  readonly topic: Topic
  readonly partition: number
  readonly records: RecordBatch
}

const dropped = 0xffff
const [listenTopic, pageTopic, authTopic, statusTopic] = [0, 1, 2, 3]

/** Length of a record's key, the device id: eight hex digits. */
export const keyLength = 8
const hexDigits = new TextEncoder().encode("0123456789abcdef")

/** Writes a device id as eight hex digits. */
export const putDevice = (out: Uint8Array, at: number, device: number): void => {
  for (let shift = 28; shift >= 0; shift -= 4) out[at++] = hexDigits[(device >>> shift) & 15]
}

/** Number of records that are already in the log and must not be written again, per (topic, partition). */
export type Positions = ReadonlyArray<ReadonlyArray<number>>

/**
 * Turns what a listener does into the bytes of its events. One buffer holds the fragments, behind them the events in
 * the order in which they happen, behind those, when a chunk is taken, the same events sorted by topic and partition:
 * all copies stay within one array, which is what engines do fastest. No object is made per event.
 */
export class EventWriter {
  /** Events so far, in the order of `topics`, without the skipped ones. */
  readonly written = new Float64Array(topics.length)
  /** Events so far, skipped ones included. */
  events = 0
  /** Times of the first and last event written (NaN: none), epoch ms. */
  firstTs = Number.NaN
  lastTs = Number.NaN
  private ts = 0
  private buffer: Uint8Array
  private readonly base: number
  private position: number
  private readonly room: number
  private ends = new Float64Array(1 << 14)
  private streams = new Uint16Array(1 << 14)
  private devices = new Uint32Array(1 << 14)
  private records = 0
  private tsFrom: number
  private tsTo: number
  /** First stream number of each topic; a stream is a (topic, partition). */
  private readonly firstStream: Int32Array
  private readonly skips: Float64Array
  private skipping: boolean
  private readonly fragments: EventFragments
  private readonly model: Model
  private readonly listeners: Listeners
  private readonly firstUserId: number

  constructor(options: {
    readonly fragments: EventFragments
    readonly model: Model
    readonly listeners: Listeners
    readonly firstUserId: number
    /** Partitions per topic, in the order of `topics`. */
    readonly partitions: ReadonlyArray<number>
    readonly skip: Positions
  }) {
    this.fragments = options.fragments
    this.model = options.model
    this.listeners = options.listeners
    this.firstUserId = options.firstUserId
    this.firstStream = new Int32Array(topics.length + 1)
    options.partitions.forEach((n, t) => (this.firstStream[t + 1] = this.firstStream[t] + n))
    this.skips = Float64Array.from(
      options.partitions.flatMap((n, t) => Array.from({ length: n }, (_, p) => options.skip[t]?.[p] ?? 0))
    )
    this.skipping = this.skips.some((n) => n > 0)
    // Behind the fragments, a place for the digits of the current time.
    this.tsFrom = options.fragments.bytes.length
    this.tsTo = this.tsFrom
    this.base = this.tsFrom + 32
    this.position = this.base
    this.room = 2 * longestEvent(options.fragments) + 1024
    this.buffer = new Uint8Array(this.base + (1 << 20))
    this.buffer.set(options.fragments.bytes)
  }

  /** Whether events are still being passed over because the log has them. */
  get isSkipping(): boolean {
    return this.skipping
  }

  /** Bytes of events that wait to be taken. */
  get pendingBytes(): number {
    return this.position - this.base
  }

  get pendingRecords(): number {
    return this.records
  }

  /** Sets the time (epoch ms) of the events that follow. */
  at(ts: number): void {
    this.ts = ts
    this.tsTo = putInteger(this.buffer, this.tsFrom, ts)
  }

  /** Writes the events of what listener `i` does now, given its partition per topic. */
  write(i: number, device: number, partitions: Uint16Array, partitionsAt: number): void {
    const { model, listeners, firstStream } = this
    // The last skip may end with this very event.
    const wasSkipping = this.skipping
    const state = listeners.state[i]
    const page = this.stream(firstStream[pageTopic] + partitions[partitionsAt + pageTopic])
    const listen =
      model.isSong[state] === 1
        ? this.stream(firstStream[listenTopic] + partitions[partitionsAt + listenTopic])
        : -1
    const auth =
      listeners.afterLogin[i] === 1
        ? this.stream(firstStream[authTopic] + partitions[partitionsAt + authTopic])
        : -1
    const status =
      model.isStatusChange[state] === 1
        ? this.stream(firstStream[statusTopic] + partitions[partitionsAt + statusTopic])
        : -1
    if (wasSkipping) {
      const writes =
        page !== dropped ||
        (listen !== -1 && listen !== dropped) ||
        (auth !== -1 && auth !== dropped) ||
        (status !== -1 && status !== dropped)
      if (!writes) return
    }

    if (this.position + this.room > this.buffer.length) this.enlarge(this.buffer.length * 2)
    if (this.records + 4 > this.ends.length) this.enlargeRecords()
    if (Number.isNaN(this.firstTs)) this.firstTs = this.ts
    this.lastTs = this.ts
    const b = this.buffer
    const { starts } = this.fragments
    const f = this.fragments

    // The page view comes first; the others copy what they have in common with it.
    let p = putBytes(b, this.position, starts[f.ts], starts[f.ts + 1])
    const head = p
    p = putBytes(b, p, this.tsFrom, this.tsTo)
    p = putBytes(b, p, starts[f.sessionId], starts[f.sessionId + 1])
    p = putEight(b, putInteger(b, p, listeners.session[i]), i + 1)
    const headEnd = p
    p = putBytes(b, p, starts[f.pageOfState + state], starts[f.pageOfState + state + 1])
    const tail = p
    p = putInteger(b, p, listeners.item[i])
    const place = listeners.place[i]
    p = putBytes(b, p, starts[f.placeBefore + place], starts[f.placeBefore + place + 1])
    const agent = f.userAgent + listeners.userAgent[i]
    p = putBytes(b, p, starts[agent], starts[agent + 1])
    p = putBytes(b, p, starts[f.placeAfter + place], starts[f.placeAfter + place + 1])
    if (model.showsUser[state] === 1) {
      p = putBytes(b, p, starts[f.userId], starts[f.userId + 1])
      p = putInteger(b, p, this.firstUserId + i)
      const last = f.lastName + listeners.lastName[i]
      p = putBytes(b, p, starts[last], starts[last + 1])
      const first = f.firstName + listeners.firstName[i]
      p = putBytes(b, p, starts[first], starts[first + 1])
      p = putSigned(b, p, listeners.registration[i])
      p = putBytes(b, p, starts[f.tag], starts[f.tag + 1])
    }
    const tailEnd = p
    if (listen !== -1) {
      const song = f.pageOfSong + listeners.song[i]
      p = putBytes(b, p, starts[song], starts[song + 1])
    }
    const endFrom = starts[f.end]
    const endTo = starts[f.end + 1]
    p = putBytes(b, p, endFrom, endTo)
    this.record(page, p, device)

    if (listen !== -1) {
      const song = f.listenOfSong + listeners.song[i]
      p = putBytes(b, p, starts[song], starts[song + 1])
      p = putBytes(b, p, head, headEnd)
      p = putBytes(b, p, starts[f.listenOfState + state], starts[f.listenOfState + state + 1])
      p = putBytes(b, p, tail, tailEnd)
      p = putBytes(b, p, endFrom, endTo)
      this.record(listen, p, device)
    }
    if (status !== -1) {
      p = putBytes(b, p, starts[f.ts], starts[f.ts + 1])
      p = putBytes(b, p, head, headEnd)
      p = putBytes(b, p, starts[f.listenOfState + state], starts[f.listenOfState + state + 1])
      p = putBytes(b, p, tail, tailEnd)
      p = putBytes(b, p, endFrom, endTo)
      this.record(status, p, device)
    }
    if (auth !== -1) {
      p = putBytes(b, p, starts[f.ts], starts[f.ts + 1])
      p = putBytes(b, p, head, headEnd)
      p = putBytes(b, p, starts[f.authOfState + state], starts[f.authOfState + state + 1])
      p = putBytes(b, p, tail, tailEnd)
      const success = model.isLoggedIn[state] === 1 ? f.successTrue : f.successFalse
      p = putBytes(b, p, starts[success], starts[success + 1])
      p = putBytes(b, p, endFrom, endTo)
      this.record(auth, p, device)
    }
    this.position = p
  }

  /** Hands out the events since the last call, by topic and partition, and forgets them. */
  take(): ReadonlyArray<WrittenBatch> {
    const streams = this.skips.length
    const counts = new Int32Array(streams)
    const sizes = new Float64Array(streams)
    let from = this.base
    for (let r = 0; r < this.records; r++) {
      const to = this.ends[r]
      const stream = this.streams[r]
      if (stream !== dropped) {
        counts[stream]++
        sizes[stream] += to - from
      }
      from = to
    }
    const pending = this.pendingBytes
    if (this.base + 2 * pending > this.buffer.length) this.enlarge(this.base + 2 * pending + this.room)
    const b = this.buffer
    const into = new Float64Array(streams)
    const valueEnds = Array.from(counts, (n) => new Int32Array(n))
    const keys = Array.from(counts, (n) => new Uint8Array(n * keyLength))
    const filled = new Int32Array(streams)
    let at = this.position
    for (let s = 0; s < streams; s++) {
      into[s] = at
      at += sizes[s]
    }
    const regions = Float64Array.from(into)
    from = this.base
    for (let r = 0; r < this.records; r++) {
      const to = this.ends[r]
      const s = this.streams[r]
      if (s !== dropped) {
        b.copyWithin(into[s], from, to)
        into[s] += to - from
        const n = filled[s]++
        valueEnds[s][n] = into[s] - regions[s]
        putDevice(keys[s], n * keyLength, this.devices[r])
      }
      from = to
    }
    this.position = this.base
    this.records = 0

    const batches: Array<WrittenBatch> = []
    for (let t = 0; t < topics.length; t++) {
      for (let s = this.firstStream[t]; s < this.firstStream[t + 1]; s++) {
        const count = counts[s]
        if (count === 0) continue
        this.written[t] += count
        batches.push({
          topic: topics[t],
          partition: s - this.firstStream[t],
          records: {
            count,
            keys: { data: keys[s], ends: Int32Array.from({ length: count }, (_, n) => (n + 1) * keyLength) },
            values: { data: b.subarray(regions[s], regions[s] + sizes[s]), ends: valueEnds[s] }
          }
        })
      }
    }
    return batches
  }

  /** Counts an event of a stream: its number, or `dropped` when the log has the event. */
  private stream(s: number): number {
    this.events++
    if (!this.skipping || this.skips[s] === 0) return s
    if (--this.skips[s] === 0) this.skipping = this.skips.some((n) => n > 0)
    return dropped
  }

  private record(stream: number, end: number, device: number): void {
    const r = this.records++
    this.ends[r] = end
    this.streams[r] = stream
    this.devices[r] = device
  }

  private enlarge(length: number): void {
    const larger = new Uint8Array(length)
    larger.set(this.buffer.subarray(0, this.position))
    this.buffer = larger
  }

  private enlargeRecords(): void {
    const length = this.ends.length * 2
    const ends = new Float64Array(length)
    ends.set(this.ends)
    this.ends = ends
    const streams = new Uint16Array(length)
    streams.set(this.streams)
    this.streams = streams
    const devices = new Uint32Array(length)
    devices.set(this.devices)
    this.devices = devices
  }
}

/** Registrations of very early starts may lie before 1970. */
const putSigned = (out: Uint8Array, at: number, n: number): number => {
  if (n >= 0) return putInteger(out, at, n)
  out[at] = 45
  return putInteger(out, at + 1, -n)
}

/** An upper bound for one event's bytes: the longest fragment of each kind. */
const longestEvent = (f: EventFragments): number => {
  let longest = 0
  for (let n = 0; n < f.starts.length - 1; n++) longest = Math.max(longest, f.starts[n + 1] - f.starts[n])
  return 8 * longest + 256
}
