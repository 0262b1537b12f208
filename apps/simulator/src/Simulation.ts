import { type AliasSampler, sampleAlias } from "./AliasSampler.ts"
import type { CompiledCast } from "./CompiledCast.ts"
import type { EventsimConfig } from "./EventsimConfig.ts"
import { EventWriter, type Positions, type WrittenBatch } from "./EventWriter.ts"
import {
  afterLoginWord,
  itemWord,
  lineBits,
  Listeners,
  type MadeListeners,
  never,
  sinceWord,
  songEndWord,
  songWord,
  stateWord,
  timeWord,
  yearSeconds
} from "./Listeners.ts"
import { makeLocalTime } from "./LocalTime.ts"
import { compileModel, type Model } from "./Model.ts"
import { exponential, RandomStream } from "./random.ts"
import { sampleSimilar, type SimilarSongs } from "./SimilarSongs.ts"
import { makeSliceTest, type Slice, sliceShare } from "./workers/Slice.ts"
import { TimingWheel } from "./TimingWheel.ts"

/** Listeners of the start by number, from 0: those from `from` on, before `to`. */
export interface InitialRange {
  readonly from: number
  readonly to: number
}

export interface SimulationOptions {
  readonly config: EventsimConfig
  /** Compiled for this config. */
  readonly cast: CompiledCast
  /** Listeners at the start. */
  readonly users: number
  /** Those of them that are made here, all by default; who comes after them is to be given by `adopt`. */
  readonly initial?: InitialRange | undefined
  readonly seed: number
  /** Epoch ms, cut to whole seconds; nothing is written up to and including this moment. */
  readonly start: number
  /** Partitions per topic, in the order of `topics`. */
  readonly partitions: ReadonlyArray<number>
  /** Records that the log has already, per topic and partition: that many of its events are passed over. */
  readonly skip?: Positions
  /** Only these listeners: all that they do is as it is among all. */
  readonly slice?: Slice | undefined
  /** Hand out who acts with every event, so that several slices can be merged. */
  readonly ordered?: boolean
  /** See `StreamBuffer`. */
  readonly shared?: boolean
  readonly takes?: number
  readonly room?: number
}

/** Stream of randomness by which listeners join; listeners' own streams are numbered from 0. */
const joiningStream = 0xffffffff

/** Seconds without an event that are looked through for the cost of one, so that a quiet simulation yields as well. */
const quietSeconds = 256

/**
 * The simulation: advances all listeners in order of (time, listener) and writes their events. Everything is plain
 * synchronous loops; `advance` does a bounded piece of work, so that whoever drives it can let others run in between.
 */
export class Simulation {
  readonly writer: EventWriter
  readonly listeners: Listeners
  readonly model: Model
  private readonly wheel: TimingWheel
  private readonly songs: AliasSampler
  private readonly similar: SimilarSongs | undefined
  private readonly songSeconds: Int32Array
  private readonly joining: RandomStream
  private readonly growthRate: number
  private readonly attritionRate: number
  private readonly users: number
  /** Whether a listener, by number, is one of the slice. */
  private readonly isMine: (number: number) => boolean
  /** Listeners so far, those of other slices included. */
  private population: number
  /** Listeners of the start up to this number are made here. */
  private readonly made: number
  private readonly start: number
  private now = 0
  private nextJoin = never
  private readonly batch = { listeners: new Int32Array(64) }

