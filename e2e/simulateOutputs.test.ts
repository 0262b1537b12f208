import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import process from "node:process"
import { afterAll, beforeAll, expect, test } from "vitest"
import { gunzipSync } from "node:zlib"
import { run, seeded, sleep, start, startShell, temporaryFolder, until } from "./musify.ts"

/* `musify simulate` as a person uses it, with outputs that are no data folder. */
const folder = temporaryFolder()
const at = (name: string) => join(folder.path, name)
const topics = ["auth_events", "listen_events", "page_view_events", "status_change_events"]
const span = ["--users", "300", "--seed", "5", "--start", "2026-06-01", "--end", "2026-06-04"]
const shell = startShell()
const simulate = (...args: ReadonlyArray<string>) => shell.run(["simulate", ...args])
/** A program of its own. */
const simulateAlone = (...args: ReadonlyArray<string>) => run(["simulate", ...args])

const texts = (path: string, suffix = ".ndjson") =>
  topics.map((topic) => {
    const bytes = readFileSync(join(path, topic + suffix))
    return suffix.endsWith(".gz") && bytes.length > 0 ? gunzipSync(bytes).toString() : bytes.toString()
  })

beforeAll(async () => {
  const { code, stderr } = await simulateAlone(...span, "--output", `ndjson:${at("whole")}`)
  expect(code, stderr).toBe(0)
})
afterAll(() => {
  shell.close()
  folder.remove()
})

test("two runs to different ends write what one does; other settings are refused and named", async () => {
  const path = at("parts")
  const to = (end: string, ...more: ReadonlyArray<string>) =>
    simulate(
      "--users",
      "300",
      "--seed",
      "5",
      "--start",
      "2026-06-01",
      "--end",
      end,
      "--output",
      `ndjson:${path}`,
      ...more
    )
  expect((await to("2026-06-02T07:30")).code).toBe(0)
  const other = await to("2026-06-04", "--growth-rate", "3")
  expect([other.code, other.stderr]).toEqual([2, expect.stringContaining(`${path} was begun with config`)])
  expect((await to("2026-06-04")).code).toBe(0)
  expect(texts(path)).toEqual(texts(at("whole")))
})

test("threads write the same files, also when their number changes; a part of the listeners is another output", async () => {
  const path = at("threads")
  const to = (end: string, ...more: ReadonlyArray<string>) =>
    simulate(...span.slice(0, -1), end, "--output", `ndjson:${path}`, ...more)
  expect((await to("2026-06-02T07:30", "--workers", "2")).code).toBe(0)
  expect((await to("2026-06-04", "--workers", "3")).code).toBe(0)
  expect(texts(path)).toEqual(texts(at("whole")))
  const part = await to("2026-06-04", "--shard", "1/2")
  expect([part.code, part.stderr]).toEqual([2, expect.stringContaining("shard none, now it is 1/2")])
  const wrong = await to("2026-06-04", "--shard", "3/2")
  expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining('--shard is "3/2"')])

  const lines = (name: string) =>
    texts(at(name)).map((text) => text.split("\n").filter((line) => line !== ""))
  for (const n of ["1", "2"]) {
    const { code } = await simulate(
      ...span,
      "--shard",
      `${n}/2`,
      "--workers",
      "2",
      "--output",
      `ndjson:${at(`part${n}`)}`
    )
    expect(code).toBe(0)
  }
  const [one, two] = [lines("part1"), lines("part2")]
  const union = one.map((list, t) => [...list, ...two[t]].sort())
  expect(union).toEqual(lines("whole").map((list) => list.sort()))
})

test("what no simulation made is left alone, and --overwrite begins anew", async () => {
  const path = at("foreign")
  mkdirSync(path)
  writeFileSync(join(path, "auth_events.ndjson"), "mine\n")
  const { code, stderr } = await simulate(...span, "--output", `ndjson:${path}`)
  expect([code, stderr]).toEqual([2, expect.stringContaining("--overwrite")])
  expect(readFileSync(join(path, "auth_events.ndjson"), "utf8")).toBe("mine\n")
  expect((await simulate(...span, "--output", `ndjson:${path}`, "--overwrite")).code).toBe(0)
  expect(texts(path)).toEqual(texts(at("whole")))
})

