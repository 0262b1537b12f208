import { describe, expect, it } from "vitest"
import { generateCatalog } from "./generateCatalog.ts"
import { readListenCounts } from "./listenCounts.ts"
import { readSongsCsv } from "./songsCsv.ts"

const header =
  "artist_id,artist_latitude,artist_location,artist_longitude,artist_name,danceability,duration,energy,key,key_confidence,loudness,mode,mode_confidence,release,song_hotttnesss,song_id,tempo,title,track_id,year"
const row = (title: string, id: string, more: { readonly duration?: string } = {}) =>
  `AR1,0.0,"Paris, France",0.0,Zoé,0.0,${more.duration ?? "172.90404"},0.0,2,0.344,-13.963,1,0.488,Best Of,-1.0,${id},0.0,${title},TR${id},0`

describe("songs.csv", () => {
  it("is read with CRLF and quotes escaped by a backslash; markers become null", () => {
    const loaded = readSongsCsv(
      [header, row('"Piano Sonata \\"Hammerklavier\\", II"', "SO1"), row("Plain", "SO2"), ""].join("\r\n")
    )
    if ("missing" in loaded) throw new Error("no song file")
    expect(loaded.refused).toEqual([])
    expect(loaded.songs.map((song) => song.title)).toEqual(['Piano Sonata "Hammerklavier", II', "Plain"])
    expect(loaded.songs[0]).toMatchObject({
      artist_latitude: null,
      artist_longitude: null,
      artist_location: "Paris, France",
      year: null,
      tempo: null,
      song_hotttnesss: null,
      duration: 172.90404,
      key: 2
    })
    expect(loaded.songs.every((song) => song.weight > 0)).toBe(true)
  })

  it("counts and names every row that cannot be used", () => {
    const rows = [
      row("", "SO1"),
      row("A", "SO2"),
      row("B", "SO2"),
      row("C", "SO3", { duration: "x" }),
      "a,b",
      row("D", "SO4")
    ]
    const loaded = readSongsCsv([header, ...rows].join("\r\n"))
    if ("missing" in loaded) throw new Error("no song file")
    expect(loaded.songs.map((song) => song.title)).toEqual(["", "A", "D"])
    expect(loaded.refused.map(({ line }) => line)).toEqual([4, 5, 6])
    expect(loaded.refused[1].reason).toBe("song SO3 has no duration above 0 s")
  })

  it("of other columns is not taken for one", () => {
    expect(readSongsCsv("a,b\r\n1,2\r\n")).toEqual({
      missing: ["artist_id", "artist_name", "duration", "song_id", "title"]
    })
  })
})

describe("listen_counts", () => {
  it("is read by tabs; an empty duration is 180 s", () => {
    const { songs, refused } = readListenCounts("TR1\tZoé\tSong\t\t3\nTR2\tZoé\tOther\t12.5\t0\nbad\n")
    expect(songs.map((s) => [s.title, s.duration, s.weight])).toEqual([
      ["Song", 180, 3],
      ["Other", 12.5, 0]
    ])
    expect(refused.map(({ line }) => line)).toEqual([3])
  })
})

describe("the generated catalog", () => {
  const songs = generateCatalog(1)
  it("has 10,000 different songs of thousands of artists, with a long tail", () => {
    expect(songs).toHaveLength(10_000)
    expect(new Set(songs.map((s) => s.song_id)).size).toBe(10_000)
    expect(new Set(songs.map((s) => s.track_id)).size).toBe(10_000)
    expect(new Set(songs.map((s) => `${s.artist_id}/${s.title}`)).size).toBe(10_000)
    const artists = new Set(songs.map((s) => s.artist_id)).size
    expect(artists).toBeGreaterThan(3000)
    expect(new Set(songs.map((s) => s.artist_name)).size).toBe(artists)
    const weights = songs.map((s) => s.weight).sort((a, b) => b - a)
    const total = weights.reduce((a, b) => a + b, 0)
    const top = weights.slice(0, 100).reduce((a, b) => a + b, 0) / total
    expect(top).toBeGreaterThan(0.08)
    expect(top).toBeLessThan(0.25)
    expect(weights[9999]).toBeGreaterThan(0)
  })

  it("is the same for the same seed and another for another", () => {
    expect(generateCatalog(1, 50)).toEqual(songs.slice(0, 50))
    expect(generateCatalog(2, 50)).not.toEqual(songs.slice(0, 50))
  })
})
