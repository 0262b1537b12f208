import { UserError } from "@musify/runtime/UserError.ts"
import { Effect, Either } from "effect"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { gzipSync } from "node:zlib"
import { afterAll, describe, expect, it } from "vitest"
import { generateCatalog } from "./generateCatalog.ts"
import { readListenCounts } from "./listenCounts.ts"
import { refusedTexts } from "./LoadedCatalog.ts"
import { loadCatalog } from "./loadCatalog.ts"
import { readSongsCsv } from "./songsCsv.ts"

const folder = mkdtempSync(join(tmpdir(), "musify-catalog-"))
afterAll(() => rmSync(folder, { recursive: true }))

const header =
  "artist_id,artist_latitude,artist_location,artist_longitude,artist_name,danceability,duration,energy,key,key_confidence,loudness,mode,mode_confidence,release,song_hotttnesss,song_id,tempo,title,track_id,year"
const row = (title: string, id: string, more: { readonly duration?: string; readonly place?: string } = {}) =>
  `AR1,0.0,${more.place ?? '"Paris, France"'},0.0,Zoé,0.0,${more.duration ?? "172.90404"},0.0,2,0.344,-13.963,1,0.488,Best Of,-1.0,${id},0.0,${title},TR${id},0`

const read = (rows: ReadonlyArray<string>) => {
  const loaded = readSongsCsv([header, ...rows].join("\r\n"), "songs.csv")
  if ("missing" in loaded) throw new Error("no song file")
  return loaded
}

describe("songs.csv", () => {
  it("is read with CRLF and quotes escaped by a backslash; marks become null", () => {
    const loaded = read([
      row('"Piano Sonata \\"Hammerklavier\\", II"', "SO1"),
      row("Plain", "SO2", { place: "NA" }),
      ""
    ])
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
    expect(loaded.songs[1].artist_location).toBeNull()
    expect(loaded.songs.every((song) => song.weight > 0)).toBe(true)
  })

  it("is read with doubled quotes, also beside fields that end in a backslash", () => {
    const titles = ['Say "Hi", he said', "AC\\", '日本 "東京"', "\\o/"]
    const rows = titles.map((title, n) => row(`"${title.replaceAll('"', '""')}"`, `SO${n}`))
    expect(read(rows).songs.map((song) => song.title)).toEqual(titles)
  })

  it("counts and names every row that cannot be used", () => {
    const loaded = read([
      row("", "SO1"),
      row("A", "SO2"),
      row("B", "SO2"),
      row("C", "SO3", { duration: "x" }),
      "a,b",
      row("D", "SO4"),
      row("A", "SO2")
    ])
    expect(loaded.songs.map((song) => song.title)).toEqual(["", "A", "D"])
    expect(loaded.refused).toEqual([
      { file: "songs.csv", row: "line 4", reason: "song SO2 was there before, with other fields" },
      { file: "songs.csv", row: "line 5", reason: "song SO3 has no duration above 0 s" },
      { file: "songs.csv", row: "line 6", reason: "it has 2 fields, the header 20" }
    ])
    expect(loaded.repeated).toBe(1)
    expect(refusedTexts(loaded)).toEqual([
      "Songs: songs.csv, line 4 left out: song SO2 was there before, with other fields.",
      "Songs: songs.csv, line 5 left out: song SO3 has no duration above 0 s.",
      "Songs: songs.csv, line 6 left out: it has 2 fields, the header 20.",
      "Songs: 1 were there a second time, the same in every field."
    ])
  })

  it("keeps songs of the same artist and title that differ in their id", () => {
    const { songs, refused } = read([row("Same", "SO1"), row("Same", "SO2")])
    expect(songs.map((song) => [song.song_id, song.title])).toEqual([
      ["SO1", "Same"],
      ["SO2", "Same"]
    ])
    expect(refused).toEqual([])
  })

  it("of other columns is not taken for one", () => {
    expect(readSongsCsv("a,b\r\n1,2\r\n", "x.csv")).toEqual({
      missing: ["artist_id", "artist_name", "duration", "song_id", "title"]
    })
  })
})

describe("listen_counts", () => {
  it("is read by tabs; an empty duration is 180 s", () => {
    const { songs, refused } = readListenCounts(
      "TR1\tZoé\tSong\t\t3\nTR2\tZoé\tOther\t12.5\t0\nbad\n",
      "l.txt"
    )
    expect(songs.map((s) => [s.title, s.duration, s.weight])).toEqual([
      ["Song", 180, 3],
      ["Other", 12.5, 0]
    ])
    expect(refused).toMatchObject([{ file: "l.txt", row: "line 3" }])
  })
})

