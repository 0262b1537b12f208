import type { Song } from "@musify/domain/Song.ts"
import { float32Text } from "../fragments.ts"
import { RandomStream } from "../random.ts"
import { adjectives, artistNouns, cities, givenNames, nouns, places, verbs } from "./words.ts"

interface Artist {
  readonly id: string
  readonly name: string
  readonly latitude: number | null
  readonly longitude: number | null
  readonly location: string | null
  readonly firstYear: number | null
}

const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

/** An id of 18 characters with the Million Song data set's form; the last five carry the number, so that no two are equal. */
const identifier = (prefix: string, random: RandomStream, n: number): string => {
  let text = prefix
  for (let i = 0; i < 11; i++) text += letters[random.below(letters.length)]
  return text + n.toString(36).toUpperCase().padStart(5, "0")
}

const artistPatterns: ReadonlyArray<(r: RandomStream) => string> = [
  (r) => `${r.pick(givenNames)} ${r.pick(artistNouns)}`,
  (r) => `The ${r.pick(adjectives)} ${r.pick(nouns)}s`,
  (r) => `${r.pick(adjectives)} ${r.pick(artistNouns)}`,
  (r) => `The ${r.pick(artistNouns)}s`,
  (r) => `${r.pick(givenNames)} & The ${r.pick(artistNouns)}s`,
  (r) => `DJ ${r.pick(artistNouns)}`,
  (r) => `${r.pick(nouns)} of ${r.pick(places)}`,
  (r) => `${r.pick(artistNouns)} ${r.pick(nouns)}`,
  (r) => `${r.pick(givenNames)} ${r.pick(artistNouns)} Quartet`
]

const artistName = (r: RandomStream): string => r.pick(artistPatterns)(r)

const titlePatterns: ReadonlyArray<(r: RandomStream) => string> = [
  (r) => `${r.pick(adjectives)} ${r.pick(nouns)}`,
  (r) => `The ${r.pick(nouns)}`,
  (r) => `${r.pick(verbs)} the ${r.pick(nouns)}`,
  (r) => `${r.pick(verbs)} Me`,
  (r) => `${r.pick(nouns)} in ${r.pick(places)}`,
  (r) => `${r.pick(adjectives)} ${r.pick(adjectives)} ${r.pick(nouns)}`,
  (r) => `${r.pick(nouns)} and ${r.pick(nouns)}`,
  (r) => `Don't ${r.pick(verbs)} the ${r.pick(nouns)}`,
  (r) => `${r.pick(givenNames)}`,
  (r) => `${r.pick(givenNames)}'s ${r.pick(nouns)}`,
  (r) => `${r.pick(places)}`,
  (r) => `How to ${r.pick(verbs)} a ${r.pick(nouns)}`
]

const title = (r: RandomStream): string => {
  const plain = r.pick(titlePatterns)(r)
  const u = r.uniform()
  if (u < 0.05) return `${plain} (Live)`
  if (u < 0.08) return `${plain} (${r.pick(adjectives)} Remix)`
  if (u < 0.12) return `${plain} (Album Version)`
  if (u < 0.14) return `${plain} "${r.pick(nouns)}"`
  return plain
}

const round = (value: number, digits: number): number => Number(value.toFixed(digits))

const makeArtist = (r: RandomStream, n: number, names: Set<string>): Artist => {
  let name = artistName(r)
  while (names.has(name)) name = artistName(r)
  names.add(name)
  const place = r.uniform() < 0.65 ? r.pick(cities) : undefined
  const hasCoordinates = place !== undefined && r.uniform() < 0.7
  return {
    id: identifier("AR", r, n),
    name,
    latitude: hasCoordinates ? place.lat : null,
    longitude: hasCoordinates ? place.lon : null,
    location: place === undefined ? null : place.name,
    firstYear: r.uniform() < 0.75 ? Math.floor(2024 - 45 * r.uniform() * r.uniform()) : null
  }
}

/** Hits per song of a catalog: 12 of 10,000. */
const hitShare = 0.0012

/**
 * Plays of the song of a rank (from 0), in the form of Eventsim's listen_counts: a few hits, which fall off by a power
 * law, then a straight line from 1,000 plays nearly to none.
 */
const playsOfRank = (rank: number, size: number): number => {
  if (rank < Math.round(size * hitShare)) return 24_500 * (rank + 1) ** -0.7
  const share = (rank + 0.5) / size
  return Math.max(1000 * (1 - 1.02 * share), 100 * (1 - share))
}

/**
 * A catalog made from a seed: about 0.42 artists per song (some with many songs, most with one or two), song lengths
 * around four minutes, and the popularity of `playsOfRank`: of 10,000 songs the most popular hundredth gets 4 % of the
 * plays, the tenth 21 %, the half 76 %. The same seed and size give the same catalog.
 */
export const generateCatalog = (seed: number, size = 10_000): ReadonlyArray<Song> => {
  const r = new RandomStream(seed, 0xfffffffe)
  const artists: Array<Artist> = []
  const names = new Set<string>()
  const taken = new Set<string>()
  const releases = new Map<number, Array<{ readonly name: string; readonly year: number | null }>>()
  const songs: Array<Song> = []
  const artistOf: Array<number> = []
  const popularities: Array<number> = []
  for (let n = 0; n < size; n++) {
    // The next song is by a new artist, or by that of an earlier song: the more songs, the likelier one more.
    const isNew = artists.length === 0 || r.uniform() < 0.42
    const which = isNew ? artists.length : artistOf[r.below(n)]
    if (isNew) artists.push(makeArtist(r, artists.length, names))
    const artist = artists[which]
    artistOf[n] = which

    let name = title(r)
    while (taken.has(`${which}\n${name}`)) name = title(r)
    taken.add(`${which}\n${name}`)
    const albums = releases.get(which) ?? []
    releases.set(which, albums)
    if (albums.length === 0 || r.uniform() < 0.3) {
      albums.push({
        name: r.uniform() < 0.35 ? name : title(r),
        year: artist.firstYear === null ? null : Math.min(2025, artist.firstYear + r.below(12))
      })
    }
    const album = r.pick(albums)
    const popularity = r.normal()
    popularities.push(popularity)
    const tempo = Math.min(240, Math.max(50, 122 + 30 * r.normal()))
    songs.push({
      song_id: identifier("SO", r, n),
      track_id: identifier("TR", r, n),
      title: name,
      artist_id: artist.id,
      artist_name: artist.name,
      artist_latitude: artist.latitude,
      artist_longitude: artist.longitude,
      artist_location: artist.location,
      release: album.name,
      year: album.year,
      duration: Number(
        float32Text(round(Math.min(1500, Math.max(25, 232 * Math.exp(0.33 * r.normal()))), 5))
      ),
      tempo: r.uniform() < 0.01 ? null : round(tempo, 3),
      key: r.below(12),
      key_confidence: round(r.uniform(), 3),
      loudness: round(Math.min(-0.5, -10 + 5 * r.normal()), 3),
      song_hotttnesss: r.uniform() < 0.4 ? null : round(Math.min(1, Math.max(0, 0.4 + 0.16 * popularity)), 6),
      weight: 0
    })
  }
  const ranked = [...popularities.keys()].sort((a, b) => popularities[b] - popularities[a] || a - b)
  const ranks = new Int32Array(size)
  for (const [rank, n] of ranked.entries()) ranks[n] = rank
  return songs.map((song, n) => ({ ...song, weight: round(playsOfRank(ranks[n], size), 3) }))
}
