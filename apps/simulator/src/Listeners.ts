import { type AliasSampler, sampleAlias } from "./AliasSampler.ts"
import type { LocalTime } from "./LocalTime.ts"
import type { Model } from "./Model.ts"
import { bits, exponential, keyA, keyB, mix32, normal } from "./random.ts"

/** What a listener is drawn from: one sampler per attribute, whose index names a fragment of the cast. */
export interface Attributes {
  readonly firstNames: AliasSampler
  readonly lastNames: AliasSampler
  readonly places: AliasSampler
  readonly userAgents: AliasSampler
}

export const yearSeconds = 31_557_600
/** A session's id: this times the listener's number of the session (from 1), and the listener's number (from 1). */
const sessionFactor = 100_000_000

/** Greatest number of listeners that a session id has room for. */
export const mostListeners = sessionFactor - 1

/** A listener whose `time` is this never acts again. */
export const never = 0x7fffffff

/** Draws of a life begin here; those before it made the listener. */
const firstDraw = 16

/** 32 bits that stay with a listener: a bijection of its number, so no two of a run share them. Its hex text is the device id. */
export const deviceOf = (seed: number, listener: number): number =>
  mix32((listener ^ mix32(seed ^ mix32(Math.floor(seed / 0x100000000)))) >>> 0)

/*
 * One listener is 16 words of 32 bits, a cache line: listeners act in no order of memory, and each line costs a wait.
 * Word `n` of listener i is words[i * 16 + n].
 */
export const lineBits = 4
/** Seconds after the start at which the listener acts next; `never`: no more. */
export const timeWord = 0
/** State, session (from 1), item and song (-1: none yet in this session) of what the listener does then. */
export const stateWord = 1
export const sessionWord = 2
export const itemWord = 3
export const songWord = 4
/** When that song ends, or the last one of the session. */
export const songEndWord = 5
/** 1 when the last page was Login. */
export const afterLoginWord = 6
/** End of the last session (or time of joining): what attrition counts from. */
export const sinceWord = 7
/** The listener's stream of randomness: its key, and the number of the next draw. */
export const keyAWord = 8
export const keyBWord = 9
export const drawsWord = 10
/** Slot of the session's texts (`SessionTexts`), -1: none. */
export const slotWord = 11
/** Mean seconds between actions and between sessions: doubles 6 and 7 of the 8 of a line. */
const alphaDouble = 6
const betaDouble = 7

/** Initial listeners that another thread has made: `count` lines, and the listeners' numbers. */
export interface MadeListeners {
  readonly count: number
  readonly words: Int32Array<ArrayBuffer>
  readonly numbers: Int32Array<ArrayBuffer>
}

/**
 * All listeners in typed arrays, what the loop needs in `words`, what makes a new session in arrays beside. A
 * listener's life depends on (seed, its number) and the moment it joined, on nobody else.
 */
export class Listeners {
  count = 0
  capacity: number
  words: Int32Array<ArrayBuffer>
  private doubles: Float64Array
  /** The number of each listener in the whole simulation, from 0, ascending: a slice of it has only some of them. */
  number: Int32Array<ArrayBuffer>
  /** When those who joined were first seen as users, epoch ms; NaN: not yet. The first of them is listener `joined`. */
  private registrations = new Float64Array(0)
  private joined = 0

  private readonly seed: number
  private readonly model: Model
  private readonly attributes: Attributes
  private readonly start: number
  private readonly growthRate: number
  private readonly localTime: LocalTime | undefined

  /** `start` in epoch seconds. */
  constructor(
    capacity: number,
    options: {
      readonly seed: number
      readonly model: Model
      readonly attributes: Attributes
      readonly start: number
      readonly growthRate: number
      /** Where listeners go by their own clock. */
      readonly localTime?: LocalTime | undefined
    }
  ) {
    this.seed = options.seed
    this.model = options.model
    this.attributes = options.attributes
    this.start = options.start
    this.growthRate = options.growthRate
    this.localTime = options.localTime
    this.capacity = capacity
    this.words = new Int32Array(capacity << lineBits)
    this.doubles = new Float64Array(this.words.buffer)
    this.number = new Int32Array(capacity)
  }