test("Eventsim's command line makes Eventsim's files; what is none here says what to use", async () => {
  const path = at("eventsim")
  const names = [
    "-n",
    "300",
    "-r",
    "5",
    "-s",
    "2026-06-01T00:00:00",
    "-e",
    "2026-06-04T00:00:00",
    "-v",
    "--nouseAvro"
  ]
  expect((await simulate(...names, "--nocontinuous", path)).code).toBe(0)
  expect(texts(path, "")).toEqual(texts(at("whole")))
  for (const [args, advice] of [
    [["--kafkaBrokerList", "localhost"], "host:port"],
    [["--kafkaBrokerList", "localhost:9092", "--output", "null"], "give one of them"],
    [["--kafkaBrokerList", "localhost:9092", "folder"], "give one of them"],
    [["--useAvro"], "parquet:DIR"],
    [["--generate-counts"], "--songs"],
    [["--generate-similars"], "similar_songs.csv.gz"]
  ] as const) {
    const { code, stderr } = await simulate(...args)
    expect([code, stderr]).toEqual([2, expect.stringContaining(advice)])
  }
  expect(existsSync(".musify-simulation")).toBe(false)
})

test("--sample prints the first events, and stores nothing", async () => {
  const { code, stderr, stdout } = await simulateAlone(...span, "--sample", "10", "--data", at("none"))
  expect([code, stderr]).toEqual([0, ""])
  const events = stdout.trimEnd().split("\n")
  expect(events).toHaveLength(10)
  const { topic, ts } = JSON.parse(events[0]) as { topic: string; ts: number }
  const first = texts(at("whole"))
    .flatMap((text) => text.split("\n")[0])
    .filter((line) => line !== "")
  expect(ts).toBe(Math.min(...first.map((line) => (JSON.parse(line) as { ts: number }).ts)))
  expect(topics).toContain(topic)
  expect(existsSync(at("none"))).toBe(false)
})

test("kill -9 at any moment of a back-fill and of live writing costs nothing", async () => {
  const random = seeded(Number(process.env.MUSIFY_E2E_SEED ?? 7))
  const path = at("killed")
  const begin = new Date(Date.now() - 16 * 86_400_000).toISOString().slice(0, 10)
  const args = [
    "--users",
    "2000",
    "--seed",
    "5",
    "--start",
    begin,
    "--compression",
    "gzip",
    "--output",
    `ndjson:${path}`
  ]
  const recorded = () => {
    const journal = join(path, ".musify-simulation/journal.json")
    return existsSync(journal)
      ? (JSON.parse(readFileSync(journal, "utf8")) as { records: { page_view_events: number } }).records
          .page_view_events
      : 0
  }
  let most = 0
  for (let round = 0; round < 4; round++) {
    const running = start(["simulate", ...args, "--continuous", "--speed", "600"])
    const before = most
    await until(() => Promise.resolve(recorded() > before ? true : undefined), running.output)
    await sleep(random() * 1_500)
    running.child.kill("SIGKILL")
    await running.finished
    expect(recorded()).toBeGreaterThanOrEqual(most)
    most = recorded()
    // Nobody is in the way, and what the kill left half-written is no trouble.
    for (const name of readdirSync(path).filter((file) => file.endsWith(".gz"))) {
      const file = join(path, name)
      writeFileSync(file, Buffer.concat([readFileSync(file), Buffer.from("torn")]))
      expect(statSync(file).size).toBeGreaterThan(0)
    }
  }
  expect(most).toBeGreaterThan(0)
  const last = await simulateAlone(...args)
  expect(last.code, last.stderr).toBe(0)
  const found = texts(path, ".ndjson.gz")
  rmSync(path, { recursive: true })
  const fresh = await simulateAlone(...args)
  expect(fresh.code, fresh.stderr).toBe(0)
  const whole = texts(path, ".ndjson.gz")
  // The clock went on in between: the events of then are the beginning of those of now, or the other way round.
  for (const [t, text] of found.entries()) {
    const shorter = Math.min(text.length, whole[t].length)
    expect(shorter).toBeGreaterThan(0)
    expect(text.slice(0, shorter) === whole[t].slice(0, shorter), topics[t]).toBe(true)
  }
}, 600_000)
