import { topics } from "@musify/domain/Topic.ts"
import { partitionOf } from "@musify/stream/partitioner.ts"
import { type AliasSampler, makeAliasSampler, sampleAlias } from "./AliasSampler.ts"
import { type Cast, weightedSampler, withSongsAsLatin1 } from "./Cast.ts"
import { makeEventFragments } from "./EventFragments.ts"
import type { EventsimConfig } from "./EventsimConfig.ts"
import { EventWriter, keyLength, type Positions, putDevice, type WrittenBatch } from "./EventWriter.ts"
import { makeLocalTime } from "./LocalTime.ts"
import { deviceOf, Listeners, never, yearSeconds } from "./Listeners.ts"
import { compileModel, type Model } from "./Model.ts"
import { exponential, RandomStream } from "./random.ts"
import { TimingWheel } from "./TimingWheel.ts"

export interface SimulationOptions {
  readonly config: EventsimConfig
  readonly cast: Cast
  /** Listeners at the start. */
  readonly users: number
  readonly seed: number
  /** Epoch ms, cut to whole seconds; nothing is written up to and including this moment. */
  readonly start: number
  /** Partitions per topic, in the order of `topics`. */
  readonly partitions: ReadonlyArray<number>
  /** Records that the log has already, per topic and partition: that many of its events are passed over. */
  readonly skip?: Positions
  /** Every event ends in a line feed (for files). */
  readonly newline?: boolean
}

/** Stream of randomness by which listeners join; listeners' own streams are numbered from 0. */
const joiningStream = 0xffffffff