  /** Adds one of the initial listeners, who has listened for a while: the first session begins up to beta before 0. */
  addInitial(number: number): number {
    const i = this.create(number)
    const { authLimits, levelLimits, initialClass } = this.model
    const auth = pickLimit(authLimits, 0, authLimits.length, this.fixed(i, 2))
    const level = pickLimit(levelLimits, 0, levelLimits.length, this.fixed(i, 3))
    this.joined = this.count
    const beta = Math.floor(this.beta(i))
    // Someone whose sessions lie decades apart never comes; the run-in would not fit into the clock.
    if (beta > 500_000_000) {
      this.words[(i << lineBits) + timeWord] = never
      return i
    }
    let c = this.next(i, -2 * beta)
    while (c < -beta) c = this.next(i, c)
    // Nobody leaves for good before the history begins: attrition counts from its start.
    this.words[(i << lineBits) + sinceWord] = Math.max(0, c)
    this.begin(i, c, initialClass[auth][level])
    return i
  }

  /** What another thread needs to `adopt` these, all of them initial listeners. */
  made(): MadeListeners {
    return { count: this.count, words: this.words, numbers: this.number }
  }

  /** Adds initial listeners that another thread has made; answers the first one's index. */
  adopt({ count, numbers, words }: MadeListeners): number {
    const first = this.count
    while (this.capacity < first + count) this.grow()
    this.words.set(words.subarray(0, count << lineBits), first << lineBits)
    this.number.set(numbers.subarray(0, count), first)
    this.count = this.joined = first + count
    return first
  }

  /** Adds a listener who joins at `time` (seconds after the start), and whose first session is then. */
  addJoining(number: number, time: number): number {
    const i = this.create(number)
    const n = i - this.joined
    if (n === this.registrations.length) this.registrations = larger(this.registrations, n * 2 + 16)
    this.registrations[n] = Number.NaN
    let c = time + this.model.greatestShift
    c += this.model.shifts[this.secondOfDay(i, c)]
    const refused = this.model.weekendShare(this.clock(i, c))
    if (refused > 0 && this.draw(i) < refused * 4294967296) c = this.next(i, c)
    this.words[(i << lineBits) + sinceWord] = c
    this.begin(i, c, this.model.newUserClass)
    return i
  }

  /** Mean seconds between actions. */
  alpha(i: number): number {
    return this.doubles[(i << (lineBits - 1)) + alphaDouble]
  }

  /** Mean seconds between sessions. */
  beta(i: number): number {
    return this.doubles[(i << (lineBits - 1)) + betaDouble]
  }

  /** The device of the listener. */
  device(i: number): number {
    return deviceOf(this.seed, this.number[i])
  }

  firstName(i: number): number {
    return sampleAlias(this.attributes.firstNames, this.fixed(i, 4), this.fixed(i, 5))
  }

  lastName(i: number): number {
    return sampleAlias(this.attributes.lastNames, this.fixed(i, 6), this.fixed(i, 7))
  }

  place(i: number): number {
    return sampleAlias(this.attributes.places, this.fixed(i, 8), this.fixed(i, 9))
  }

  userAgent(i: number): number {
    return sampleAlias(this.attributes.userAgents, this.fixed(i, 10), this.fixed(i, 12))
  }

  /** When the listener was registered, epoch ms. Whoever joined is registered when first seen as a user, now (`ts`) if never before. */
  registrationAt(i: number, ts: number): number {
    if (i < this.joined) return (this.start - this.age(this.fixed(i, 11))) * 1000
    const n = i - this.joined
    if (Number.isNaN(this.registrations[n])) this.registrations[n] = ts
    return this.registrations[n]
  }

  /** 32 bits of the listener's stream. */
  draw(i: number): number {
    const { words } = this
    const at = i << lineBits
    return bits(words[at + keyAWord], words[at + keyBWord], words[at + drawsWord]++)
  }

