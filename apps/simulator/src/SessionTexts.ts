import { topics } from "@musify/domain/Topic.ts"
import { partitionOf } from "@musify/stream/partitioner.ts"
import type { EventFragments } from "./EventFragments.ts"
import { putBytes, putEight, putInteger, putShort, putSigned, slack } from "./fragments.ts"
import { larger, lineBits, type Listeners, sessionWord, slotWord } from "./Listeners.ts"
import { keyLength } from "./StreamBuffer.ts"

/*
 * A slot: notes in 16 words of 32 bits, `,"sessionId":…`, the device id, and from `ownAt` what an event says about its
 * listener: first what it says of everyone, then what it says of known users.
 */
const sessionEndNote = 0
const placeEndNote = 1
/** 0: the user is not written yet. */
const userEndNote = 2
/** The streams of the listener's events, by topic. */
export const streamNote = 3
const sessionAt = 64
const keyAt = sessionAt + 32
const ownAt = keyAt + keyLength

const hexDigits = new TextEncoder().encode("0123456789abcdef")

/** Writes a device id as eight hex digits. */
export const putDevice = (out: DataView, at: number, device: number): void => {
  for (let shift = 28; shift >= 0; shift -= 4) out.setUint8(at++, hexDigits[(device >>> shift) & 15])
}

/**
 * What stays the same from event to event of a session, put together once. Only listeners who are in a session have a
 * slot: the slots in use stay few and close together, whatever the number of listeners.
 */
export class SessionTexts {
  bytes: DataView
  notes: Int32Array
  /** Of the slot entered: `,"sessionId":…` is [session, sessionEnd), the key is at `key`, the rest [own, ownEnd). */
  session = 0
  sessionEnd = 0
  key = 0
  own = 0
  ownEnd = 0
  /** Where the notes of the slot entered begin. */
  note = 0
  /** Bytes that a slot may take, at most. */
  readonly longest: number
  /** Bytes from slot to slot: whole cache lines, and no power of two, or all slots would crowd the same few of them. */
  private readonly stride: number
  private slots = 64
  private free = new Int32Array(64)
  private freed = 0
  private readonly fragments: EventFragments
  private readonly listeners: Listeners
  private readonly firstUserId: number
  private readonly partitions: ReadonlyArray<number>
  /** Of no use but to `touch`. */
  touched = 0
  private readonly firstStream: ReadonlyArray<number>

  constructor(options: {
    readonly fragments: EventFragments
    readonly listeners: Listeners
    readonly firstUserId: number
    readonly partitions: ReadonlyArray<number>
  }) {
    this.fragments = options.fragments
    this.listeners = options.listeners
    this.firstUserId = options.firstUserId
    this.partitions = options.partitions
    this.firstStream = topics.map((_, t) => options.partitions.slice(0, t).reduce((sum, n) => sum + n, 0))
    this.longest = ownAt + longestOwn(options.fragments) + slack
    this.stride = (Math.ceil(this.longest / 64) | 1) * 64
    const buffer = new ArrayBuffer(this.slots * this.stride)
    this.bytes = new DataView(buffer)
    this.notes = new Int32Array(buffer)
    this.addFree(0)
  }

  /** Finds or makes the texts of listener `i`'s session, with names if `known`; `ts` is the time now, epoch ms. */
  enter(i: number, known: boolean, ts: number): void {
    const { words } = this.listeners
    let slot = words[(i << lineBits) + slotWord]
    if (slot < 0) slot = this.open(i)
    const at = slot * this.stride
    const note = at >> 2
    const { notes } = this
    this.note = note
    this.session = at + sessionAt
    this.sessionEnd = notes[note + sessionEndNote]
    this.key = at + keyAt
    this.own = at + ownAt
    if (known) {
      if (notes[note + userEndNote] === 0) this.addUser(i, note, ts)
      this.ownEnd = notes[note + userEndNote]
    } else {
      this.ownEnd = notes[note + placeEndNote]
    }
  }

