import type { Song } from "@musify/domain/Song.ts"
import { type AliasSampler, makeAliasSampler } from "./AliasSampler.ts"

/** A value with how often it is drawn, relative to the others. */
export interface Weighted<A> {
  readonly value: A
  readonly weight: number
}

export interface Place {
  readonly city: string
  readonly zip: string
  readonly state: string
  readonly lat: number
  readonly lon: number
}

/** All that a simulation draws its listeners and songs from. */
export interface Cast {
  readonly songs: ReadonlyArray<Song>
  readonly firstNames: ReadonlyArray<Weighted<{ readonly name: string; readonly gender: string }>>
  readonly lastNames: ReadonlyArray<Weighted<string>>
  readonly places: ReadonlyArray<Weighted<Place>>
  readonly userAgents: ReadonlyArray<Weighted<string>>
}

export const weightedSampler = (values: ReadonlyArray<Weighted<unknown>>): AliasSampler =>
  makeAliasSampler(values.map((entry) => entry.weight))
