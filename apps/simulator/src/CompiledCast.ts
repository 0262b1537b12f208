import { type AliasSampler, makeAliasSampler } from "./AliasSampler.ts"
import { type Cast, type Place, type Weighted, weightedSampler, withSongsAsLatin1 } from "./Cast.ts"
import { type EventFragments, makeEventFragments } from "./EventFragments.ts"
import type { EventsimConfig } from "./EventsimConfig.ts"
import type { Attributes } from "./Listeners.ts"
import { compileModel } from "./Model.ts"
import type { SimilarSongs } from "./SimilarSongs.ts"

/** A cast as the loop of a simulation uses it: texts as bytes, weights as samplers. Threads can be sent it. */
export interface CompiledCast {
  readonly fragments: EventFragments
  readonly songs: AliasSampler
  /** How long a song plays, whole seconds. */
  readonly songSeconds: Int32Array
  readonly similar: SimilarSongs | undefined
  readonly attributes: Attributes
  /** Where listeners go by their own clock: their places. */
  readonly places: ReadonlyArray<Weighted<Place>> | undefined
}

/** Compiles a cast for the simulations of a config. */
export const compileCast = (
  cast: Cast,
  config: EventsimConfig,
  options: {
    /** Every event ends in a line feed (for files). */
    readonly newline?: boolean | undefined
    /** The texts in memory that several threads read. */
    readonly shared?: boolean
  } = {}
): CompiledCast => {
  const model = compileModel(config)
  const fragments = makeEventFragments(model.eventsimCompatible ? withSongsAsLatin1(cast) : cast, model, {
    tag: config.tag,
    newline: options.newline ?? false
  })
  return {
    fragments: options.shared === true ? { ...fragments, bytes: inSharedMemory(fragments.bytes) } : fragments,
    songs: makeAliasSampler(cast.songs.map((song) => song.weight)),
    songSeconds: Int32Array.from(cast.songs, (song) => Math.floor(Math.fround(song.duration))),
    similar: cast.similar,
    attributes: {
      firstNames: weightedSampler(cast.firstNames),
      lastNames: weightedSampler(cast.lastNames),
      places: weightedSampler(cast.places),
      userAgents: weightedSampler(cast.userAgents)
    },
    places: config["local-time"] === true ? cast.places : undefined
  }
}

const inSharedMemory = (bytes: DataView): DataView => {
  const shared = new Uint8Array(new SharedArrayBuffer(bytes.byteLength))
  shared.set(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength))
  return new DataView(shared.buffer)
}
