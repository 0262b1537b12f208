import type { RecordBatch } from "@musify/domain/RecordBatch.ts"
import { type Topic, topics } from "@musify/domain/Topic.ts"
import type { EventFragments } from "./EventFragments.ts"
import { putBytes, putFour, putInteger, putShort } from "./fragments.ts"
import { afterLoginWord, itemWord, lineBits, type Listeners, songWord, stateWord } from "./Listeners.ts"
import type { Model } from "./Model.ts"
import { SessionTexts, streamNote } from "./SessionTexts.ts"
import { makeStreams, type StreamBuffer } from "./StreamBuffer.ts"

/** Events of one (topic, partition), in time order. Its arrays are used again: they are good until the next `take`. */
export interface WrittenBatch {
  readonly topic: Topic
  readonly partition: number
  readonly records: RecordBatch
}

/** Number of records that are already in the log and must not be written again, per (topic, partition). */
export type Positions = ReadonlyArray<ReadonlyArray<number>>

const [listenTopic, pageTopic, authTopic, statusTopic] = [0, 1, 2, 3]

// What a state is, in bits.
const [song, statusChange, loggedIn, showsUser] = [1, 2, 4, 8]

/**
 * Turns what a listener does into the bytes of its events. An event is put together from a few texts: those of the
 * song, the state and the listener, which have been made before, and digits. Every (topic, partition) has two buffers
 * that are filled in turn, so that the events of one `take` can be stored while the next are made.
 */
export class EventWriter {
  /** Events handed out so far, in the order of `topics`, without the skipped ones. */
  readonly written = new Float64Array(topics.length)
  /** Bytes handed out so far. */
  bytes = 0
  /** Events so far, skipped ones included. */
  events = 0
  /** Times of the first and last event written (NaN: none), epoch ms. */
  firstTs = Number.NaN
  lastTs = Number.NaN
  private ts = 0
  /** `{"ts":` and the digits of the current time. */
  private readonly time = new DataView(new ArrayBuffer(64))
  private readonly digitsFrom: number
  private timeTo: number
  /** The current time without its last four digits, which change far more often. */
  private timeHigh = -1
  /** By topic and partition. */
  readonly streams: ReadonlyArray<StreamBuffer>
  /** Bytes that an event may have, at most. */
  readonly longest: number
  private readonly ordered: boolean
  private number = 0
  readonly texts: SessionTexts
  private readonly kinds: Uint8Array
  private readonly fragments: EventFragments
  private readonly listeners: Listeners

  constructor(options: {
    readonly fragments: EventFragments
    readonly model: Model
    readonly listeners: Listeners
    readonly firstUserId: number
    /** Partitions per topic, in the order of `topics`. */
    readonly partitions: ReadonlyArray<number>
    readonly skip: Positions
    /** See `StreamBuffer`. */
    readonly ordered: boolean
    readonly shared: boolean
    readonly takes: number
    readonly room: number
  }) {
    const { fragments, model } = options
    this.fragments = fragments
    this.listeners = options.listeners
    this.texts = new SessionTexts(options)
    this.ordered = options.ordered
    const longest = (this.longest = this.texts.longest + 2 * longestFragment(fragments) + 256)
    this.streams = makeStreams({ ...options, longest })
    this.kinds = Uint8Array.from(
      model.states,
      (_, s) =>
        (model.isSong[s] === 1 ? song : 0) |
        (model.isStatusChange[s] === 1 ? statusChange : 0) |
        (model.isLoggedIn[s] === 1 ? loggedIn : 0) |
        (model.showsUser[s] === 1 ? showsUser : 0)
    )
    const { bytes, starts } = fragments
    this.digitsFrom = putShort(this.time, 0, bytes, starts[fragments.ts], starts[fragments.ts + 1])
    this.timeTo = this.digitsFrom
  }

  /** Sets the time (epoch ms) of the events that follow. */
  at(ts: number): void {
    this.ts = ts
    const high = Math.floor(ts / 10_000)
    if (high !== this.timeHigh) {
      this.timeHigh = high
      this.timeTo = putInteger(this.time, this.digitsFrom, high) + 4
    }
    putFour(this.time, this.timeTo - 4, ts - high * 10_000)
  }

