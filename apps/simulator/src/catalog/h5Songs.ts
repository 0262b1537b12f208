import type { Dataset, File } from "h5wasm"
import { type RawValue, songOf, type SongCollector } from "./millionSong.ts"

/** Reads `.h5` files of the Million Song data set, one at a time. */
export interface H5SongReader {
  /** Adds the songs of a file's bytes to the collector; a file that cannot be read is refused. */
  readonly read: (file: string, bytes: Uint8Array, collector: SongCollector) => void
}

/** Rows that are read at once: some 4 kB each. */
const rowsAtOnce = 4096

/** The three tables of a file, in which row n is about song n. */
const tableNames = ["metadata", "analysis", "musicbrainz"] as const

/** Names of the reader's own files in its memory. */
const memoryFile = "/song.h5"

interface Table {
  readonly dataset: Dataset
  readonly columns: ReadonlyMap<string, number>
}

/** Loads the HDF5 library (WebAssembly, some 4 MB): only called when there is such a file. */
export const makeH5SongReader = async (): Promise<H5SongReader> => {
  const h5 = await import("h5wasm")
  const module = await h5.ready
  const { FS } = module
  // Without this a damaged table is read as whatever is in memory.
  module.activate_throwing_error_handler()

  const tableOf = (file: File, name: string): Table | undefined => {
    const dataset = file.keys().includes(name) ? new h5.Dataset(file.file_id, `/${name}/songs`) : undefined
    const members = dataset?.metadata.compound_type?.members
    if (dataset === undefined || members === undefined) return undefined
    // The data set's texts are marked as ASCII, but are UTF-8.
    for (const member of members) member.cset = 1
    return { dataset, columns: new Map(members.map((member, n) => [member.name, n])) }
  }

  const addSongs = (name: string, file: File, collector: SongCollector) => {
    const tables = tableNames.flatMap((table) => tableOf(file, table) ?? [])
    if (tables.length === 0 || !tables.some(({ columns }) => columns.has("song_id"))) {
      collector.add(
        name,
        null,
        "it has no table /metadata/songs with a song_id, as files of the Million Song data set have"
      )
      return
    }
    const rows = tables[0].dataset.metadata.shape?.[0] ?? 0
    if (rows === 0) collector.add(name, null, "its table /metadata/songs is empty")
    for (let from = 0; from < rows; from += rowsAtOnce) {
      const values = tables.map(
        ({ dataset }) =>
          dataset.slice([[from, from + rowsAtOnce]]) as unknown as ReadonlyArray<ReadonlyArray<RawValue>>
      )
      for (let n = 0; n < values[0].length; n++) {
        const song = songOf((field) => {
          for (let t = 0; t < tables.length; t++) {
            const column = tables[t].columns.get(field)
            if (column !== undefined) return values[t][n]?.[column]
          }
          return null
        })
        collector.add(name, rows === 1 ? null : `row ${from + n + 1}`, song)
      }
    }
  }

  return {
    read: (name, bytes, collector) => {
      let file: File | undefined
      try {
        FS!.writeFile(memoryFile, bytes)
        file = new h5.File(memoryFile, "r")
        addSongs(name, file, collector)
      } catch (cause) {
        collector.add(name, null, `it cannot be read as HDF5 (${messageOf(cause)})`)
      } finally {
        try {
          file?.close()
        } catch {
          // The file is refused already.
        }
        FS!.unlink(memoryFile)
      }
    }
  }
}

/** The innermost of the library's messages, which says what is wrong with the file. */
const messageOf = (cause: unknown): string => {
  const text = cause instanceof Error ? cause.message : String(cause)
  const inner = [...text.matchAll(/^\s*#\d+: .*?\(\): (.*)$/gm)].at(-1)?.[1]
  return (inner ?? text.split("\n")[0]).trim().slice(0, 200)
}
