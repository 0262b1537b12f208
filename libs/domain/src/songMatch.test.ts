import { Buffer } from "node:buffer"
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import type { MatchableSong } from "./songMatch.ts"
import { makeSongMatcher, songSpellingRows } from "./songMatch.ts"
import { songSpellings, utf8AsLatin1 } from "./songSpellings.ts"

const song = (song_id: string, artist_name: string, title: string, duration: number): MatchableSong => ({
  song_id,
  artist_name,
  title,
  duration
})

describe("spellings", () => {
  it("of a plain ASCII song is the song alone", () => {
    expect(songSpellings("Sinch", "Plasma (Album Version)")).toEqual([
      { artist: "Sinch", title: "Plasma (Album Version)" }
    ])
  })

  // Titles as a real Eventsim wrote them.
  it.each([
    ["Bryan Ferry", 'Slave To Love (7" Version)', "Bryan Ferry", '"Slave To Love (7\\" Version)"'],
    ["Bröderna Djup", "Råskevärsrock", "BrÃ¶derna Djup", "RÃ¥skevÃ¤rsrock"],
    ["Marilyn Horne", 'Act 3 "è"', "Marilyn Horne", '"Act 3 \\"Ã¨\\""'],
    ["Sébastien Roch", "", "SÃ©bastien Roch", '""'],
    ["a, b", 'c "d"', '"a, b"', '"c ""d"""']
  ])("%s: %s", (artist, title, writtenArtist, writtenTitle) => {
    expect(songSpellings(artist, title)).toContainEqual({ artist: writtenArtist, title: writtenTitle })
  })

  it("are without repeats, begin with the song as it is, and survive a reading back as UTF-8", () => {
    fc.assert(
      fc.property(fc.fullUnicodeString(), fc.fullUnicodeString(), (artist, title) => {
        const spellings = songSpellings(artist, title)
        expect(spellings[0]).toEqual({ artist, title })
        expect(new Set(spellings.map((one) => JSON.stringify(one))).size).toBe(spellings.length)
        expect(Buffer.from(utf8AsLatin1(artist), "latin1").toString("utf8")).toBe(artist)
      })
    )
  })
})

describe("match", () => {
  it("takes the smallest song_id of those with the same float32 duration", () => {
    const match = makeSongMatcher([song("S2", "A", "T", 172.90404), song("S1", "A", "T", 172.904041)])
    expect(Math.fround(172.90404)).toBe(Math.fround(172.904041))
    expect(match("A", "T", 172.90404)).toMatchObject({ by: "duration", song: { song_id: "S1" } })
  })

  it("falls back on the name when it is unique, and never guesses when it is not", () => {
    const match = makeSongMatcher([
      song("S1", "A", "T", 10),
      song("S2", "A", "U", 10),
      song("S3", "A", "U", 20)
    ])
    expect(match("A", "T", 11)).toMatchObject({ by: "name", song: { song_id: "S1" } })
    expect(match("A", "T", null)).toMatchObject({ by: "name", song: { song_id: "S1" } })
    expect(match("A", "U", 20)).toMatchObject({ by: "duration", song: { song_id: "S3" } })
    expect(match("A", "U", 30)).toEqual({ by: "seen" })
    expect(match("A", "V", 10)).toEqual({ by: "seen" })
  })

  const names = fc.constantFrom("é", "Ã©", "a", '"a, b"', "a, b", "")
  const catalog = fc.uniqueArray(
    fc
      .tuple(fc.nat(99), names, names, fc.constantFrom(1, 2, 172.90404, 172.904041))
      .map(([id, artist, title, duration]) => song(`S${id}`, artist, title, duration)),
    { selector: ({ song_id }) => song_id, maxLength: 12 }
  )

  it("is the rule read off the table of spellings, whatever the order of the catalog", () => {
    fc.assert(
      fc.property(
        catalog,
        names,
        names,
        fc.constantFrom(null, 1, 2, 3, 172.90404),
        (songs, artist, title, duration) => {
          const rows = songSpellingRows(songs).filter((row) => row.artist === artist && row.title === title)
          const ids = new Set(rows.map((row) => row.song_id))
          const exact = rows
            .filter((row) => duration !== null && Math.fround(row.duration) === Math.fround(duration))
            .map((row) => row.song_id)
            .sort()
          const expected = exact.length > 0 ? exact[0] : ids.size === 1 ? [...ids][0] : undefined
          expect(ids.size).toBe(rows.length)
          expect(makeSongMatcher(songs)(artist, title, duration).song?.song_id).toBe(expected)
          expect(makeSongMatcher([...songs].reverse())(artist, title, duration).song?.song_id).toBe(expected)
        }
      ),
      { numRuns: 500 }
    )
  })
})
