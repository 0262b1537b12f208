import type { Song } from "@musify/domain/Song.ts"
import { type LoadedCatalog, type RefusedRow, textHash } from "./LoadedCatalog.ts"

/** Seconds of a song whose duration the file leaves empty, as in Eventsim. */
const usualSeconds = 180

/**
 * Reads Eventsim's listen_counts.txt: lines of track id, artist, title, duration (empty: 180 s) and plays, separated
 * by tabs, UTF-8. The track id is the song id too; an artist's id is a hash of the name, since the file has none.
 * Songs without plays are kept (weight 0: never picked). Lines of another form are refused.
 */
export const readListenCounts = (text: string, file: string): LoadedCatalog => {
  const songs: Array<Song> = []
  const refused: Array<RefusedRow> = []
  const seen = new Set<string>()
  for (const [n, line] of text
    .replace(/^\uFEFF/, "")
    .split("\n")
    .entries()) {
    const fields = line.replace(/\r$/, "").split("\t")
    if (fields.length === 1 && fields[0] === "") continue
    const refuse = (reason: string) => refused.push({ file, row: `line ${n + 1}`, reason })
    if (fields.length !== 5) {
      refuse(
        `it has ${fields.length} fields separated by tabs, expected 5 (track id, artist, title, duration, plays)`
      )
      continue
    }
    const [track, artist, title] = fields
    const duration = fields[3].trim() === "" ? usualSeconds : Number(fields[3])
    const plays = Number(fields[4])
    if (track.trim() === "" || artist.trim() === "" || title.trim() === "") {
      refuse(`its ${track.trim() === "" ? "track id" : artist.trim() === "" ? "artist" : "title"} is empty`)
    } else if (!(duration > 0) || !Number.isFinite(duration)) {
      refuse(`track ${track} has the duration ${JSON.stringify(fields[3])}, expected seconds above 0`)
    } else if (fields[4].trim() === "" || !(plays >= 0) || !Number.isFinite(plays)) {
      refuse(`track ${track} has the plays ${JSON.stringify(fields[4])}, expected a number of at least 0`)
    } else if (seen.has(track)) {
      refuse(`track ${track} was there before`)
    } else {
      seen.add(track)
      songs.push({
        song_id: track,
        track_id: track,
        title,
        artist_id: `AR-${textHash(artist).toString(16).padStart(8, "0")}${textHash(`${artist}\n`).toString(16).padStart(8, "0")}`,
        artist_name: artist,
        artist_latitude: null,
        artist_longitude: null,
        artist_location: null,
        release: null,
        year: null,
        duration,
        tempo: null,
        key: null,
        key_confidence: null,
        loudness: null,
        song_hotttnesss: null,
        weight: plays
      })
    }
  }
  return { songs, refused, repeated: 0 }
}

/** Whether a text is such a file: its first line has five fields separated by tabs. */
export const isListenCounts = (text: string): boolean => {
  const end = text.indexOf("\n")
  return (end === -1 ? text : text.slice(0, end)).split("\t").length === 5
}
