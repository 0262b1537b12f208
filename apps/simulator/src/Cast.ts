import type { Song } from "@musify/domain/Song.ts"
import { Buffer } from "node:buffer"
import type { SimilarSongs } from "./SimilarSongs.ts"
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
  /** What follows a song; without it, any song follows any. */
  readonly similar?: SimilarSongs | undefined
  readonly firstNames: ReadonlyArray<Weighted<{ readonly name: string; readonly gender: string }>>
  readonly lastNames: ReadonlyArray<Weighted<string>>
  readonly places: ReadonlyArray<Weighted<Place>>
  readonly userAgents: ReadonlyArray<Weighted<string>>
}

export const weightedSampler = (values: ReadonlyArray<Weighted<unknown>>): AliasSampler =>
  makeAliasSampler(values.map((entry) => entry.weight))

const latin1 = (text: string): string => Buffer.from(text, "utf8").toString("latin1")

/** Eventsim reads its UTF-8 song file as Latin-1, so that "Acordeón" is written as "AcordeÃ³n". */
export const withSongsAsLatin1 = (cast: Cast): Cast => ({
  ...cast,
  songs: cast.songs.map((song) => ({
    ...song,
    title: latin1(song.title),
    artist_name: latin1(song.artist_name)
  }))
})