describe("--songs", () => {
  const load = (path: string) => Effect.runPromise(Effect.either(loadCatalog(path)))
  const failure = async (path: string): Promise<string> => {
    const result = await load(path)
    if (Either.isRight(result)) throw new Error("it was read")
    expect(result.left).toBeInstanceOf(UserError)
    expect(result.left.exitCode).toBe(2)
    return result.left.message
  }
  const put = (name: string, content: string | Uint8Array): string => {
    const path = join(folder, name)
    writeFileSync(path, content)
    return path
  }

  it("recognizes text files by their content, with gzip and without", async () => {
    const csv = [header, row("A", "SO1")].join("\n")
    for (const [name, content, title] of [
      ["any.txt", csv, "A"],
      ["any", gzipSync(csv), "A"],
      ["songs.csv", "TR1\tZoé\tTab\t\t3\n", "Tab"],
      ["counts.gz", gzipSync("TR1\tZoé\tTab\t\t3\n"), "Tab"]
    ] as const) {
      const result = Either.getOrThrow(await load(put(name, content)))
      expect(result.songs.map((song) => song.title)).toEqual([title])
    }
  })

  it("says what is wrong with anything else", async () => {
    expect(await failure(join(folder, "none"))).toContain("cannot be read: ENOENT")
    expect(await failure(put("a.csv", "a,b\n"))).toContain("have no column artist_id, artist_name")
    expect(await failure(put("b.csv", header))).toContain("hold no song that can be played")
    expect(await failure(put("c.txt", "TR1\tA\tB\t-1\t3\n"))).toContain(
      'line 1: track TR1 has the duration "-1"'
    )
    expect(await failure(put("d.csv", Uint8Array.of(0x61, 0xff, 0x62)))).toContain("cannot be read")
    expect(await failure(put("e.zip", "PK\x03\x04zip"))).toContain("unpack it")
    expect(await failure(put("f.gz", gzipSync(`${header}\n${row("A", "SO1")}`).subarray(0, 60)))).toContain(
      "cannot be read"
    )
    expect(await failure(folder)).toMatch(/without \.h5 files\. Give the file itself: .*songs\.csv/)
  })
})

describe("the generated catalog", () => {
  const songs = generateCatalog(1)
  it("has 10,000 different songs of thousands of artists", () => {
    expect(songs).toHaveLength(10_000)
    expect(new Set(songs.map((s) => s.song_id)).size).toBe(10_000)
    expect(new Set(songs.map((s) => s.track_id)).size).toBe(10_000)
    expect(new Set(songs.map((s) => `${s.artist_id}/${s.title}`)).size).toBe(10_000)
    const artists = new Set(songs.map((s) => s.artist_id)).size
    expect(artists).toBeGreaterThan(3000)
    expect(new Set(songs.map((s) => s.artist_name)).size).toBe(artists)
  })

  it("has the popularity of Eventsim's listen_counts", () => {
    // Measured on the 10,000 songs and 5.0 M plays of that file.
    const weights = songs.map((s) => s.weight).sort((a, b) => b - a)
    const total = weights.reduce((a, b) => a + b, 0)
    const share = (top: number) => weights.slice(0, top * 10_000).reduce((a, b) => a + b, 0) / total
    const near = (measured: number, ours: number) => expect(Math.abs(ours / measured - 1)).toBeLessThan(0.05)
    near(0.0201, share(0.001))
    near(0.0388, share(0.01))
    near(0.1167, share(0.05))
    near(0.2092, share(0.1))
    near(0.3777, share(0.2))
    near(0.7603, share(0.5))
    near(0.9924, share(0.9))
    const slope = (from: number, to: number) =>
      Math.log(weights[to - 1] / weights[from - 1]) / Math.log(to / from)
    expect(Math.abs(slope(1, 10) + 0.802)).toBeLessThan(0.15)
    expect(Math.abs(slope(100, 1000) + 0.046)).toBeLessThan(0.02)
    expect(Math.abs(slope(1000, 5000) + 0.373)).toBeLessThan(0.04)
    expect(Math.abs(slope(5000, 9000) + 3)).toBeLessThan(0.3)
    expect(weights[9999]).toBeGreaterThan(0)
  })

  it("says of most songs what the data set says", () => {
    const known = (field: keyof (typeof songs)[number]) =>
      songs.filter((s) => s[field] !== null).length / 10_000
    for (const field of ["track_id", "release", "key", "key_confidence", "loudness", "duration"] as const) {
      expect(known(field)).toBe(1)
    }
    for (const field of ["artist_latitude", "artist_longitude", "artist_location", "year"] as const) {
      expect(known(field)).toBeGreaterThan(0.3)
      expect(known(field)).toBeLessThan(0.9)
    }
    expect(known("song_hotttnesss")).toBeGreaterThan(0.5)
    expect(known("tempo")).toBeGreaterThan(0.95)
  })

  it("is the same for the same seed and another for another", () => {
    expect(generateCatalog(1, 50)).toEqual(generateCatalog(1, 50))
    expect(generateCatalog(2, 50)).not.toEqual(generateCatalog(1, 50))
  })
})