  constructor(options: SimulationOptions) {
    const { config, cast } = options
    this.model = compileModel(config)
    this.users = options.users
    const { from, to } = options.initial ?? { from: 0, to: options.users }
    this.population = from
    this.made = to
    this.start = Math.floor(options.start / 1000)
    this.growthRate = config["growth-rate"] ?? 0
    this.attritionRate = config["attrition-rate"] ?? 0
    this.songs = cast.songs
    this.similar = cast.similar
    this.songSeconds = cast.songSeconds
    this.joining = new RandomStream(options.seed, joiningStream)
    this.isMine = makeSliceTest(options.slice, options.seed, options.partitions)
    // Room for those who join: what is not used costs no memory, growing a copy of all.
    const room = this.growthRate > 0 ? 1.25 : 1
    // One who begins at 0 has all in the end.
    const capacity = Math.ceil(((from === 0 ? this.users : to) - from) * sliceShare(options.slice) * room)
    this.listeners = new Listeners(capacity, {
      seed: options.seed,
      model: this.model,
      attributes: cast.attributes,
      start: this.start,
      growthRate: this.growthRate,
      localTime: cast.places === undefined ? undefined : makeLocalTime(cast.places)
    })
    this.wheel = new TimingWheel(capacity)
    this.writer = new EventWriter({
      fragments: cast.fragments,
      model: this.model,
      listeners: this.listeners,
      // Eventsim counts up before it gives out the first id.
      firstUserId: (config["first-user-id"] ?? 1) + (this.model.eventsimCompatible ? 1 : 0),
      partitions: options.partitions,
      skip: options.skip ?? [],
      ordered: options.ordered ?? false,
      shared: options.shared ?? false,
      takes: options.takes ?? 2,
      room: options.room ?? 0
    })
    if (this.growthRate > 0) this.nextJoin = this.joinAfter(0)
  }

  /** The simulated time that has been reached, epoch ms: every event before it has been written. */
  get time(): number {
    return (this.start + this.now) * 1000
  }

  /** Whether those of the initial listeners that are made here are there, and the others are not: `adopt` comes next. */
  get lacksListeners(): boolean {
    return this.population === this.made && this.made < this.users
  }

  /** Takes the initial listeners that are not made here, in the order of their numbers. */
  adopt(made: ReadonlyArray<MadeListeners>): void {
    const { listeners } = this
    for (const some of made) {
      for (let i = listeners.adopt(some); i < listeners.count; i++) this.enter(i)
    }
    this.population = this.users
  }

  /**
   * Writes the events of the next seconds before `until` (epoch ms), about `budget` of them at most; answers whether
   * `until` is reached. The first calls make the listeners, and none does more while others lack.
   */
  advance(until: number, budget: number): boolean {
    let work = budget
    while (this.population < this.made) {
      const number = this.population++
      if (this.isMine(number)) this.place(this.listeners.addInitial(number))
      // Making a listener costs its draws and its run-in: some events' worth.
      work -= 4
      if (work <= 0) return false
    }
    if (this.lacksListeners) return false
    const end = Math.ceil(until / 1000) - this.start
    const { wheel, listeners, writer } = this
    while (this.now < end && work > 0) {
      wheel.enter(listeners.words, this.now)
      while (this.nextJoin <= this.now) {
        const number = this.population++
        if (this.isMine(number)) this.place(listeners.addJoining(number, this.nextJoin))
        this.nextJoin = this.joinAfter(this.nextJoin)
      }
      const busy = wheel.nextBusy(this.now, Math.min(end, this.nextJoin, this.now + quietSeconds))
      if (busy === this.now) {
        const before = writer.events
        this.second(busy)
        work -= writer.events - before
        this.now = busy + 1
      } else {
        this.now = busy
        work--
      }
    }
    return this.now >= end
  }

  /** The events written since the last call. */
  take(): ReadonlyArray<WrittenBatch> {
    return this.writer.take()
  }

  /** Everything that happens in one second, listener by listener. */
  private second(now: number): void {
    const { wheel, writer, batch } = this
    const { words } = this.listeners
    const count = wheel.take(now, batch)
    writer.at((this.start + now) * 1000)
    const acting = batch.listeners
    // Besides the check, this asks for all their lines at once: one after the other, each would be waited for.
    for (let n = 0; n < count; n++) {
      if (words[(acting[n] << lineBits) + timeWord] !== now) throw new Error(`No event at second ${now}.`)
    }
    if (count > 1) writer.texts.touch(acting, count)
    for (let n = 0; n < count; n++) {
      const i = acting[n]
      const timeAt = (i << lineBits) + timeWord
      do {
        writer.write(i)
        this.live(i)
      } while (words[timeAt] === now)
      if (words[timeAt] !== never) wheel.insert(i, words[timeAt])
    }
  }