  /** Begins a session at `time` for an (auth, level) class. A song is picked by the caller where the state is NextSong. */
  begin(i: number, time: number, startClass: number): void {
    const { startFirst, startLimits, startStates } = this.model
    const { words } = this
    const at = i << lineBits
    if (time >= never) {
      words[at + timeWord] = never
      return
    }
    words[at + timeWord] = time
    words[at + stateWord] =
      startStates[pickLimit(startLimits, startFirst[startClass], startFirst[startClass + 1], this.draw(i))]
    words[at + sessionWord]++
    words[at + itemWord] = 0
    words[at + songWord] = -1
    words[at + afterLoginWord] = 0
  }

  /** Start of the session after an event (or a refused start) at `last`. */
  next(i: number, last: number): number {
    const { sessionGap, shifts, weekendShare } = this.model
    const beta = this.beta(i)
    for (;;) {
      let c = last + Math.floor(beta * exponential(this.draw(i))) + sessionGap
      if (c >= never - 86_400) return never
      c += shifts[this.secondOfDay(i, c)]
      if (c < last) {
        // A second at least, or a strong daily rhythm could refuse for ever.
        last += Math.max(1, sessionGap)
        continue
      }
      const refused = weekendShare(this.clock(i, c))
      if (refused > 0 && this.draw(i) < refused * 4294967296) {
        last = c
        continue
      }
      return c
    }
  }

  /** What the clock shows, as epoch seconds: UTC, or the listener's own time. */
  private clock(i: number, time: number): number {
    const utc = this.start + time
    return this.localTime === undefined ? utc : utc + this.localTime.offset(this.place(i), utc)
  }

  private secondOfDay(i: number, time: number): number {
    return ((this.clock(i, time) % 86_400) + 86_400) % 86_400
  }

  private fixed(i: number, draw: number): number {
    const at = i << lineBits
    return bits(this.words[at + keyAWord], this.words[at + keyBWord], draw)
  }

  private create(number: number): number {
    if (this.count === this.capacity) this.grow()
    const i = this.count++
    const { model } = this
    const at = i << lineBits
    this.number[i] = number
    this.words[at + keyAWord] = keyA(this.seed, number)
    this.words[at + keyBWord] = keyB(this.seed, number)
    this.words[at + drawsWord] = firstDraw
    this.doubles[(at >> 1) + alphaDouble] = model.alpha * logNormal(this.fixed(i, 0))
    this.doubles[(at >> 1) + betaDouble] = model.beta * logNormal(this.fixed(i, 1))
    this.words[at + slotWord] = -1
    return i
  }

  /**
   * Seconds since registration at the start: the ages in a population that has grown at the growth rate for the last
   * five years (without growth: any age up to five years). Eventsim: exponential with a mean of `growth rate` years,
   * at most five.
   */
  private age(k: number): number {
    const g = this.growthRate
    if (this.model.eventsimCompatible) return Math.floor(Math.min(g * exponential(k), 5) * yearSeconds)
    const u = (k + 0.5) / 4294967296
    const years = g < 1e-9 ? 5 * u : -Math.log(1 - u * (1 - Math.exp(-5 * g))) / g
    return Math.floor(Math.round(years * yearSeconds * 1000) / 1000)
  }

  private grow(): void {
    this.capacity = Math.max(16, Math.ceil(this.capacity * 1.5))
    this.words = larger(this.words, this.capacity << lineBits)
    this.doubles = new Float64Array(this.words.buffer)
    this.number = larger(this.number, this.capacity)
  }
}

/** A copy of a typed array with room for `length` entries. */
export const larger = <A extends Int32Array | Uint16Array | Float64Array>(old: A, length: number): A => {
  const made = new (old.constructor as new (length: number) => A)(length)
  made.set(old)
  return made
}

/** Index of the first of limits [from, to) above `k` (the last one when rounding leaves none). */
export const pickLimit = (limits: Float64Array, from: number, to: number, k: number): number => {
  for (let n = from; n < to - 1; n++) if (k < limits[n]) return n
  return to - 1
}

/** Log-normal with mean 1: exp(N − ½). Rounded, since the last bit of Math.exp differs between engines. */
const logNormal = (k: number): number =>
  Math.round(Math.exp(normal((k + 0.5) / 4294967296) - 0.5) * 1e9) / 1e9
