import { layer as layerLocalDirectory } from "@musify/lake/LocalDirectoryObjectStore.ts"
import { layerDataFolder, openDataFolder } from "@musify/runtime/DataFolder.ts"
import { Effect, Either } from "effect"
import fc from "fast-check"
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { gzipSync } from "node:zlib"
import { afterAll, describe, expect, it } from "vitest"
import { loadSimilarSongs, similarSongsText } from "./catalog/similarSongs.ts"
import { bits } from "./random.ts"
import type { SimulationSettings } from "./resolveSettings.ts"
import { resolveSimulation } from "./resolveSimulation.ts"
import { makeSimilarSongs, sampleSimilar, type SimilarPairs } from "./SimilarSongs.ts"
import { cast, collect } from "./testing/collect.ts"

const root = mkdtempSync(join(tmpdir(), "musify-similar-"))
afterAll(() => rmSync(root, { recursive: true }))

const { songs } = cast
const weights = songs.map(({ weight }) => weight)
const pairsOf = (pairs: ReadonlyArray<readonly [number, number]>): SimilarPairs => {
  const sorted = [...pairs].sort((a, b) => a[0] - b[0] || a[1] - b[1])
  return { from: Int32Array.from(sorted, ([a]) => a), to: Int32Array.from(sorted, ([, b]) => b) }
}

describe("the song after a song", () => {
  it("is one of its similar songs, by weight, pairs counted as often as they are there (property)", () => {
    const size = 6
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 5 }), { minLength: size, maxLength: size }),
        fc.array(fc.tuple(fc.nat(size - 1), fc.nat(size - 1)), { maxLength: 20 }),
        fc.nat(size - 1),
        (plays, pairs, last) => {
          const similar = makeSimilarSongs(pairsOf(pairs), plays)
          const expected = new Float64Array(size)
          for (const [from, to] of pairs) if (from === last) expected[to] += plays[to]
          const total = expected.reduce((a, b) => a + b, 0)
          const draws = 4000
          const seen = new Float64Array(size)
          for (let n = 0; n < draws; n++) {
            const song = sampleSimilar(similar, last, bits(1, 2, 2 * n), bits(1, 2, 2 * n + 1))
            if (total === 0) expect(song).toBe(-1)
            else seen[song]++
          }
          if (total === 0) return
          for (let song = 0; song < size; song++) {
            const p = expected[song] / total
            expect(Math.abs(seen[song] / draws - p)).toBeLessThanOrEqual(5 * Math.sqrt((p * (1 - p)) / draws))
          }
          expect(sampleSimilar(similar, -1, 1, 1)).toBe(-1)
        }
      ),
      { numRuns: 60 }
    )
  })

  it("is a similar one in a simulation; the first of a session and songs without are followed by any", () => {
    // The tenth of the songs with the most plays, each followed by two others.
    const popular = [...weights.keys()].sort((a, b) => weights[b] - weights[a]).slice(0, 40)
    const pairs = popular.flatMap((song, n) => [
      [song, popular[(n + 1) % 40]] as const,
      [song, (song * 7 + 1) % songs.length] as const
    ])
    const similar = makeSimilarSongs(pairsOf(pairs), weights)
    const number = new Map(songs.map((song, n) => [`${song.artist_name}\n${song.title}`, n]))
    const followers = new Map<number, Set<number>>()
    for (const [from, to] of pairs) followers.set(from, (followers.get(from) ?? new Set()).add(to))

    const play = (of: typeof cast) => {
      const lines = collect({ days: 10, users: 200, cast: of }).get("listen_events/0")!
      const last = new Map<number, number>()
      const seen = { first: new Set<number>(), free: new Set<number>(), similar: 0, other: 0 }
      for (const line of lines) {
        const event = JSON.parse(line) as { artist: string; song: string; sessionId: number }
        const song = number.get(`${event.artist}\n${event.song}`)!
        const before = last.get(event.sessionId)
        const expected = before === undefined ? undefined : followers.get(before)
        if (before === undefined) seen.first.add(song)
        else if (expected === undefined) seen.free.add(song)
        else if (expected.has(song)) seen.similar++
        else seen.other++
        last.set(event.sessionId, song)
      }
      return seen
    }
    const without = play(cast)
    expect(without.similar).toBeLessThan(without.other / 10)
    const seen = play({ ...cast, similar })
    expect(seen.similar).toBeGreaterThan(1000)
    expect(seen.other).toBe(0)
    expect(seen.first.size).toBeGreaterThan(150)
    expect(seen.free.size).toBeGreaterThan(300)
  })
})