/** What a slot without event costs against one event, so that a quiet simulation yields as well. */
const slotsPerEvent = 64

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
  private readonly songSeconds: Int32Array
  private readonly joining: RandomStream
  private readonly growthRate: number
  private readonly attritionRate: number
  private readonly seed: number
  private readonly users: number
  private readonly start: number
  private readonly partitionCounts: ReadonlyArray<number>
  private partitions: Uint16Array
  private devices: Uint32Array
  private readonly key = new Uint8Array(keyLength)
  private now = 0
  private nextJoin = never
  private readonly batch = { listeners: new Int32Array(64) }

  constructor(options: SimulationOptions) {
    const { config, cast } = options
    this.model = compileModel(config)
    const compatible = this.model.eventsimCompatible
    this.seed = options.seed
    this.users = options.users
    this.start = Math.floor(options.start / 1000)
    this.growthRate = config["growth-rate"] ?? 0
    this.attritionRate = config["attrition-rate"] ?? 0
    this.partitionCounts = options.partitions
    this.songs = makeAliasSampler(cast.songs.map((song) => song.weight))
    this.songSeconds = Int32Array.from(cast.songs, (song) => Math.floor(Math.fround(song.duration)))
    this.joining = new RandomStream(options.seed, joiningStream)
    this.listeners = new Listeners(options.users, {
      seed: options.seed,
      model: this.model,
      attributes: {
        firstNames: weightedSampler(cast.firstNames),
        lastNames: weightedSampler(cast.lastNames),
        places: weightedSampler(cast.places),
        userAgents: weightedSampler(cast.userAgents)
      },
      start: this.start,
      growthRate: this.growthRate,
      localTime: config["local-time"] === true ? makeLocalTime(cast.places) : undefined
    })
    this.wheel = new TimingWheel(options.users)
    this.partitions = new Uint16Array(options.users * topics.length)
    this.devices = new Uint32Array(options.users)
    this.writer = new EventWriter({
      fragments: makeEventFragments(compatible ? withSongsAsLatin1(cast) : cast, this.model, {
        tag: config.tag,
        newline: options.newline ?? false
      }),
      model: this.model,
      listeners: this.listeners,
      // Eventsim counts up before it gives out the first id.
      firstUserId: (config["first-user-id"] ?? 1) + (compatible ? 1 : 0),
      partitions: options.partitions,
      skip: options.skip ?? []
    })
    if (this.growthRate > 0) this.nextJoin = this.joinAfter(0)
  }

  /** The simulated time that has been reached, epoch ms: every event before it has been written. */
  get time(): number {
    return (this.start + this.now) * 1000
  }

  /**
   * Writes the events of the next seconds before `until` (epoch ms), about `budget` of them at most; answers whether
   * `until` is reached. The first calls make the listeners.
   */
  advance(until: number, budget: number): boolean {
    let work = budget
    while (this.listeners.count < this.users) {
      this.place(this.listeners.addInitial())
      // Making a listener costs its draws and its run-in: some events' worth.
      work -= 4
      if (work <= 0) return false
    }
    const end = Math.ceil(until / 1000) - this.start
    const { wheel, listeners, writer } = this
    let quiet = 0
    while (this.now < end) {
      const now = this.now
      wheel.enter(now, listeners.time)
      while (this.nextJoin <= now) {
        this.place(listeners.addJoining(this.nextJoin))
        this.nextJoin = this.joinAfter(this.nextJoin)
      }
      if (wheel.isEmpty(now)) {
        if (++quiet === slotsPerEvent) {
          quiet = 0
          work--
        }
      } else {
        const before = writer.events
        this.second(now)
        work -= writer.events - before
      }
      this.now = now + 1
      if (work <= 0) break
    }
    return this.now >= end
  }

  /** The events written since the last call. */
  take(): ReadonlyArray<WrittenBatch> {
    return this.writer.take()
  }

  /** Everything that happens in one second, listener by listener. */
  private second(now: number): void {
    const { wheel, listeners, writer, batch, model } = this
    const count = wheel.take(now, batch)
    const ts = (this.start + now) * 1000
    writer.at(ts)
    const times = listeners.time
    for (let n = 0; n < count; n++) {
      const i = batch.listeners[n]
      do {
        if (model.showsUser[listeners.state[i]] === 1 && Number.isNaN(listeners.registration[i])) {
          listeners.registration[i] = ts
        }
        writer.write(i, this.devices[i], this.partitions, i * topics.length)
        this.live(i)
      } while (times[i] === now)
      if (times[i] !== never) wheel.insert(i, times[i])
    }
  }

  /** Moves listener `i` from what it does now to what it does next. */
  private live(i: number): void {
    const { listeners, model } = this
    const { first, limits, dests } = model
    const state = listeners.state[i]
    const now = listeners.time[i]
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
    if (!model.eventsimCompatible || model.isRedirect[dest] === 0)
      listeners.afterLogin[i] = model.isLogin[state]
    listeners.state[i] = dest
    listeners.item[i]++
    if (model.isRedirect[dest] === 1) {
      listeners.time[i] = now + 1
    } else if (model.isSong[dest] === 1) {
      // The song that plays is heard to its end.
      const time =
        listeners.song[i] !== -1 && now < listeners.songEnd[i] ? listeners.songEnd[i] : this.pause(i, now)
      listeners.time[i] = time
      this.pickSong(i, time)
    } else {
      listeners.time[i] = this.pause(i, now)
    }
  }

  private endSession(i: number, state: number, now: number): void {
    const { listeners, model } = this
    if (model.isChurned[state] === 1) {
      listeners.time[i] = never
      return
    }
    if (this.attritionRate > 0 && now > 0) {
      const years = (now - listeners.since[i]) / yearSeconds
      listeners.since[i] = now
      // Leaves with probability 1 − exp(−rate · years), without Math.exp.
      if (this.exponentialOf(i) < this.attritionRate * years) {
        listeners.time[i] = never
        return
      }
    }
    this.beginSession(i, listeners.next(i, now), model.classOf[state])
  }

  private beginSession(i: number, time: number, startClass: number): void {
    this.listeners.begin(i, time, startClass)
    if (time < never && this.model.isSong[this.listeners.state[i]] === 1) this.pickSong(i, time)
  }

  /** Exp(alpha) after `now`, whole seconds. */
  private pause(i: number, now: number): number {
    const time = now + Math.floor(this.listeners.alpha[i] * this.exponentialOf(i))
    return time < never ? time : never
  }

  private exponentialOf(i: number): number {
    return exponential(this.listeners.draw(i))
  }

  private pickSong(i: number, time: number): void {
    const { listeners } = this
    const song = sampleAlias(this.songs, listeners.draw(i), listeners.draw(i))
    listeners.song[i] = song
    listeners.songEnd[i] = time + this.songSeconds[song]
  }

  /** When the next listener joins: the population grows exponentially. */
  private joinAfter(time: number): number {
    const n = Math.max(this.listeners.count, this.users)
    const next = time + Math.floor((yearSeconds / (n * this.growthRate)) * this.joining.exponential())
    return next < never ? next : never
  }

  /** Gives a new listener a device and partitions, and lives through what lies before the start, of which nothing is written. */
  private place(i: number): void {
    const { listeners, model } = this
    if (listeners.capacity > this.devices.length) this.grow(listeners.capacity)
    this.devices[i] = deviceOf(this.seed, i)
    putDevice(this.key, 0, this.devices[i])
    for (let t = 0; t < topics.length; t++) {
      const n = this.partitionCounts[t]
      const at = i * topics.length
      this.partitions[at + t] =
        t > 0 && n === this.partitionCounts[0] ? this.partitions[at] : partitionOf(this.key, n)
    }
    if (listeners.time[i] === never) return
    if (model.isSong[listeners.state[i]] === 1) this.pickSong(i, listeners.time[i])
    while (listeners.time[i] <= 0) this.live(i)
    if (listeners.time[i] !== never) this.wheel.insert(i, listeners.time[i])
  }

  private grow(capacity: number): void {
    this.wheel.grow(capacity)
    const partitions = new Uint16Array(capacity * topics.length)
    partitions.set(this.partitions)
    this.partitions = partitions
    const devices = new Uint32Array(capacity)
    devices.set(this.devices)
    this.devices = devices
  }
}
