import { Command } from "@effect/cli"
import { Cause, Config, type Console, Duration, Effect, Either, Exit, Option, Redacted } from "effect"
import fc from "fast-check"
import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import { afterAll, describe, expect, it } from "vitest"
import { jsonErrorOffset } from "./jsonErrorOffset.ts"
import { describeFailure, mainEffect } from "./runMain.ts"
import { parseDuration, parseMoment, parseTime, setting } from "./setting.ts"

const directory = fs.mkdtempSync(path.join(os.tmpdir(), "musify-settings-"))
const settingsFile = path.join(directory, "musify.json")
afterAll(() => fs.rmSync(directory, { recursive: true }))

const options = {
  port: setting.integer("port", { default: 4300, min: 1, max: 65535, description: "Port." }),
  every: setting.duration("build-every", { default: "2 minutes", description: "Interval." }),
  mode: setting.choice("mode", ["fast", "slow"], { default: "slow", description: "Mode." }),
  once: setting.boolean("once", {
    alias: ["o", "single"],
    negation: "forever",
    description: "Stop when done."
  }),
  start: setting.optionalTime("start", { description: "Begin of history." }),
  title: setting.optionalText("title", { description: "Title." })
}

interface Given {
  readonly env?: Readonly<Record<string, string>>
  readonly file?: string
}

/** Runs a command with these settings; what it got, or what it printed and the exit code. */
const run = async (args: ReadonlyArray<string>, { env = {}, file }: Given = {}) => {
  if (file === undefined) fs.rmSync(settingsFile, { force: true })
  else fs.writeFileSync(settingsFile, file)
  let got: Record<string, unknown> | undefined
  const command = Command.make("demo", options, (settings) =>
    Effect.gen(function* () {
      const secret = yield* Effect.option(Config.redacted("password"))
      got = { ...settings, every: Duration.toMillis(settings.every), secret }
    })
  )
  const printed: Array<string> = []
  const exit = await Effect.runPromiseExit(
    Effect.consoleWith((console) => {
      const error = (...texts: ReadonlyArray<unknown>) =>
        Effect.sync(() => void printed.push(texts.join(" ")))
      return mainEffect(
        command,
        { name: "demo", version: "0", refuseUnknownKeys: true },
        { args: ["node", "demo", ...args], environment: env, directory }
      ).pipe(Effect.withConsole({ ...console, error, log: error } satisfies Console.Console))
    })
  )
  if (Exit.isSuccess(exit)) return { got, printed, exitCode: 0 }
  const failure = describeFailure(exit.cause)
  if (failure.message !== undefined) printed.push(failure.message)
  return { got, printed, exitCode: failure.exitCode }
}

describe("a setting", () => {
  it("comes from flag, environment, musify.json or default, in this order", async () => {
    const file = JSON.stringify({
      port: 1,
      mode: "fast",
      once: true,
      "build-every": "5s",
      start: "2026-11-09"
    })
    const all = { port: 4300, every: 120_000, mode: "slow", once: false, start: undefined, title: undefined }
    expect((await run([])).got).toMatchObject(all)
    const filed = { port: 1, every: 5_000, mode: "fast", once: true, start: Date.UTC(2026, 10, 9) }
    expect((await run([], { file })).got).toMatchObject(filed)
    const env = { MUSIFY_PORT: "2", MUSIFY_ONCE: "false", MUSIFY_MODE: "", MUSIFY_BUILD_EVERY: "1h" }
    expect((await run([], { file, env })).got).toMatchObject({
      port: 2,
      every: 3_600_000,
      mode: "fast",
      once: false
    })
    const args = ["--port", "3", "--once", "--title", "a b"]
    expect((await run(args, { file, env })).got).toMatchObject({ port: 3, once: true, title: "a b" })
    expect((await run(["--once=false"], { file })).got).toMatchObject({ once: false })
  })

  it.each<readonly [ReadonlyArray<string>, Given, ReadonlyArray<string>]>([
    [["--port", "70000"], {}, ["option --port", '"70000"', "an integer from 1 to 65535"]],
    [["--port", ""], {}, ["option --port", "an integer"]],
    [[], { env: { MUSIFY_PORT: "1.5" } }, ["environment variable MUSIFY_PORT", '"1.5"', "an integer"]],
    [[], { file: '{"build-every": "soon"}' }, [settingsFile, 'key "build-every"', '"soon"', "90s"]],
    [["--mode", "medium"], {}, ["option --mode", "one of fast, slow"]],
    [["--start", "2026-02-30"], {}, ["option --start", "UTC date"]],
    [[], { file: '{"port": [1]}' }, [settingsFile, 'key "port"']],
    [[], { file: '{"prot": 1}' }, [settingsFile, 'key "prot"', "no setting"]],
    [[], { file: '{\n  "port": 1,\n  "mode" "fast"\n}' }, [`${settingsFile}:3:10`, "no valid JSON"]],
    [[], { file: "[1]" }, [settingsFile, "one JSON object"]],
    [["--prot", "1"], {}, ["--prot"]],
    [["extra"], {}, ["extra"]]
  ])("that is wrong (%j %j) is one message and exit code 2", async (args, given, parts) => {
    const { exitCode, got, printed } = await run(args, given)
    expect({ exitCode, got }).toEqual({ exitCode: 2, got: undefined })
    expect(printed.length).toBe(1)
    for (const part of parts) expect(printed[0]).toContain(part)
  })

  it("that is secret is read from the environment or musify.json and not shown", async () => {
    const env = { MUSIFY_PASSWORD: "hunter2" }
    const { got } = await run([], { env })
    expect(got?.secret).toMatchObject({ _tag: "Some" })
    expect(JSON.stringify(got)).not.toContain("hunter2")
    const secret = got?.secret as Option.Option<Redacted.Redacted>
    expect(Option.map(secret, Redacted.value)).toEqual(Option.some("hunter2"))
  })

  it("has other names, of one letter or more, and a name that says no", async () => {
    for (const name of ["--once", "-o", "--single"]) expect((await run([name])).got?.once).toBe(true)
    expect((await run(["--forever"], { env: { MUSIFY_ONCE: "true" } })).got?.once).toBe(false)
    expect((await run([], { env: { MUSIFY_ONCE: "true" } })).got?.once).toBe(true)
  })

  it("shows its name, default and variable in --help", async () => {
    const { printed } = await run(["--help"])
    for (const part of ["--port", "Default: 4300.", "MUSIFY_PORT", "MUSIFY_BUILD_EVERY", "fast|slow"]) {
      expect(printed.join("\n")).toContain(part)
    }
  })
})