  /** Writes the events of what listener `i` does now: those of the page view, and of the other topics that it concerns. */
  write(i: number): void {
    const { words } = this.listeners
    const { fragments: f, streams, texts } = this
    const line = i << lineBits
    const state = words[line + stateWord]
    const kind = this.kinds[state]
    if (this.ordered) this.number = this.listeners.number[i]
    texts.enter(i, (kind & showsUser) !== 0, this.ts)
    const { notes } = texts
    const own = texts.note + streamNote
    const item = words[line + itemWord]

    if ((kind & song) !== 0) {
      const song = words[line + songWord]
      this.pageView(streams[notes[own + pageTopic]], f.pageOfState + state, item, f.pageOfSong + song)
      const listen = streams[notes[own + listenTopic]]
      this.event(listen, f.listenOfSong + song, this.digitsFrom, f.listenOfState + state, item, f.end)
    } else {
      this.pageView(streams[notes[own + pageTopic]], f.pageOfState + state, item, f.nothing)
    }
    if ((kind & statusChange) !== 0) {
      const status = streams[notes[own + statusTopic]]
      this.event(status, f.nothing, 0, f.listenOfState + state, item, f.end)
    }
    if (words[line + afterLoginWord] === 1) {
      const end = (kind & loggedIn) !== 0 ? f.endOfSuccess : f.endOfFailure
      this.event(streams[notes[own + authTopic]], f.nothing, 0, f.authOfState + state, item, end)
    }
  }

  /** Hands out the events since the last call, by topic and partition. */
  take(): ReadonlyArray<WrittenBatch> {
    const batches: Array<WrittenBatch> = []
    for (const stream of this.streams) {
      if (stream.count === 0) continue
      this.written[stream.topic] += stream.count
      this.bytes += stream.position
      batches.push(stream.take())
    }
    return batches
  }

  /** A page view: time, session, page …, item, listener, song. */
  private pageView(stream: StreamBuffer, page: number, item: number, song: number): void {
    if (this.passesOver(stream)) return
    const { fragments: f, texts, time } = this
    const { bytes, starts } = f
    const { out } = stream
    let p = putShort(out, stream.position, time, 0, this.timeTo)
    p = putShort(out, p, texts.bytes, texts.session, texts.sessionEnd)
    p = putBytes(out, p, bytes, starts[page], starts[page + 1])
    p = putInteger(out, p, item)
    p = putBytes(out, p, texts.bytes, texts.own, texts.ownEnd)
    p = putBytes(out, p, bytes, starts[song], starts[song + 1])
    p = putShort(out, p, bytes, starts[f.end], starts[f.end + 1])
    stream.finish(p, texts.bytes, texts.key)
    if (this.ordered) stream.mark(this.ts, this.number)
  }

  /** An event of another topic: what comes before the time, time, session, state, item, listener, end. */
  private event(
    stream: StreamBuffer,
    head: number,
    timeFrom: number,
    state: number,
    item: number,
    end: number
  ): void {
    if (this.passesOver(stream)) return
    const { texts, time } = this
    const { bytes, starts } = this.fragments
    const { out } = stream
    let p = putBytes(out, stream.position, bytes, starts[head], starts[head + 1])
    p = putShort(out, p, time, timeFrom, this.timeTo)
    p = putShort(out, p, texts.bytes, texts.session, texts.sessionEnd)
    p = putBytes(out, p, bytes, starts[state], starts[state + 1])
    p = putInteger(out, p, item)
    p = putBytes(out, p, texts.bytes, texts.own, texts.ownEnd)
    p = putShort(out, p, bytes, starts[end], starts[end + 1])
    stream.finish(p, texts.bytes, texts.key)
    if (this.ordered) stream.mark(this.ts, this.number)
  }

  /** Counts an event, and tells whether the log has it already. */
  private passesOver(stream: StreamBuffer): boolean {
    this.events++
    if (stream.skip > 0) {
      stream.skip--
      return true
    }
    if (Number.isNaN(this.firstTs)) this.firstTs = this.ts
    this.lastTs = this.ts
    return false
  }
}

/** An upper bound for a fragment's bytes. */
const longestFragment = (f: EventFragments): number => {
  let longest = 0
  for (let n = 0; n < f.starts.length - 1; n++) longest = Math.max(longest, f.starts[n + 1] - f.starts[n])
  return longest
}
