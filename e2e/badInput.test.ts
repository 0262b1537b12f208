import { Buffer } from "node:buffer"
import { execFileSync } from "node:child_process"
import * as fs from "node:fs"
import { createServer } from "node:net"
import { once } from "node:events"
import path from "node:path"
import process from "node:process"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { freePort, run, runJson, start, temporaryFolder, until } from "./musify.ts"

/*
 * What a person meets when something is wrong: the exit code, one message that names the file or setting, no stack
 * trace, and a second try that works when the cause is gone.
 */

const scratch = temporaryFolder()
afterAll(scratch.remove)
const clean = path.join(scratch.path, "clean")
const small = ["--users", "50", "--seed", "7", "--start", "2026-01-05", "--end", "2026-01-05T06:00"]

/** Runs musify and expects this exit code, these texts, and no stack trace. */
const refused = async (args: ReadonlyArray<string>, code: number, ...texts: ReadonlyArray<string>) => {
  const result = await run(args)
  const all = result.stdout + result.stderr
  expect(result.code, `musify ${args.join(" ")}\n${all}`).toBe(code)
  for (const text of texts) expect(all).toContain(text)
  expect(all).not.toMatch(/^\s+at /m)
  return all
}

let copies = 0
/** A folder of its own with a finished history in it. */
const folder = (): string => {
  const copy = path.join(scratch.path, `copy${copies++}`)
  fs.cpSync(clean, copy, { recursive: true })
  return copy
}

const filesUnder = (root: string, ending: string): ReadonlyArray<string> =>
  (fs.readdirSync(root, { recursive: true }) as ReadonlyArray<string>)
    .filter((name) => name.endsWith(ending))
    .map((name) => path.join(root, name))
    .sort()

/** Everything in a folder with its content, but for locks. */
const contents = (root: string): string =>
  JSON.stringify(
    filesUnder(root, "")
      .filter((file) => fs.statSync(file).isFile() && !/lock/.test(file))
      .map((file) => [file, fs.readFileSync(file).toString("base64")])
  )

/** Damages a file and answers how to mend it. */
const damage = (file: string, how: (bytes: Buffer) => Uint8Array): (() => void) => {
  const bytes = fs.readFileSync(file)
  fs.writeFileSync(file, how(Buffer.from(bytes)))
  return () => fs.writeFileSync(file, bytes)
}
const flip =
  (at: number) =>
  (bytes: Buffer): Uint8Array => {
    bytes[at] ^= 1
    return bytes
  }
const cut = (bytes: Buffer): Uint8Array => bytes.subarray(0, bytes.length >> 1)

beforeAll(async () => {
  await runJson(["up", "--data", clean, ...small, "--once"])
}, 60_000)

describe("options and files of a person", () => {
  test("an unknown option, a value out of range, a missing and a broken config file", async () => {
    const config = path.join(scratch.path, "config.json")
    const data = path.join(scratch.path, "never")
    fs.writeFileSync(config, `{"transitions": [`)
    await refused(["up", "--data", data, "--nosuch", "1"], 2, "--nosuch")
    await refused(["up", "--data", data, "--port", "70000"], 2, "--port", "70000", "65535")
    await refused(["simulate", "--data", data, "--config", `${config}.none`], 2, `${config}.none`)
    await refused(["simulate", "--data", data, "--config", config], 2, config)
  })

  test("a taken port; the same command works when it is free", async () => {
    const data = folder()
    const server = createServer().listen(await freePort(), "127.0.0.1")
    await once(server, "listening")
    const { port } = server.address() as { port: number }
    const args = ["dashboard", "--data", data, "--port", String(port)]
    await refused(args, 2, String(port), "--port")
    server.close()
    await once(server, "close")
    const running = start(args)
    await until(
      async () => (running.output().includes(`:${port}`) ? true : undefined),
      () => running.output(),
      20
    )
    running.child.kill("SIGTERM")
    expect((await running.finished).code).toBe(0)
  })
})

describe("data folders", () => {
  test("one of a newer version is left as it is", async () => {
    const data = folder()
    const state = path.join(data, "musify-data.json")
    const mend = damage(state, (bytes) =>
      Buffer.from(JSON.stringify({ ...(JSON.parse(bytes.toString()) as object), format: 99 }))
    )
    const before = contents(data)
    for (const command of ["ingest", "batch run", "audit"].map((text) => text.split(" ")))
      await refused(
        [...command, "--data", data, ...(command[0] === "ingest" ? ["--once"] : [])],
        2,
        data,
        "newer"
      )
    expect(contents(data)).toBe(before)
    mend()
    await runJson(["ingest", "--data", data, "--once"])
  })

  test("one in use, and one where a file is in the way", async () => {
    const data = folder()
    const port = String(await freePort())
    const first = start(["up", "--data", data, "--port", port])
    await until(
      async () => (first.output().includes(`:${port}`) ? true : undefined),
      () => first.output(),
      20
    )
    await refused(["up", "--data", data, "--port", String(await freePort())], 2, data)
    first.child.kill("SIGTERM")
    await first.finished
    const file = path.join(scratch.path, "file")
    fs.writeFileSync(file, "")
    await refused(["ingest", "--once", "--data", path.join(file, "data")], 2, file)
  })
})

