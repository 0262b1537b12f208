import { spawn } from "node:child_process"
import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import process from "node:process"
import { setTimeout as sleep } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import { afterAll, describe, expect, it } from "vitest"
import { nodeArguments } from "./testing/nodeArguments.ts"

const program = fileURLToPath(new URL("./testing/demoProgram.ts", import.meta.url))
const root = fs.mkdtempSync(path.join(os.tmpdir(), "musify-main-"))
afterAll(() => fs.rmSync(root, { recursive: true }))
let folders = 0

/** Answers whether the process was still there. */
type Kill = (signal: NodeJS.Signals) => boolean

/** Runs the demo program in a folder of its own; `onHolding` is called when it is at work. */
const run = async (
  args: ReadonlyArray<string>,
  onHolding?: (kill: Kill) => unknown,
  env?: Record<string, string>
) => {
  const cwd = path.join(root, String(folders++))
  fs.mkdirSync(cwd)
  const child = spawn(process.execPath, [...nodeArguments(program), ...args], {
    cwd,
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"]
  })
  let stdout = ""
  let stderr = ""
  child.stdout.on("data", (chunk) => {
    stdout += String(chunk)
    if (String(chunk).includes("holding")) onHolding?.((signal) => child.kill(signal))
  })
  child.stderr.on("data", (chunk) => (stderr += String(chunk)))
  const code = await new Promise((resolve) => child.on("close", resolve))
  return { code, stdout, stderr, cwd }
}

describe("a program", () => {
  it("prints its result, and only that, on the standard output", async () => {
    const { code, stderr, stdout } = await run(["show", "--port", "3"], undefined, {
      MUSIFY_PASSWORD: "hunter2"
    })
    expect([code, stderr]).toEqual([0, "a log line\n"])
    expect(JSON.parse(stdout)).toMatchObject({ port: 3, length: 7 })
  })

  it("ends with the exit code of its error and one message", async () => {
    const unavailable = await run(["fail", "--how", "unavailable"])
    expect(unavailable).toMatchObject({
      code: 3,
      stderr: "The shop does not answer at shop:1. Start it.\n",
      stdout: ""
    })
    const wrong = await run(["show", "--port", "none"])
    expect(wrong).toMatchObject({ code: 2, stdout: "" })
    expect(wrong.stderr).toMatch(/^The option --port is "none": an integer from 1 to 65535 was expected.\n$/)
    const defect = await run(["fail"], undefined, { MUSIFY_DEBUG: "1" })
    expect(defect.code).toBe(1)
    expect(defect.stderr).toContain("demoProgram.ts")
  })

  it.each([
    ["serve", "SIGINT", 0],
    ["serve", "SIGTERM", 0],
    ["work", "SIGINT", 130],
    ["work", "SIGTERM", 143]
  ] as const)(
    "that is stopped (%s, %s) closes what it opened and ends with %i",
    async (kind, signal, expected) => {
      const { code, cwd, stderr, stdout } = await run(["hold", "--kind", kind], (kill) => kill(signal))
      expect([code, stdout, stderr]).toEqual([expected, "holding\nclosed\n", ""])
      expect(fs.readdirSync(path.join(cwd, ".musify/locks"))).toEqual([])
    }
  )

  it("that hangs is cut off within 2 s of a signal, and at once by a second one", async () => {
    const hanging = await run(["hold", "--kind", "stuck"], (kill) => kill("SIGINT"))
    expect(hanging.code).toBe(130)
    expect(hanging.stderr).toContain("did not end within 2 s and was cut off")
    // Two signals are one while the first waits to be delivered: on a busy machine that takes its time.
    const impatient = await run(["hold", "--kind", "stuck"], async (kill) => {
      while (kill("SIGTERM")) await sleep(100)
    })
    expect(impatient.code).toBe(143)
    // Not by the deadline.
    expect(impatient.stderr).not.toContain("was cut off")
  })
})
