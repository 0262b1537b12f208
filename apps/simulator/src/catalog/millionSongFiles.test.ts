import { Effect, Either } from "effect"
import fc from "fast-check"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { afterAll, describe, expect, it } from "vitest"
import { type FileSong, fileSong, h5File, metadataDb, tarGz } from "../testing/millionSongFiles.ts"
import { makeH5SongReader } from "./h5Songs.ts"
import { loadCatalog } from "./loadCatalog.ts"
import { readMetadataDb } from "./metadataDb.ts"
import { SongCollector } from "./millionSong.ts"

const root = mkdtempSync(join(tmpdir(), "musify-msd-"))
afterAll(() => rmSync(root, { recursive: true }))

let folders = 0
const newFolder = (files: ReadonlyArray<readonly [string, Uint8Array]>): string => {
  const folder = join(root, String(folders++))
  for (const [name, bytes] of files) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), bytes)
  }
  return folder
}
const load = async (path: string) => {
  const result = await Effect.runPromise(Effect.either(loadCatalog(path)))
  return Either.isLeft(result) ? result.left.message : result.right
}
const loaded = async (path: string) => {
  const result = await load(path)
  if (typeof result === "string") throw new Error(result)
  return result
}

const odd = fileSong(2, {
  title: 'Ærø, "日本" — 🎷 \\ it\'s',
  artist_name: 'Björk; Ñandú, "& co"',
  artist_latitude: Number.NaN,
  artist_longitude: Number.NaN,
  artist_location: "",
  year: 0,
  tempo: 0,
  song_hotttnesss: Number.NaN
})

/** Texts that a fixed-length field can hold: no NUL, no blank at the end. */
const texts = fc
  .string({ unit: "grapheme", minLength: 1, maxLength: 40 })
  .filter((text) => !text.includes("\0") && text.trim() !== "" && text === text.trimEnd())

describe(".h5 files", () => {
  it("are read from a folder, whatever its depth; unknown values become null", async () => {
    const folder = newFolder([
      ["data/A/B/TR1.h5", await h5File([fileSong(1)])],
      ["data/A/C/TR2.h5", await h5File([odd])],
      ["data/A/C/read.me", new Uint8Array(3)]
    ])
    const { refused, repeated, songs } = await loaded(folder)
    expect({ refused, repeated }).toEqual({ refused: [], repeated: 0 })
    expect(songs[0]).toEqual({ ...fileSong(1), weight: expect.any(Number) })
    expect(songs[1]).toEqual({
      ...odd,
      artist_latitude: null,
      artist_longitude: null,
      artist_location: null,
      year: null,
      tempo: null,
      song_hotttnesss: null,
      weight: expect.any(Number)
    })
  })

  it("are read from a tar.gz and from one file of many songs, with the same result", async () => {
    const songs = Array.from({ length: 9 }, (_, n) => fileSong(n, { title: `Same ${n % 2}` }))
    const files = await Promise.all(
      songs.map(async (song) => [`MillionSongSubset/data/${song.track_id}.h5`, await h5File([song])] as const)
    )
    const summary = await h5File(songs)
    const folder = newFolder([
      ["subset.tar.gz", await tarGz([["MillionSongSubset/README", new Uint8Array(700)], ...files])],
      ["summary", summary]
    ])
    const one = await loaded(join(folder, "summary"))
    expect(one.songs.map(({ title }) => title)).toEqual(songs.map(({ title }) => title))
    expect(await loaded(join(folder, "subset.tar.gz"))).toEqual(one)
    expect(await loaded(newFolder(files))).toEqual(one)
    // The data set's summary file beside the files it sums up.
    const both = await loaded(newFolder([...files, ["AdditionalFiles/subset_msd_summary_file.h5", summary]]))
    expect(both).toEqual({ songs: one.songs, refused: [], repeated: 9 })
  })

  it("that are damaged or cannot be songs are counted and named, the others are read", async () => {
    const good = await h5File([fileSong(1)])
    const damaged = good.map((byte, at) => (at > 1200 && at < 9000 ? 0xff : byte))
    const folder = newFolder([
      ["a-good.h5", good],
      ["b-cut.h5", good.subarray(0, 2000)],
      ["c-damaged.h5", damaged],
      ["d-text.h5", new TextEncoder().encode("no song at all")],
      ["e-empty.h5", new Uint8Array(0)],
      ["f-silent.h5", await h5File([fileSong(3, { duration: 0 })])],
      [
        "g-many.h5",
        await h5File([fileSong(4), fileSong(5, { artist_name: "" }), fileSong(1, { title: "Other" })])
      ],
      ["h-good.h5", await h5File([fileSong(6)])]
    ])
    const { refused, songs } = await loaded(folder)
    expect(songs.map(({ song_id }) => song_id)).toEqual(["SO1", "SO4", "SO6"])
    expect(refused.map(({ file, row }) => (row === null ? file : `${file} ${row}`))).toEqual([
      "b-cut.h5",
      "c-damaged.h5",
      "d-text.h5",
      "e-empty.h5",
      "f-silent.h5",
      "g-many.h5 row 2",
      "g-many.h5 row 3"
    ])
    expect(refused[0].reason).toMatch(/^it cannot be read as HDF5 \(truncated file/)
    expect(refused[2].reason).toBe("it cannot be read as HDF5 (file signature not found)")
    expect(refused[4].reason).toBe("song SO3 has no duration above 0 s")
    expect(refused[5].reason).toBe("song SO5 has no artist_name")
    expect(refused[6].reason).toBe("song SO1 was there before, with other fields")
  })

  it("of another layout and archives that are cut off or hold none are said to be so", async () => {
    const archive = await tarGz([["x.h5", await h5File([fileSong(1)])]])
    const folder = newFolder([
      ["cut.tar.gz", archive.subarray(0, archive.length - 200)],
      ["none.tar.gz", await tarGz([["x.txt", new Uint8Array(10)]])],
      ["bad/x.h5", new Uint8Array(10)]
    ])
    expect(await load(join(folder, "cut.tar.gz"))).toContain("damaged or cut off")
    expect(await load(join(folder, "none.tar.gz"))).toContain("a tar archive without .h5 files")
    expect(await load(join(folder, "bad"))).toMatch(
      /hold no song that can be played\. x\.h5: it cannot be read/
    )
  })

  it("give back any text that was written (property)", async () => {
    const reader = await makeH5SongReader()
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ title: texts, artist: texts }), { minLength: 1, maxLength: 6 }),
        async (names) => {
          const songs = names.map(({ artist, title }, n) => fileSong(n, { title, artist_name: artist }))
          const collector = new SongCollector()
          reader.read("x.h5", await h5File(songs), collector)
          const result = collector.result()
          expect(result.refused).toEqual([])
          expect(result.songs.map(({ artist_name, title }) => ({ title, artist: artist_name }))).toEqual(
            names
          )
        }
      ),
      { numRuns: 25 }
    )
  })
})

