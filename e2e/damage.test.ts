import { Buffer } from "node:buffer"
import * as fs from "node:fs"
import path from "node:path"
import process from "node:process"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { badFolders, cut, damage, expectEnd, filesUnder, flip, program, small } from "./badFolder.ts"
import { globPositions } from "./lake.ts"
import { seeded } from "./musify.ts"

/*
 * Damaged files: a message that names the file and exit code 1, never a wrong number, never a crash; and the same
 * command works when the file is mended.
 */

const { clean, copy, ends, json, make, remove, scratch, shell } = badFolders()
afterAll(remove)
beforeAll(make)

test("a lake file of a flipped bit, then one cut off: the build stops, and goes on when it is mended", async () => {
  const data = copy()
  const file = filesUnder(path.join(data, "bucket", "lake", "listen_events"), ".parquet")[0]
  fs.rmSync(path.join(data, "warehouse.duckdb"))
  const mend = damage(file, flip(60))
  await program(["batch", "run", "--data", data], 1, file, "damaged")
  mend()
  const mendAgain = damage(file, cut)
  await ends(["batch", "run", "--data", data], 1, file, "damaged")
  mendAgain()
  await json(["batch", "run", "--data", data])
  await ends(["audit", "--data", data, "--drained"], 0)
})

test("a published file: the audit says so, the next build writes it again", async () => {
  const data = copy()
  const published = path.join(data, "bucket", "published")
  const version = fs.readFileSync(path.join(published, "CURRENT"), "utf8").trim()
  const file = path.join(published, version, "mart_users.parquet")
  damage(file, flip(50))
  await ends(["audit", "--data", data, "--drained"], 1, file, "damaged")
  await json(["batch", "run", "--data", data])
  await ends(["audit", "--data", data, "--drained"], 0)
})

test("the log cut off, the beginning of the warehouse overwritten: each is mended or built again", async () => {
  const data = copy()
  const log = path.join(data, "log", "data.mdb")
  const mendLog = damage(log, cut)
  await program(["ingest", "--once", "--data", data], 1, log)
  mendLog()
  await json(["ingest", "--data", data, "--once"])
  const warehouse = path.join(data, "warehouse.duckdb")
  damage(warehouse, (bytes) => bytes.fill(0x5a, 0, 4096))
  await program(["batch", "run", "--data", data], 1, warehouse)
  fs.rmSync(warehouse)
  await json(["batch", "run", "--data", data])
  await ends(["audit", "--data", data, "--drained"], 0)
})

test("a log that was made anew under a lake: its partitions stop with the offsets, nothing is written", async () => {
  const data = copy()
  const before = filesUnder(path.join(data, "bucket", "lake"), ".parquet")
  fs.rmSync(path.join(data, "log"), { recursive: true })
  const events = path.join(scratch, "auth_events.json")
  const event = { ts: 1767600000000, sessionId: 1, itemInSession: 0, level: "free", success: true }
  fs.writeFileSync(events, `${JSON.stringify(event)}\n`)
  await ends(["replay", events, "--data", data], 0)
  await ends(["ingest", "--once", "--data", data], 1, "auth_events/", "offset", "has stopped")
  expect(filesUnder(path.join(data, "bucket", "lake"), ".parquet")).toEqual(before)
})

