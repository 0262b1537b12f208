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

/**
 * All listeners in typed arrays. `time` (seconds after the start), `state`, `item` and `song` describe the event that
 * the listener does next. A listener's life depends on (seed, its number) and the moment it joined, on nobody else.
 */
export class Listeners {
  count = 0
  capacity: number
  alpha: Float64Array
  beta: Float64Array
  keyA: Uint32Array
  keyB: Uint32Array
  draws: Uint32Array
  time: Int32Array
  state: Int16Array
  /** Number of the session, from 1. */
  session: Int32Array
  item: Int32Array
  /** Song of the last NextSong of the session, -1 for none, and the second in which it ends. */
  song: Int32Array
  songEnd: Int32Array
  /** End of the last session (or time of joining): what attrition counts from. */
  since: Int32Array
  afterLogin: Uint8Array
  firstName: Uint16Array
  lastName: Uint16Array
  place: Uint16Array
  userAgent: Uint16Array
  /** Epoch ms; NaN until a listener who joined is first seen as a user. */
  registration: Float64Array

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
    this.alpha = new Float64Array(capacity)
    this.beta = new Float64Array(capacity)
    this.keyA = new Uint32Array(capacity)
    this.keyB = new Uint32Array(capacity)
    this.draws = new Uint32Array(capacity)
    this.time = new Int32Array(capacity)
    this.state = new Int16Array(capacity)
    this.session = new Int32Array(capacity)
    this.item = new Int32Array(capacity)
    this.song = new Int32Array(capacity)
    this.songEnd = new Int32Array(capacity)
    this.since = new Int32Array(capacity)
    this.afterLogin = new Uint8Array(capacity)
    this.firstName = new Uint16Array(capacity)
    this.lastName = new Uint16Array(capacity)
    this.place = new Uint16Array(capacity)
    this.userAgent = new Uint16Array(capacity)
    this.registration = new Float64Array(capacity)
  }

  /** Adds one of the initial listeners, who has listened for a while: the first session begins up to beta before 0. */
  addInitial(): number {
    const i = this.create()
    const { authLimits, levelLimits, initialClass } = this.model
    const auth = pickLimit(authLimits, 0, authLimits.length, this.fixed(i, 2))
    const level = pickLimit(levelLimits, 0, levelLimits.length, this.fixed(i, 3))
    this.registration[i] = (this.start - this.age(this.fixed(i, 11))) * 1000
    const beta = Math.floor(this.beta[i])
    // Someone whose sessions lie decades apart never comes; the run-in would not fit into the clock.
    if (beta > 500_000_000) {
      this.time[i] = never
      return i
    }
    let c = this.next(i, -2 * beta)
    while (c < -beta) c = this.next(i, c)
    // Nobody leaves for good before the history begins: attrition counts from its start.
    this.since[i] = Math.max(0, c)
    this.begin(i, c, initialClass[auth][level])
    return i
  }

  /** Adds a listener who joins at `time` (seconds after the start), and whose first session is then. */
  addJoining(time: number): number {
    const i = this.create()
    this.registration[i] = Number.NaN
    let c = time + this.model.greatestShift
    c += this.model.shifts[this.secondOfDay(i, c)]
    const refused = this.model.weekendShare(this.clock(i, c))
    if (refused > 0 && this.draw(i) < refused * 4294967296) c = this.next(i, c)
    this.since[i] = c
    this.begin(i, c, this.model.newUserClass)
    return i
  }

  /** 32 bits of the listener's stream. */
  draw(i: number): number {
    return bits(this.keyA[i], this.keyB[i], this.draws[i]++)
  }

  /** The session of the listener's next event; unique, since listener numbers stay below 10⁸. */
  sessionId(i: number): number {
    return this.session[i] * sessionFactor + i + 1
  }

  /** Begins a session at `time` for an (auth, level) class. A song is picked by the caller where the state is NextSong. */
  begin(i: number, time: number, startClass: number): void {
    const { startFirst, startLimits, startStates } = this.model
    if (time >= never) {
      this.time[i] = never
      return
    }
    this.time[i] = time
    this.state[i] =
      startStates[pickLimit(startLimits, startFirst[startClass], startFirst[startClass + 1], this.draw(i))]
    this.session[i]++
    this.item[i] = 0
    this.song[i] = -1
    this.afterLogin[i] = 0
  }

  /** Start of the session after an event (or a refused start) at `last`. */
  next(i: number, last: number): number {
    const { sessionGap, shifts, weekendShare } = this.model
    const beta = this.beta[i]
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
    return this.localTime === undefined ? utc : utc + this.localTime.offset(this.place[i], utc)
  }

  private secondOfDay(i: number, time: number): number {
    return ((this.clock(i, time) % 86_400) + 86_400) % 86_400
  }

  private fixed(i: number, draw: number): number {
    return bits(this.keyA[i], this.keyB[i], draw)
  }

  private create(): number {
    if (this.count === this.capacity) this.grow()
    const i = this.count++
    const { attributes, model } = this
    this.keyA[i] = keyA(this.seed, i)
    this.keyB[i] = keyB(this.seed, i)
    this.draws[i] = firstDraw
    this.alpha[i] = model.alpha * logNormal(this.fixed(i, 0))
    this.beta[i] = model.beta * logNormal(this.fixed(i, 1))
    this.firstName[i] = sampleAlias(attributes.firstNames, this.fixed(i, 4), this.fixed(i, 5))
    this.lastName[i] = sampleAlias(attributes.lastNames, this.fixed(i, 6), this.fixed(i, 7))
    this.place[i] = sampleAlias(attributes.places, this.fixed(i, 8), this.fixed(i, 9))
    this.userAgent[i] = sampleAlias(attributes.userAgents, this.fixed(i, 10), this.fixed(i, 12))
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
    for (const [name, value] of Object.entries(this) as Array<[string, unknown]>) {
      if (ArrayBuffer.isView(value)) {
        const old = value as Float64Array
        const larger = new (old.constructor as Float64ArrayConstructor)(this.capacity)
        larger.set(old)
        Object.assign(this, { [name]: larger })
      }
    }
  }
}

/** Index of the first of limits [from, to) above `k` (the last one when rounding leaves none). */
export const pickLimit = (limits: Float64Array, from: number, to: number, k: number): number => {
  for (let n = from; n < to - 1; n++) if (k < limits[n]) return n
  return to - 1
}

/** Log-normal with mean 1: exp(N − ½). Rounded, since the last bit of Math.exp differs between engines. */
const logNormal = (k: number): number =>
  Math.round(Math.exp(normal((k + 0.5) / 4294967296) - 0.5) * 1e9) / 1e9