describe("similar_songs.csv", () => {
  const track = (n: number) => songs[n].track_id
  const read = async (content: string | Uint8Array) => {
    const file = join(root, "similar")
    writeFileSync(file, content)
    const result = await Effect.runPromise(Effect.either(loadSimilarSongs(file, songs)))
    return Either.isLeft(result) ? result.left.message : result.right
  }
  const lines = [`${track(3)},${track(1)}`, `${track(0)},${track(2)},0.9`, `${track(3)},${track(1)}`]

  it("is read with gzip and without; other tracks and other lines are counted", async () => {
    for (const content of [lines.join("\r\n"), gzipSync(lines.join("\n"))]) {
      const loaded = await read(content)
      if (typeof loaded === "string") throw new Error(loaded)
      expect([...loaded.pairs.from]).toEqual([0, 3, 3])
      expect([...loaded.pairs.to]).toEqual([2, 1, 1])
    }
    const loaded = await read([...lines, `TRX,${track(1)}`, `${track(1)},TRX`, "alone", "", ","].join("\n"))
    expect(loaded).toMatchObject({
      unknown: 2,
      refused: [
        { row: "line 6", reason: "it is no track,similar" },
        { row: "line 8", reason: "it is no track,similar" }
      ]
    })
    expect(await read("TRX,TRY\n")).toContain("none of the catalog's songs (1 lines about other tracks)")
    expect(await read("alone\n")).toContain("no line track,similar about a song of the catalog. line 1")
    expect(await read(gzipSync(lines.join("\n")).subarray(0, 30))).toContain("cannot be read")
  })

  it("comes back from the form in which it is kept (property)", async () => {
    const pair = fc.tuple(fc.nat(songs.length - 1), fc.nat(songs.length - 1))
    await fc.assert(
      fc.asyncProperty(fc.array(pair, { minLength: 1, maxLength: 50 }), async (given) => {
        const pairs = pairsOf(given)
        expect(await read(similarSongsText(pairs, songs))).toMatchObject({ pairs, unknown: 0, refused: [] })
      }),
      { numRuns: 20 }
    )
  })
})

describe("a data folder", () => {
  let folders = 0
  const newFolder = () => join(root, `data-${folders++}`)
  const resolve = async (data: string, settings: SimulationSettings) => {
    const result = await Effect.runPromise(
      resolveSimulation({ users: 10, start: { kind: "at", ms: Date.UTC(2026, 0, 1) }, ...settings }).pipe(
        Effect.provide(layerLocalDirectory({ directory: join(data, "bucket") })),
        Effect.provide(layerDataFolder(data)),
        Effect.either
      )
    )
    return Either.isLeft(result) ? result.left.message : result.right
  }
  const file = (name: string, text: string): string => {
    writeFileSync(join(root, name), text)
    return join(root, name)
  }
  const counts = file(
    "counts.txt",
    ["A", "B", "C"].map((id) => `TR${id}\tArtist\tSong ${id}\t180\t5\n`).join("")
  )
  const given = { songs: counts, similarSongs: file("similar.csv", "TRA,TRB\nTRB,TRC\nTRX,TRA\n") }

  it("keeps its similar songs and goes on with them", async () => {
    const data = newFolder()
    const first = await resolve(data, given)
    if (typeof first === "string") throw new Error(first)
    expect([...first.similar!.starts]).toEqual([0, 1, 2, 2])
    expect(await resolve(data, {})).toMatchObject({ similar: first.similar })
    // The same content in another form is the same.
    const same = file("same.csv", "TRB,TRC\nTRA,TRB,1\n")
    expect(await resolve(data, { similarSongs: same })).toMatchObject({ similar: first.similar })
    expect(await resolve(data, { similarSongs: file("other.csv", "TRA,TRC\n") })).toMatch(
      /^The setting "similar-songs" of .* is fixed: it was made with [0-9a-f]{16}, now [0-9a-f]{16} was asked for/
    )
    expect(await resolve(data, { songs: file("less.txt", "TRA\tArtist\tSong A\t180\t5\n") })).toContain(
      'The setting "songs"'
    )
    const [name] = readdirSync(join(data, "simulator")).filter((one) => one.startsWith("similar-songs"))
    writeFileSync(join(data, "simulator", name), gzipSync("TRA,TRB\n"))
    expect(await resolve(data, {})).toContain("is missing or damaged. Give them again by --similar-songs")
    expect(await resolve(data, given)).toMatchObject({ similar: first.similar })
    expect(await resolve(data, {})).toMatchObject({ similar: first.similar })
  })

  it("that began without similar songs takes none later, also when an older release made it", async () => {
    const data = newFolder()
    expect(await resolve(data, { songs: counts })).toMatchObject({ similar: undefined })
    expect(await resolve(data, given)).toContain("it was made with none")
    const older = newFolder()
    await Effect.runPromise(
      Effect.flatMap(openDataFolder(older), (folder) => folder.freeze("config", "0123456789abcdef"))
    )
    expect(await resolve(older, { ...given, tag: "x" })).toContain("it was made with none")
  })
})