describe("damaged files are named, and no number is made of them", () => {
  test("a lake file of a flipped bit, then one cut off: the build stops, and goes on when it is mended", async () => {
    const data = folder()
    const file = filesUnder(path.join(data, "bucket", "lake", "listen_events"), ".parquet")[0]
    fs.rmSync(path.join(data, "warehouse.duckdb"))
    for (const how of [flip(60), cut]) {
      const mend = damage(file, how)
      await refused(["batch", "run", "--data", data], 1, file, "damaged")
      mend()
    }
    await runJson(["batch", "run", "--data", data])
    await refused(["audit", "--data", data, "--drained"], 0)
  })

  test("a published file: the audit says so, the next build writes it again", async () => {
    const data = folder()
    const published = path.join(data, "bucket", "published")
    const version = fs.readFileSync(path.join(published, "CURRENT"), "utf8").trim()
    const file = path.join(published, version, "mart_users.parquet")
    damage(file, flip(50))
    await refused(["audit", "--data", data, "--drained"], 1, file, "damaged")
    await runJson(["batch", "run", "--data", data])
    await refused(["audit", "--data", data, "--drained"], 0)
  })

  test("the log and the warehouse", async () => {
    const data = folder()
    const log = path.join(data, "log", "data.mdb")
    const mendLog = damage(log, cut)
    await refused(["ingest", "--once", "--data", data], 1, log)
    mendLog()
    await runJson(["ingest", "--data", data, "--once"])
    const warehouse = path.join(data, "warehouse.duckdb")
    damage(warehouse, (bytes) => bytes.fill(0x5a, 0, 4096))
    await refused(["batch", "run", "--data", data], 1, warehouse)
    fs.rmSync(warehouse)
    await runJson(["batch", "run", "--data", data])
    await refused(["audit", "--data", data, "--drained"], 0)
  })

  test("a log that was made anew under a lake: its partitions stop with the offsets, nothing is written", async () => {
    const data = folder()
    const before = filesUnder(path.join(data, "bucket", "lake"), ".parquet")
    fs.rmSync(path.join(data, "log"), { recursive: true })
    const events = path.join(scratch.path, "auth_events.json")
    const event = { ts: 1767600000000, sessionId: 1, itemInSession: 0, level: "free", success: true }
    fs.writeFileSync(events, `${JSON.stringify(event)}\n`)
    await run(["replay", events, "--data", data])
    await refused(["ingest", "--once", "--data", data], 1, "auth_events/", "offset", "has stopped")
    expect(filesUnder(path.join(data, "bucket", "lake"), ".parquet")).toEqual(before)
  })
})

test("malformed events become dead letters with their reasons, free texts are kept, and the rest goes on", async () => {
  const data = path.join(scratch.path, "malformed")
  const events = path.join(scratch.path, "events")
  fs.mkdirSync(events)
  const good = { ts: 1767600000000, sessionId: 1, itemInSession: 0, level: "free", success: true }
  const line = (event: unknown) => Buffer.from(`${JSON.stringify(event)}\n`)
  fs.writeFileSync(
    path.join(events, "auth_events.json"),
    Buffer.concat([
      line(good),
      line({ ...good, itemInSession: 1, fieldOfTomorrow: true }),
      Buffer.from("{\n"),
      Buffer.from([0x22, 0xff, 0xfe, 0x22, 0x0a]),
      line({ ...good, itemInSession: "one" }),
      line({ ...good, itemInSession: -1e18 }),
      line({ ...good, sessionId: undefined }),
      line({ ...good, itemInSession: 2, extra: "x".repeat(2_000_000) }),
      line({ ...good, itemInSession: 3 })
    ])
  )
  const page = {
    ...good,
    auth: "Half In",
    page: "Tomorrow",
    method: "PATCH",
    status: 200,
    success: undefined
  }
  fs.writeFileSync(path.join(events, "page_view_events.json"), line(page))
  await run(["replay", events, "--data", data])
  interface Topic {
    readonly rows: number
    readonly records: number
    readonly unknownFields: number
    readonly deadLetters: Readonly<Record<string, number>>
  }
  const { topics } = await runJson<{ topics: Record<string, Topic> }>(["ingest", "--once", "--data", data])
  const auth = topics["auth_events"]
  const dead = Object.values(auth.deadLetters).reduce((sum, count) => sum + count, 0)
  expect(auth.rows + dead).toBe(auth.records)
  expect({ rows: auth.rows, unknown: auth.unknownFields }).toEqual({ rows: 3, unknown: 1 })
  expect(Object.keys(auth.deadLetters).length, JSON.stringify(auth.deadLetters)).toBeGreaterThanOrEqual(5)
  expect(topics["page_view_events"].rows).toBe(1)
  await runJson(["batch", "run", "--data", data])
  await refused(["audit", "--data", data, "--drained", "--deep"], 0)
})

describe("a full disk", () => {
  const disk = path.join(scratch.path, "disk")
  let mounted = false
  beforeAll(() => {
    fs.mkdirSync(disk)
    try {
      execFileSync("mount", ["-t", "tmpfs", "-o", "size=64m", "tmpfs", disk], { stdio: "ignore" })
      mounted = true
    } catch {
      process.stderr.write("Not tested: a full disk (it needs the right to mount a tmpfs).\n")
    }
  })
  afterAll(() => mounted && execFileSync("umount", [disk]))

  test("ends ingest --once with exit 3, and the next run goes on", async (context) => {
    if (!mounted) return context.skip()
    const data = path.join(disk, "data")
    await runJson(["simulate", "--data", data, ...small])
    const filler = path.join(disk, "filler")
    const { bavail, bsize } = fs.statfsSync(disk)
    // Room for the probe of the folder and the first plans, not for the files.
    fs.writeFileSync(filler, Buffer.alloc(bavail * bsize - 24 * 1024))
    await refused(["ingest", "--once", "--data", data], 3, data, "disk is full")
    fs.rmSync(filler)
    await runJson(["ingest", "--once", "--data", data])
    await runJson(["batch", "run", "--data", data])
    await refused(["audit", "--data", data, "--drained"], 0)
  })
})
