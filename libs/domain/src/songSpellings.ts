import { Buffer } from "node:buffer"

/** Artist and title as an event or a catalog spells them. */
export interface Spelling {
  readonly artist: string
  readonly title: string
}

/**
 * What a CSV writer puts in quotes (the empty text too, to tell it from none): the field keeps these, and its escapes,
 * when a naive reader cuts at commas or tabs.
 */
const needsQuotes = /^$|[",\r\n]/

const quoted = (text: string, escapedQuote: string): string =>
  needsQuotes.test(text) ? `"${text.replaceAll('"', escapedQuote)}"` : text

/** The UTF-8 of a text read as Latin-1 ("é" → "Ã©"): what Eventsim makes of its song file. */
export const utf8AsLatin1 = (text: string): string => Buffer.from(text, "utf8").toString("latin1")

/**
 * Every way in which producers are known to write a song of the catalog: as it is; as a field of a CSV file whose quotes
 * were never taken off (with `\"` or `""` inside); and the UTF-8 of each read as Latin-1. Without repeats, as it is first.
 */
export const songSpellings = (artist: string, title: string): ReadonlyArray<Spelling> => {
  const spellings: Array<Spelling> = []
  const add = (spelling: Spelling) => {
    if (!spellings.some((one) => one.artist === spelling.artist && one.title === spelling.title))
      spellings.push(spelling)
  }
  for (const read of [(text: string) => text, utf8AsLatin1]) {
    add({ artist: read(artist), title: read(title) })
    for (const escapedQuote of ['\\"', '""'])
      add({ artist: read(quoted(artist, escapedQuote)), title: read(quoted(title, escapedQuote)) })
  }
  return spellings
}
