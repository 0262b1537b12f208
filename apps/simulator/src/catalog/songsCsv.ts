import { parse } from "csv-parse/sync"
import type { LoadedCatalog } from "./LoadedCatalog.ts"
import { neededFields, songOf, SongCollector } from "./millionSong.ts"

interface Parsed {
  readonly record: ReadonlyArray<string>
  readonly info: { readonly lines: number }
}

const rowsOf = (text: string, escape: "\\" | '"'): ReadonlyArray<Parsed> =>
  parse(text, {
    bom: true,
    escape,
    info: true,
    record_delimiter: ["\r\n", "\n"],
    relax_column_count: true,
    relax_quotes: true,
    skip_empty_lines: true
  }) as unknown as ReadonlyArray<Parsed>

/** Rows whose number of fields is not the header's. */
const misfits = (rows: ReadonlyArray<Parsed>): number =>
  rows.filter(({ record }) => record.length !== rows[0].record.length).length

/**
 * Quotes inside a quoted field are escaped by a backslash (the songs.csv of Streamify-style projects) or doubled (most
 * other programs). Where the text has both forms, the reading with fewer misfits is right.
 */
const parseRows = (text: string): ReadonlyArray<Parsed> => {
  if (!text.includes('\\"')) return rowsOf(text, '"')
  const escaped = rowsOf(text, "\\")
  if (!text.includes('""') || misfits(escaped) === 0) return escaped
  const doubled = rowsOf(text, '"')
  return misfits(doubled) < misfits(escaped) ? doubled : escaped
}

/**
 * Reads songs of the Million Song data set from a CSV: a header with the data set's names, others are passed over;
 * lines end in CRLF or LF. A row without song id, artist or a positive duration, of another number of fields, or a
 * second row of the same song id with other fields, is refused. Answers the missing columns' names when it is no such
 * file. For weights and unknown values see `songOf`.
 */
export const readSongsCsv = (
  text: string,
  file: string
): LoadedCatalog | { readonly missing: ReadonlyArray<string> } => {
  const rows = parseRows(text)
  const names = rows.length === 0 ? [] : rows[0].record
  const column = new Map(names.map((name, n) => [name.trim(), n]))
  const missing = neededFields.filter((name) => !column.has(name))
  if (missing.length > 0) return { missing }
  const collector = new SongCollector()
  for (const { record, info } of rows.slice(1)) {
    collector.add(
      file,
      `line ${info.lines}`,
      record.length === names.length
        ? songOf((field) => {
            const n = column.get(field)
            return n === undefined ? null : record[n]
          })
        : `it has ${record.length} fields, the header ${names.length}`
    )
  }
  return collector.result()
}