  /** Moves listener `i` from what it does now to what it does next. */
  private live(i: number): void {
    const { listeners, model } = this
    const { words } = listeners
    const { first, limits, dests } = model
    const line = i << lineBits
    const state = words[line + stateWord]
    const now = words[line + timeWord]
    const k = listeners.draw(i)
    let dest = -1
    for (let n = first[state], end = first[state + 1]; n < end; n++) {
      if (k < limits[n]) {
        dest = dests[n]
        break
      }
    }
    if (dest === -1) {
      this.endSession(i, state, now)
      return
    }
    // Eventsim forgets to note that a redirect was entered: what follows Login, then a redirect, is an auth event, too.
    if (!model.eventsimCompatible || model.isRedirect[dest] === 0) {
      words[line + afterLoginWord] = model.isLogin[state]
    }
    words[line + stateWord] = dest
    words[line + itemWord]++
    if (model.isRedirect[dest] === 1) {
      words[line + timeWord] = now + 1
    } else if (model.isSong[dest] === 1) {
      // The song that plays is heard to its end.
      const playing = words[line + songWord] !== -1 && now < words[line + songEndWord]
      const time = playing ? words[line + songEndWord] : this.pause(i, now)
      words[line + timeWord] = time
      this.pickSong(i, time)
    } else {
      words[line + timeWord] = this.pause(i, now)
    }
  }

  private endSession(i: number, state: number, now: number): void {
    const { listeners, model } = this
    const { words } = listeners
    const line = i << lineBits
    this.writer.texts.leave(i)
    if (model.isChurned[state] === 1) {
      words[line + timeWord] = never
      return
    }
    if (this.attritionRate > 0 && now > 0) {
      const years = (now - words[line + sinceWord]) / yearSeconds
      words[line + sinceWord] = now
      // Leaves with probability 1 − exp(−rate · years), without Math.exp.
      if (this.exponentialOf(i) < this.attritionRate * years) {
        words[line + timeWord] = never
        return
      }
    }
    this.beginSession(i, listeners.next(i, now), model.classOf[state])
  }

  private beginSession(i: number, time: number, startClass: number): void {
    this.listeners.begin(i, time, startClass)
    if (time < never) this.pickFirstSong(i)
  }

  /** A session that begins with a song has it at once. */
  private pickFirstSong(i: number): void {
    const { words } = this.listeners
    const line = i << lineBits
    if (this.model.isSong[words[line + stateWord]] === 1) this.pickSong(i, words[line + timeWord])
  }

  /** Exp(alpha) after `now`, whole seconds. */
  private pause(i: number, now: number): number {
    const time = now + Math.floor(this.listeners.alpha(i) * this.exponentialOf(i))
    return time < never ? time : never
  }

  private exponentialOf(i: number): number {
    return exponential(this.listeners.draw(i))
  }

  private pickSong(i: number, time: number): void {
    const { listeners } = this
    const line = i << lineBits
    const column = listeners.draw(i)
    const coin = listeners.draw(i)
    const similar =
      this.similar === undefined
        ? -1
        : sampleSimilar(this.similar, listeners.words[line + songWord], column, coin)
    const song = similar === -1 ? sampleAlias(this.songs, column, coin) : similar
    listeners.words[line + songWord] = song
    listeners.words[line + songEndWord] = time + this.songSeconds[song]
  }

  /** When the next listener joins: the population grows exponentially. */
  private joinAfter(time: number): number {
    const n = Math.max(this.population, this.users)
    const next = time + Math.floor((yearSeconds / (n * this.growthRate)) * this.joining.exponential())
    return next < never ? next : never
  }

  /** Lives through what lies before the start, of which nothing is written. */
  private place(i: number): void {
    const { words } = this.listeners
    const timeAt = (i << lineBits) + timeWord
    if (words[timeAt] === never) return
    this.pickFirstSong(i)
    while (words[timeAt] <= 0) this.live(i)
    this.enter(i)
  }

  private enter(i: number): void {
    const time = this.listeners.words[(i << lineBits) + timeWord]
    if (time !== never) this.wheel.insert(i, time)
  }
}
