import { makeSongMatcher } from "@musify/domain/songMatch.ts"
import { songSpellings } from "@musify/domain/songSpellings.ts"
import * as fc from "fast-check"
import { describe, expect, test } from "vitest"
import { arbitraryHistory, trickyCatalog } from "./arbitraryHistories.ts"
import { ofTopic } from "./logged.ts"
import { SongDimension } from "./songs.ts"

const songs = new SongDimension(trickyCatalog)
const idOf = (artist: string, song: string, duration: number) =>
  songs.resolve({ artist, song, duration }).song_id

describe("a play finds its song", () => {
  test("by spelling and float32 duration, the least song_id of several", () => {
    expect(idOf("Björk", "Jóga", 172.90404)).toBe("SOA")
    expect(idOf("BjÃ¶rk", "JÃ³ga", 172.90404)).toBe("SOA")
    expect(idOf("Twins", "One", 45.75)).toBe("SOF")
  })
  test("by spelling alone when only one song has it", () => {
    expect(idOf("Bjork", "Hunter", 1)).toBe("SOC")
    expect(idOf('"Sly, Robbie"', '"The ""Hit"", live"', 1)).toBe("SOD")
  })
  test("as a song of its own when several have the spelling, with the artist of the least id", () => {
    const row = songs.resolve({ artist: "Twins", song: "One", duration: 99 })
    expect(row).toMatchObject({ in_catalog: false, song_id: null, title: "One", duration: null })
    expect(row.artist_key).toBe(songs.resolve({ artist: "Twins", song: "One", duration: 30.25 }).artist_key)
  })
  test("in all spellings, unless another song has the same", () => {
    for (const song of trickyCatalog)
      for (const { artist, title } of songSpellings(song.artist_name, song.title)) {
        const found = trickyCatalog.find(({ song_id }) => song_id === idOf(artist, title, song.duration))
        expect(Math.fround(found!.duration)).toBe(Math.fround(song.duration))
      }
  })
  test("as the matcher of the generated data says", () => {
    fc.assert(
      fc.property(arbitraryHistory(), ({ catalog, events }) => {
        const match = makeSongMatcher(catalog)
        const dimension = new SongDimension(catalog)
        for (const { event } of ofTopic(events, "listen_events"))
          expect(dimension.resolve(event).song_id).toBe(
            match(event.artist, event.song, event.duration).song?.song_id ?? null
          )
      }),
      { numRuns: 100 }
    )
  })
})

test("an artist has the least of its names and places; unheard-of artists are there while a song needs them", () => {
  const rows = songs.songRows([{ artist: "Nobody", song: "Nothing", duration: 1 }])
  const artists = songs.artistRows(rows)
  expect(artists.find(({ artist_id }) => artist_id === "AR1")).toMatchObject({
    name: "Bjork",
    latitude: 64.1,
    longitude: -22.5,
    location: "Iceland"
  })
  expect(artists.filter(({ artist_id }) => artist_id === null).map(({ name }) => name)).toEqual(["Nobody"])
  expect(artists).toHaveLength(5)
})
