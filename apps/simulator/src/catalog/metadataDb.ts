import type { Database } from "sql.js"
import { type RawValue, neededFields, songOf, type SongCollector } from "./millionSong.ts"

/** A value of a row; texts that were stored as bytes are UTF-8. */
const rawOf = (value: string | number | bigint | Uint8Array | null): RawValue =>
  value instanceof Uint8Array ? new TextDecoder().decode(value) : value

/**
 * Reads the table `songs` of the Million Song data set's track_metadata.db (SQLite). The columns that have a song's
 * field names are taken, the rest is passed over; artists' places, tempo, key, loudness and song_hotttnesss are not
 * among them, so they are not known. Answers the missing columns' names when it is no such file; throws what SQLite
 * says of a file that is none or is damaged. Loads SQLite (WebAssembly, 0.7 MB): only called when there is such a file.
 */
export const readMetadataDb = async (
  bytes: Uint8Array,
  file: string,
  collector: SongCollector
): Promise<{ readonly missing: ReadonlyArray<string> } | undefined> => {
  const { default: initSqlJs } = await import("sql.js")
  const { Database } = await initSqlJs()
  const database = new Database(bytes)
  try {
    return readSongs(database, file, collector)
  } finally {
    database.close()
  }
}

const readSongs = (database: Database, file: string, collector: SongCollector) => {
  const described = database.exec(`SELECT name FROM pragma_table_info('songs')`)
  const columns = new Map((described[0]?.values ?? []).map(([name], n) => [String(name).toLowerCase(), n]))
  const missing = neededFields.filter((name) => !columns.has(name))
  if (missing.length > 0) return { missing }
  const statement = database.prepare(`SELECT * FROM songs`)
  try {
    for (let row = 1; statement.step(); row++) {
      const values = statement.get()
      const song = songOf((field) => {
        const column = columns.get(field)
        return column === undefined ? null : rawOf(values[column])
      })
      collector.add(file, `row ${row}`, song)
    }
  } finally {
    statement.free()
  }
  return undefined
}
