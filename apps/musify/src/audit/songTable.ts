import type { Song } from "@musify/domain/Song.ts"
import { makeSongMatcher } from "@musify/domain/songMatch.ts"
import { songSpellings } from "@musify/domain/songSpellings.ts"
import { surrogateKey } from "@musify/domain/surrogateKey.ts"
import { Buffer } from "node:buffer"
import { Effect, Schema } from "effect"
import type { AuditDb } from "./DuckDbAudit.ts"
import { parquet, ReadFailed } from "./DuckDbAudit.ts"

const CatalogSong = Schema.Struct({
  song_id: Schema.String,
  title: Schema.String,
  artist_id: Schema.String,
  artist_name: Schema.String,
  duration: Schema.Number
})
type CatalogSong = Pick<Song, "song_id" | "title" | "artist_id" | "artist_name" | "duration">

/** The songs of a catalog file; none without one. */
const readSongs = (
  db: AuditDb,
  file: string | undefined
): Effect.Effect<ReadonlyArray<CatalogSong>, ReadFailed> =>
  file === undefined
    ? Effect.succeed([])
    : db.query(`SELECT song_id, title, artist_id, artist_name, duration FROM ${parquet([file])}`).pipe(
        Effect.flatMap(Schema.decodeUnknown(Schema.Array(CatalogSong))),
        Effect.mapError(
          ({ message }) => new ReadFailed({ message: `${file} is no song catalog: ${message}` })
        )
      )

const less = (a: string, b: string): boolean => Buffer.from(a).compare(Buffer.from(b)) < 0

/**
 * From `plays`: the table `songs_played`, each play with the keys and names of its song and artist by the rule of songs.
 * `catalog`: file of the catalog in use.
 */
export const makeSongTable = (db: AuditDb, catalog: string | undefined): Effect.Effect<void, ReadFailed> =>
  Effect.gen(function* () {
    const songs = yield* readSongs(db, catalog)
    const match = makeSongMatcher(songs)
    const names = new Map<string, string>()
    const artistOf = new Map<string, string>()
    for (const song of songs) {
      const name = names.get(song.artist_id)
      if (name === undefined || less(song.artist_name, name)) names.set(song.artist_id, song.artist_name)
      for (const { artist } of songSpellings(song.artist_name, song.title)) {
        const other = artistOf.get(artist)
        if (other === undefined || less(song.artist_id, other)) artistOf.set(artist, song.artist_id)
      }
    }
    const artist = (id: string | undefined, seen: string) => ({
      key: id === undefined ? surrogateKey("artist_seen", seen) : surrogateKey("artist", id),
      name: id === undefined ? seen : names.get(id)!
    })
    yield* db.run(`CREATE OR REPLACE TEMP TABLE heard AS
      SELECT row_number() OVER () AS heard, artist, song, duration FROM (SELECT DISTINCT artist, song, duration FROM plays)`)
    const heard = yield* db.query(`SELECT * FROM heard`)
    yield* db.run(
      `CREATE OR REPLACE TEMP TABLE means (heard BIGINT, song_key BIGINT, artist_key BIGINT, title VARCHAR, song_artist VARCHAR, artist_name VARCHAR)`
    )
    yield* Effect.tryPromise({
      try: async () => {
        const appender = await db.connection
          .createAppender("means", "temp", "temp")
          .catch(() => db.connection.createAppender("means"))
        for (const row of heard) {
          const seen = { artist: String(row.artist), title: String(row.song) }
          const { song } = match(seen.artist, seen.title, Number(row.duration))
          const by = artist(song === undefined ? artistOf.get(seen.artist) : song.artist_id, seen.artist)
          const key =
            song === undefined
              ? surrogateKey("song_seen", seen.artist, seen.title)
              : surrogateKey("song", song.song_id)
          appender.appendBigInt(BigInt(row.heard as bigint))
          appender.appendBigInt(key)
          appender.appendBigInt(by.key)
          appender.appendVarchar(song?.title ?? seen.title)
          appender.appendVarchar(song?.artist_name ?? seen.artist)
          appender.appendVarchar(by.name)
          appender.endRow()
        }
        appender.closeSync()
      },
      catch: (cause) => new ReadFailed({ message: String(cause) })
    })
    yield* db.run(`CREATE OR REPLACE TEMP TABLE songs_played AS
      SELECT p.hour, p.state, m.song_key, m.artist_key, m.title, m.song_artist, m.artist_name
      FROM plays p JOIN heard h ON p.artist = h.artist AND p.song = h.song AND p.duration = h.duration
      JOIN means m ON m.heard = h.heard`)
  })
