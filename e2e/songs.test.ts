import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, describe, expect, test } from "vitest"
import { fileSong, h5File, metadataDb, tarGz } from "../apps/simulator/src/testing/millionSongFiles.ts"
import { runJson, temporaryFolder } from "./musify.ts"

/* The song readers as the program loads them: bundled or not, packages answer an import in different ways. */
const folder = temporaryFolder()
afterAll(() => folder.remove())

interface Summary {
  readonly events: Readonly<Record<string, number>>
  readonly refusedSongs: ReadonlyArray<unknown>
}

const songs = Array.from({ length: 5 }, (_, n) => fileSong(n, { title: `Zoé "${n}", 日本` }))

describe("simulate --songs", () => {
  test.each([
    ["subset.tar.gz", () => h5File(songs).then((bytes) => tarGz([["data/TR.h5", bytes]]))],
    ["track_metadata.db", () => metadataDb(songs)],
    ["summary.h5", () => h5File(songs)]
  ])("%s", async (name, make) => {
    const file = join(folder.path, name)
    writeFileSync(file, await make())
    const span = ["--start", "2026-01-05", "--end", "2026-01-07", "--users", "100"]
    const args = ["simulate", "--output", "null", "--once", ...span, "--songs", file]
    const summary = await runJson<Summary>(args)
    expect(summary.refusedSongs).toEqual([])
    expect(summary.events["listen_events"]).toBeGreaterThan(100)
  })
})