describe("track_metadata.db", () => {
  it("is read; what its table does not have is not known", async () => {
    const folder = newFolder([["subset_track_metadata.db", await metadataDb([fileSong(1), odd])]])
    const { refused, songs } = await loaded(join(folder, "subset_track_metadata.db"))
    expect(refused).toEqual([])
    const unknown = {
      artist_latitude: null,
      artist_longitude: null,
      artist_location: null,
      tempo: null,
      key: null,
      key_confidence: null,
      loudness: null,
      song_hotttnesss: null,
      weight: expect.any(Number)
    }
    expect(songs).toEqual([
      { ...fileSong(1), ...unknown },
      { ...odd, ...unknown, year: null }
    ])
    expect(await load(folder)).toContain("Give the file itself")
  })

  it("names rows that cannot be used, and says what it is when it is another database", async () => {
    const bytes = await metadataDb([
      fileSong(1, { duration: 0 }),
      fileSong(2, { artist_name: " " }),
      fileSong(3),
      { ...fileSong(3), track_id: "TR9", release: "Other" }
    ])
    const folder = newFolder([
      ["songs.db", bytes],
      ["other.db", await metadataDb([fileSong(1)], "tracks")],
      ["damaged.db", bytes.map((byte, at) => (at > 4096 ? 0xee : byte))]
    ])
    const { refused, songs } = await loaded(join(folder, "songs.db"))
    expect(songs.map(({ song_id }) => song_id)).toEqual(["SO3"])
    expect(refused.map(({ row, reason }) => `${row}: ${reason}`)).toEqual([
      "row 1: song SO1 has no duration above 0 s",
      "row 2: song SO2 has no artist_name",
      "row 4: song SO3 was there before, with other fields"
    ])
    expect(await load(join(folder, "other.db"))).toContain("table songs has no column artist_id, artist_name")
    expect(await load(join(folder, "damaged.db"))).toContain("malformed")
  })

  it("gives back any text that was written (property)", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(texts, { minLength: 1, maxLength: 6 }), async (titles) => {
        const songs: ReadonlyArray<FileSong> = titles.map((title, n) =>
          fileSong(n, { title, artist_name: title })
        )
        const collector = new SongCollector()
        await readMetadataDb(await metadataDb(songs), "x.db", collector)
        expect(collector.result().songs.map(({ title }) => title)).toEqual(titles)
      }),
      { numRuns: 25 }
    )
  })
})