describe("one flipped bit anywhere", () => {
  const seed = Number(process.env.MUSIFY_E2E_SEED ?? 20261124)
  // MUSIFY_FLIPS=100 for a long run.
  const flips = Number(process.env.MUSIFY_FLIPS ?? 4)
  const random = seeded(seed)
  const below = (n: number) => Math.floor(random() * n)

  const checks = (stdout: string): unknown => (JSON.parse(stdout) as { readonly checks: unknown }).checks

  /** Runs a command over a damaged file: what it printed, or undefined when it named the file. */
  const outcome = async (args: ReadonlyArray<string>, file: string) => {
    const finished = await shell.run(args)
    if (finished.code === 0) return finished.stdout
    expectEnd(args, finished, 1, file)
    return undefined
  }

  /** Bytes of a file that hold something, a few of them from its head. */
  const positions = (file: string, head: number): ReadonlyArray<readonly [at: number, bit: number]> => {
    const bytes = fs.readFileSync(file)
    const used = (at: number) => bytes.subarray(at & ~255, (at & ~255) + 256).some((byte) => byte !== 0)
    const found: Array<readonly [number, number]> = []
    while (found.length < flips) {
      const at = below(found.length % 4 === 0 ? head : bytes.length)
      if (used(at)) found.push([at, below(8)])
    }
    return found
  }

  test(`in the log (seed ${seed}): its records as they were, or its name`, async () => {
    const data = copy()
    const file = path.join(data, "log", "data.mdb")
    const audit = ["audit", "--data", data, "--audit-seed", "3", "--ranges", "1", "--json"]
    const right = await outcome(audit, file)
    const lake = await globPositions(clean)
    let named = 0
    for (const [at, bit] of positions(file, 8192)) {
      const mend = damage(file, flip(at, bit))
      const found = await outcome(audit, file)
      if (found === undefined) named++
      else expect(checks(found), `byte ${at}, bit ${bit}`).toEqual(checks(right!))
      // A new lake from the same log: as it was, or less of it, never something else.
      fs.rmSync(path.join(data, "bucket", "lake"), { recursive: true })
      fs.rmSync(path.join(data, "bucket", "log"), { recursive: true })
      if ((await outcome(["ingest", "--once", "--data", data, "--json"], file)) !== undefined)
        expect(await globPositions(data), `byte ${at}, bit ${bit}`).toEqual(lake)
      for (const part of ["lake", "log"]) {
        fs.rmSync(path.join(data, "bucket", part), { recursive: true, force: true })
        fs.cpSync(path.join(clean, "bucket", part), path.join(data, "bucket", part), { recursive: true })
      }
      mend()
    }
    expect(named).toBeGreaterThan(flips / 10)
  })

  test(`in the warehouse (seed ${seed}): every number as it was, or its name`, async () => {
    // Two more hours lie in the lake, so that a build has something to add to what is damaged.
    const more = copy()
    await ends(["simulate", "--data", more, ...small.slice(0, -1), "2026-01-05T08:00"], 0)
    await json(["ingest", "--once", "--data", more])
    const built = copy(more)
    const audit = (data: string) => [
      "audit",
      "--data",
      data,
      "--drained",
      "--audit-seed",
      "3",
      "--ranges",
      "2",
      "--json"
    ]
    await json(["batch", "run", "--data", built])
    const right = checks((await shell.run(audit(built))).stdout)
    let named = 0
    for (const [at, bit] of positions(path.join(more, "warehouse.duckdb"), 12_288)) {
      const data = copy(more)
      const file = path.join(data, "warehouse.duckdb")
      damage(file, flip(at, bit))
      const batch = await outcome(["batch", "run", "--data", data], file)
      const found = batch === undefined ? undefined : await outcome(audit(data), file)
      if (found === undefined) named++
      else expect(checks(found), `byte ${at}, bit ${bit}`).toEqual(right)
      fs.rmSync(data, { recursive: true })
    }
    expect(named).toBeGreaterThan(flips / 10)
  })

  test(`in a lake file (seed ${seed}): the build and the deep audit name it`, async () => {
    const data = copy()
    fs.rmSync(path.join(data, "warehouse.duckdb"))
    const files = filesUnder(path.join(data, "bucket", "lake", "page_view_events"), ".parquet")
    for (let i = 0; i < flips; i++) {
      const file = files[below(files.length)]
      const mend = damage(file, flip(below(fs.statSync(file).size), below(8)))
      expect(await outcome(["batch", "run", "--data", data], file)).toBe(undefined)
      if (i === 0) expect(await outcome(["audit", "--data", data, "--deep"], file)).toBe(undefined)
      mend()
    }
    await json(["batch", "run", "--data", data])
    await ends(["audit", "--data", data, "--drained", "--deep"], 0)
  })
})

test("the published numbers of a damaged warehouse stay readable", async () => {
  const data = copy()
  damage(path.join(data, "warehouse.duckdb"), () => Buffer.alloc(100_000, 7))
  const published = path.join(data, "bucket", "published")
  const before = fs.readFileSync(path.join(published, "CURRENT"), "utf8")
  await ends(["batch", "run", "--data", data], 1, path.join(data, "warehouse.duckdb"))
  expect(fs.readFileSync(path.join(published, "CURRENT"), "utf8")).toBe(before)
})
