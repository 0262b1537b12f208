import type { Song } from "@musify/domain/Song.ts"
import { songSpellings } from "@musify/domain/songSpellings.ts"
import { surrogateKey } from "@musify/domain/surrogateKey.ts"
import { byBytes, byValues, groupBy, least } from "./order.ts"

/** A row of dim_songs. */
export interface SongRow {
  readonly song_key: bigint
  readonly song_id: string | null
  readonly track_id: string | null
  readonly title: string
  readonly artist_key: bigint
  readonly artist_name: string
  readonly release: string | null
  readonly year: number | null
  readonly duration: number | null
  readonly tempo: number | null
  readonly key: number | null
  readonly key_confidence: number | null
  readonly loudness: number | null
  readonly song_hotttnesss: number | null
  readonly in_catalog: boolean
}

/** A row of dim_artists. */
export interface ArtistRow {
  readonly artist_key: bigint
  readonly artist_id: string | null
  readonly name: string
  readonly latitude: number | null
  readonly longitude: number | null
  readonly location: string | null
}

/** What an event says about its song. `duration` in seconds. */
export interface Heard {
  readonly artist: string
  readonly song: string
  readonly duration: number
}

const nameKey = (artist: string, title: string): string => JSON.stringify([artist, title])

const catalogRow = (song: Song): SongRow => ({
  song_key: surrogateKey("song", song.song_id),
  song_id: song.song_id,
  track_id: song.track_id,
  title: song.title,
  artist_key: surrogateKey("artist", song.artist_id),
  artist_name: song.artist_name,
  release: song.release,
  year: song.year,
  duration: song.duration,
  tempo: song.tempo,
  key: song.key,
  key_confidence: song.key_confidence,
  loudness: song.loudness,
  song_hotttnesss: song.song_hotttnesss,
  in_catalog: true
})

const seenRow = (artist: string, title: string, artistKey: bigint): SongRow => ({
  song_key: surrogateKey("song_seen", artist, title),
  song_id: null,
  track_id: null,
  title,
  artist_key: artistKey,
  artist_name: artist,
  release: null,
  year: null,
  duration: null,
  tempo: null,
  key: null,
  key_confidence: null,
  loudness: null,
  song_hotttnesss: null,
  in_catalog: false
})

const artistRow = (songs: ReadonlyArray<Song>): ArtistRow => {
  const places = songs.flatMap(({ artist_latitude, artist_longitude }) =>
    artist_latitude === null || artist_longitude === null
      ? []
      : [[artist_latitude, artist_longitude] as const]
  )
  const place = least(
    places,
    byValues((pair) => pair)
  )
  const locations = songs.flatMap(({ artist_location }) =>
    artist_location === null ? [] : [artist_location]
  )
  return {
    artist_key: surrogateKey("artist", songs[0].artist_id),
    artist_id: songs[0].artist_id,
    name: least(
      songs.map((song) => song.artist_name),
      byBytes
    )!,
    latitude: place?.[0] ?? null,
    longitude: place?.[1] ?? null,
    location: least(locations, byBytes) ?? null
  }
}

/** A catalog, ready to say which song an event means. */
export class SongDimension {
  /** Songs by a spelling of (artist, title). */
  readonly #named = new Map<string, Array<Song>>()
  /** Artist ids by a spelling of the name; the least id of several. */
  readonly #artists = new Map<string, string>()
  readonly #catalog: ReadonlyArray<Song>

  constructor(catalog: ReadonlyArray<Song>) {
    this.#catalog = catalog
    for (const song of catalog) {
      for (const { artist, title } of songSpellings(song.artist_name, song.title)) {
        const key = nameKey(artist, title)
        this.#named.set(key, [...(this.#named.get(key) ?? []), song])
        const other = this.#artists.get(artist)
        if (other === undefined || byBytes(song.artist_id, other) < 0)
          this.#artists.set(artist, song.artist_id)
      }
    }
  }

  /**
   * The song that an event means: the one of the same spelling and the same float32 duration (the least song_id of
   * several); else the only one of this spelling; else a song of its own, made of the event's strings.
   */
  resolve({ artist, duration, song: title }: Heard): SongRow {
    const named = this.#named.get(nameKey(artist, title)) ?? []
    const exact = named.filter((song) => Math.fround(song.duration) === Math.fround(duration))
    const match =
      least(exact, (a, b) => byBytes(a.song_id, b.song_id)) ?? (named.length === 1 ? named[0] : undefined)
    if (match !== undefined) return catalogRow(match)
    const artistId = this.#artists.get(artist)
    const artistKey =
      artistId === undefined ? surrogateKey("artist_seen", artist) : surrogateKey("artist", artistId)
    return seenRow(artist, title, artistKey)
  }

  /** The rows of dim_songs: the whole catalog, and the songs that only these events name. */
  songRows(heard: Iterable<Heard>): ReadonlyArray<SongRow> {
    const rows = new Map(this.#catalog.map((song) => [song.song_id, catalogRow(song)] as const))
    const seen = new Map<bigint, SongRow>()
    for (const one of heard) {
      const row = this.resolve(one)
      if (!row.in_catalog) seen.set(row.song_key, row)
    }
    return [...rows.values(), ...seen.values()]
  }

  /** The rows of dim_artists: one per artist_id, and one per name that only the songs seen in events have. */
  artistRows(songs: Iterable<SongRow>): ReadonlyArray<ArtistRow> {
    const rows = [...groupBy(this.#catalog, (song) => song.artist_id).values()].map(artistRow)
    const known = new Set(rows.map((row) => row.artist_key))
    for (const { artist_key, artist_name } of songs) {
      if (known.has(artist_key)) continue
      known.add(artist_key)
      rows.push({
        artist_key,
        artist_id: null,
        name: artist_name,
        latitude: null,
        longitude: null,
        location: null
      })
    }
    return rows
  }
}