  /**
   * Asks for the memory of the sessions of the first `count` of `listeners`: all at once, where one after the other
   * each would be waited for. What is read is kept, so that no engine leaves it out.
   */
  touch(listeners: Int32Array, count: number): void {
    const { notes, stride } = this
    const { words } = this.listeners
    let sum = 0
    for (let n = 0; n < count; n++) {
      const slot = words[(listeners[n] << lineBits) + slotWord]
      if (slot < 0) continue
      const at = (slot * stride) >> 2
      sum |= notes[at] | notes[at + 16] | notes[at + 32] | notes[at + 48] | notes[at + 64] | notes[at + 80]
    }
    this.touched = sum
  }

  /** The session of listener `i` is over: its slot is free. */
  leave(i: number): void {
    const { words } = this.listeners
    const at = (i << lineBits) + slotWord
    if (words[at] < 0) return
    this.free[this.freed++] = words[at]
    words[at] = -1
  }

  private open(i: number): number {
    if (this.freed === 0) this.enlarge()
    const slot = this.free[--this.freed]
    const { bytes, fragments: f, listeners, notes } = this
    const { starts } = f
    const line = i << lineBits
    listeners.words[line + slotWord] = slot
    const at = slot * this.stride
    const note = at >> 2

    let p = putShort(bytes, at + sessionAt, f.bytes, starts[f.sessionId], starts[f.sessionId + 1])
    p = putInteger(bytes, p, listeners.words[line + sessionWord])
    notes[note + sessionEndNote] = putEight(bytes, p, listeners.number[i] + 1)

    putDevice(bytes, at + keyAt, listeners.device(i))
    for (let t = 0; t < topics.length; t++) {
      notes[note + streamNote + t] = this.firstStream[t] + this.partition(at + keyAt, this.partitions[t])
    }

    const place = f.place + 2 * listeners.place(i)
    const agent = f.userAgent + listeners.userAgent(i)
    p = putBytes(bytes, at + ownAt, f.bytes, starts[place], starts[place + 1])
    p = putBytes(bytes, p, f.bytes, starts[agent], starts[agent + 1])
    notes[note + placeEndNote] = putBytes(bytes, p, f.bytes, starts[place + 1], starts[place + 2])
    notes[note + userEndNote] = 0
    return slot
  }

  private addUser(i: number, note: number, ts: number): void {
    const { bytes, fragments: f, listeners, notes } = this
    const { starts } = f
    const last = f.lastName + listeners.lastName(i)
    const first = f.firstName + listeners.firstName(i)
    let p = putShort(bytes, notes[note + placeEndNote], f.bytes, starts[f.userId], starts[f.userId + 1])
    p = putInteger(bytes, p, this.firstUserId + listeners.number[i])
    p = putShort(bytes, p, f.bytes, starts[last], starts[last + 1])
    p = putBytes(bytes, p, f.bytes, starts[first], starts[first + 1])
    p = putSigned(bytes, p, listeners.registrationAt(i, ts))
    notes[note + userEndNote] = putShort(bytes, p, f.bytes, starts[f.tag], starts[f.tag + 1])
  }

  private partition(key: number, partitions: number): number {
    return partitions === 1 ? 0 : partitionOf(new Uint8Array(this.bytes.buffer, key, keyLength), partitions)
  }

  private enlarge(): void {
    const old = this.slots
    this.slots *= 2
    const bytes = new Uint8Array(this.slots * this.stride)
    bytes.set(new Uint8Array(this.bytes.buffer))
    this.bytes = new DataView(bytes.buffer)
    this.notes = new Int32Array(bytes.buffer)
    this.free = larger(this.free, this.slots)
    this.addFree(old)
  }

  private addFree(from: number): void {
    for (let slot = this.slots - 1; slot >= from; slot--) this.free[this.freed++] = slot
  }
}

/** An upper bound for what is said about a listener. */
const longestOwn = (f: EventFragments): number => {
  const longest = (first: number, end: number, step = 1): number => {
    let most = 0
    for (let n = first; n < end; n += step) most = Math.max(most, f.starts[n + step] - f.starts[n])
    return most
  }
  return (
    longest(f.place, f.userAgent, 2) +
    longest(f.userAgent, f.userId) +
    longest(f.userId, f.lastName) +
    longest(f.lastName, f.firstName) +
    longest(f.firstName, f.tag) +
    longest(f.tag, f.ts) +
    40
  )
}