describe("parsers of settings", () => {
  it("read every time that they can write", () =>
    fc.assert(
      fc.property(
        fc.date({ min: new Date("1900-01-01"), max: new Date("2200-01-01"), noInvalidDate: true }),
        (date) => {
          const iso = date.toISOString()
          expect(parseTime(iso)).toEqual(Either.right(date.getTime()))
          expect(parseTime(iso.slice(0, 16))).toEqual(
            Either.right(Math.floor(date.getTime() / 60_000) * 60_000)
          )
          expect(parseTime(iso.slice(0, 10))).toEqual(
            Either.right(Math.floor(date.getTime() / 86_400_000) * 86_400_000)
          )
        }
      )
    ))

  it.each(["", "2026", "2026-13-01", "2026-11-09T25:00", "tomorrow", "2026-11-09T16:00+01:00"])(
    "refuse %j as a time",
    (text) => {
      expect(Either.isLeft(parseTime(text))).toBe(true)
    }
  )

  it.each([
    ["2026-11-09T16:00", "2026-11-09T16:00:00.000Z"],
    ["2026-11-09T16:00+05:30", "2026-11-09T10:30:00.000Z"],
    ["2026-11-09T16:00:01-02:00", "2026-11-09T18:00:01.000Z"]
  ])("read %j as a moment", (text, iso) => {
    expect(parseMoment(text)).toEqual(Either.right({ kind: "at", ms: Date.parse(iso) }))
  })

  it.each([
    ["now", 0],
    ["30d", 30 * 86_400_000],
    ["-30d", 30 * 86_400_000],
    ["1 day", 86_400_000],
    ["36 hours ago", 36 * 3_600_000],
    ["90min", 90 * 60_000],
    ["1.5h", 5_400_000],
    ["2 weeks", 14 * 86_400_000],
    ["P30D", 30 * 86_400_000],
    ["-P1W", 7 * 86_400_000],
    ["PT36H", 36 * 3_600_000],
    ["P1DT2H3M4S", 86_400_000 + 7_384_000]
  ])("read %j as a period back from now", (text, ms) => {
    expect(parseMoment(text)).toEqual(Either.right({ kind: "back", ms }))
  })

  it.each(["", "P", "PT", "P1M", "3 moons", "30", "in 3 days", "2026-02-30", "2026-11-09+01:00"])(
    "refuse %j as a moment",
    (text) => {
      expect(Either.isLeft(parseMoment(text))).toBe(true)
    }
  )

  it.each([
    ["500ms", 500],
    ["90", 90_000],
    ["90s", 90_000],
    ["1.5h", 5_400_000],
    ["7 d", 604_800_000]
  ])("read %s as a duration", (text, millis) => {
    expect(Either.map(parseDuration(text), Duration.toMillis)).toEqual(Either.right(millis))
  })
})

describe("jsonErrorOffset", () => {
  it("finds no error in JSON", () =>
    fc.assert(
      fc.property(fc.json(), fc.constantFrom("", " ", "\n\t"), (text, space) => {
        const spaced = space + text + space
        expect(jsonErrorOffset(spaced)).toBe(spaced.length)
      })
    ))

  it("points at a place up to which the text could still become JSON", () =>
    fc.assert(
      fc.property(
        fc.json(),
        fc.nat(),
        fc.constantFrom("", "}", "]", ",", ":", "x", '"', "1"),
        (text, at, inserted) => {
          const broken = text.slice(0, at % text.length) + inserted + text.slice((at % text.length) + 1)
          let valid = true
          try {
            JSON.parse(broken)
          } catch {
            valid = false
          }
          const offset = jsonErrorOffset(broken)
          expect(offset <= broken.length).toBe(true)
          if (valid) expect(offset).toBe(broken.length)
        }
      )
    ))

  it.each([
    ['{"a" 1}', 5],
    ['{"a": tru}', 6],
    ["{'a': 1}", 1],
    ['{"a": 1,}', 8],
    ["[1, 2", 5],
    ["{} x", 3]
  ])("of %s is %i", (text, offset) => {
    expect(jsonErrorOffset(text)).toBe(offset)
  })
})

describe("an unexpected error", () => {
  it("is one message without a stack", () => {
    const { exitCode, message } = describeFailure(Cause.die(new Error("internal trouble")))
    expect(exitCode).toBe(1)
    expect(message).toMatch(/fault in Musify itself: internal trouble\nRun it again with MUSIFY_DEBUG=1/)
  })
})
