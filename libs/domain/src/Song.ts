import { Schema } from "effect"

/**
 * One song of a catalog, with the fields of the Million Song subset. NULL is "not known": the subset's own markers
 * (coordinates 0/0, year 0, hotttnesss -1, tempo 0) are turned into it when a catalog is read.
 */
export const Song = Schema.Struct({
  song_id: Schema.String,
  track_id: Schema.NullOr(Schema.String),
  title: Schema.String,
  artist_id: Schema.String,
  artist_name: Schema.String,
  artist_latitude: Schema.NullOr(Schema.Number),
  artist_longitude: Schema.NullOr(Schema.Number),
  artist_location: Schema.NullOr(Schema.String),
  release: Schema.NullOr(Schema.String),
  year: Schema.NullOr(Schema.Int),
  /** Seconds. */
  duration: Schema.Number,
  /** Beats per minute. */
  tempo: Schema.NullOr(Schema.Number),
  /** 0 = C to 11 = B. */
  key: Schema.NullOr(Schema.Int),
  key_confidence: Schema.NullOr(Schema.Number),
  /** dB. */
  loudness: Schema.NullOr(Schema.Number),
  song_hotttnesss: Schema.NullOr(Schema.Number),
  /** How often listeners pick it, relative to the others. */
  weight: Schema.Number
})
export type Song = typeof Song.Type
