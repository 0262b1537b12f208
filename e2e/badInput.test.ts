import { Buffer } from "node:buffer"
import * as fs from "node:fs"
import { createServer } from "node:net"
import { once } from "node:events"
import path from "node:path"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { badFolders, damage, filesUnder, program } from "./badFolder.ts"
import { deadLetterRows } from "./lake.ts"
import { findPorts } from "../tools/services/findPorts.ts"
import { start, until } from "./musify.ts"

/*
 * What a person meets when something is wrong: the exit code, one message that names the file or setting, no stack
 * trace, and a second try that works when the cause is gone.
 */

const { copy, ends, json, make, remove, scratch } = badFolders()
afterAll(remove)
beforeAll(make)

/** Everything in a folder with its content, but for locks. */
const contents = (root: string): string =>
  JSON.stringify(
    filesUnder(root, "")
      .filter((file) => fs.statSync(file).isFile() && !/lock/.test(file))
      .map((file) => [file, fs.readFileSync(file).toString("base64")])
  )

describe("options and files of a person", () => {
  test("an unknown option, a value out of range, a missing and a broken config file", async () => {
    const config = path.join(scratch, "config.json")
    const data = path.join(scratch, "never")
    fs.writeFileSync(config, `{"transitions": [`)
    await program(["up", "--data", data, "--nosuch", "1"], 2, "--nosuch")
    await ends(["up", "--data", data, "--port", "70000"], 2, "--port", "70000", "65535")
    await ends(["simulate", "--data", data, "--config", `${config}.none`], 2, `${config}.none`)
    await ends(["simulate", "--data", data, "--config", config], 2, config)
  })

  test("a taken port; the same command works when it is free", async () => {
    const data = copy()
    const [port] = await findPorts(1)
    const server = createServer().listen(port, "127.0.0.1")
    await once(server, "listening")
    const args = ["dashboard", "--data", data, "--port", String(port)]
    await program(args, 2, String(port), "--port")
    server.close()
    await once(server, "close")
    const running = start(args)
    await until(
      async () => (running.output().includes(`:${port}`) ? true : undefined),
      () => running.output()
    )
    running.child.kill("SIGTERM")
    expect((await running.finished).code).toBe(0)
  })
})

describe("data folders", () => {
  test("one of a newer version is left as it is", async () => {
    const data = copy()
    const state = path.join(data, "musify-data.json")
    const mend = damage(state, (bytes) =>
      Buffer.from(JSON.stringify({ ...(JSON.parse(bytes.toString()) as object), format: 99 }))
    )
    const before = contents(data)
    for (const command of ["ingest", "batch run", "audit"].map((text) => text.split(" ")))
      await ends(
        [...command, "--data", data, ...(command[0] === "ingest" ? ["--once"] : [])],
        2,
        data,
        "newer"
      )
    expect(contents(data)).toBe(before)
    mend()
    await json(["ingest", "--data", data, "--once"])
  })

  test("one in use, and one where a file is in the way", async () => {
    const data = copy()
    const first = start(["up", "--data", data, "--port", "0"])
    await until(
      async () => (first.output().includes("Dashboard: http") ? true : undefined),
      () => first.output()
    )
    await ends(["up", "--data", data, "--port", "0"], 2, data)
    first.child.kill("SIGTERM")
    await first.finished
    const file = path.join(scratch, "file")
    fs.writeFileSync(file, "")
    await ends(["ingest", "--once", "--data", path.join(file, "data")], 2, file)
  })
})

test("malformed events become dead letters with their reasons, free texts are kept, and the rest goes on", async () => {
  const data = path.join(scratch, "malformed")
  const events = path.join(scratch, "events")
  fs.mkdirSync(events)
  const good = { ts: 1767600000000, sessionId: 1, itemInSession: 0, level: "free", success: true }
  const line = (event: unknown) => Buffer.from(`${JSON.stringify(event)}\n`)
  const tooLarge = JSON.stringify({ ...good, itemInSession: 2, extra: "x".repeat(2_000_000) })
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
      Buffer.from(`${tooLarge}\n`),
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
  await ends(["replay", events, "--data", data], 0)
  interface Topic {
    readonly rows: number
    readonly records: number
    readonly unknownFields: number
    readonly deadLetters: Readonly<Record<string, number>>
  }
  const { topics } = await json<{ topics: Record<string, Topic> }>(["ingest", "--once", "--data", data])
  const auth = topics["auth_events"]
  const dead = Object.values(auth.deadLetters).reduce((sum, count) => sum + count, 0)
  expect(auth.rows + dead).toBe(auth.records)
  expect({ rows: auth.rows, unknown: auth.unknownFields }).toEqual({ rows: 3, unknown: 1 })
  expect(topics["page_view_events"].rows).toBe(1)
  // Each with its raw bytes and what is wrong with it.
  expect(await deadLetterRows(data, "auth_events")).toEqual([
    [1, "invalid JSON"],
    [4, "invalid UTF-8"],
    [68, "missing: sessionId"],
    [86, "wrong type: itemInSession is a string, not an integer"],
    [101, "out of range: itemInSession is -1000000000000000000, not in [-2147483648, 2147483647]"],
    [tooLarge.length, `too large: ${tooLarge.length} bytes, at most 1048576`]
  ])
  await json(["batch", "run", "--data", data])
  await ends(["audit", "--data", data, "--drained", "--deep"], 0)
})
