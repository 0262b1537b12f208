import { spawn, type ChildProcess } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import process from "node:process"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"

export const root = fileURLToPath(new URL("..", import.meta.url))

/** The command line that runs the musify command: Node from source, or another runtime. */
export type Launcher = ReadonlyArray<string>
export const nodeLauncher: Launcher = [process.execPath, join(root, "bin/musify.mjs")]

export interface Finished {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** A running musify: its process and, later, all that it printed. */
export interface Running {
  readonly child: ChildProcess
  readonly output: () => string
  readonly finished: Promise<Finished>
}

// Settings of the person who runs the tests must not reach the programs under test.
const cleanEnvironment = () =>
  Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("MUSIFY_")))

/** Starts musify with arguments. */
export const start = (args: ReadonlyArray<string>, launcher: Launcher = nodeLauncher): Running => {
  const child = spawn(launcher[0], [...launcher.slice(1), ...args], {
    cwd: root,
    env: cleanEnvironment(),
    stdio: ["ignore", "pipe", "pipe"]
  })
  let stdout = ""
  let stderr = ""
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text))
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text))
  const finished = once(child, "close").then(([code]) => ({ code: code as number | null, stdout, stderr }))
  return { child, output: () => stdout + stderr, finished }
}

/** Runs musify to its end. */
export const run = (args: ReadonlyArray<string>, launcher?: Launcher): Promise<Finished> =>
  start(args, launcher).finished

/** Runs musify, expects exit 0 and one JSON object on the standard output. */
export const runJson = async <A>(args: ReadonlyArray<string>, launcher?: Launcher): Promise<A> => {
  const { code, stderr, stdout } = await run([...args, "--json"], launcher)
  if (code !== 0) throw new Error(`musify ${args.join(" ")} ended with ${code}:\n${stdout}\n${stderr}`)
  return JSON.parse(stdout) as A
}

/** A new folder for a test, and its removal. */
export const temporaryFolder = (): { readonly path: string; readonly remove: () => void } => {
  const path = mkdtempSync(join(tmpdir(), "musify-e2e-"))
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) }
}

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** Waits until `condition` answers something; fails with what `describe` says when the time is over. */
export const until = async <A>(
  condition: () => Promise<A | undefined>,
  describe: () => string,
  seconds = 180
): Promise<A> => {
  for (let waited = 0; waited < seconds * 10; waited++) {
    const found = await condition()
    if (found !== undefined) return found
    await sleep(100)
  }
  throw new Error(`Not so after ${seconds} s: ${describe()}`)
}

/** Random numbers in [0, 1) from a seed (mulberry32), so that a failed test can be run again. */
export const seeded = (seed: number): (() => number) => {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

/** Runs commands in one process, one after the other. */
export interface Shell {
  readonly run: (args: ReadonlyArray<string>) => Promise<Finished>
  readonly close: () => void
}

/**
 * A process that runs musify commands (shell.ts): for tests of what commands do and say, where the start and the end of
 * the program are not what is tested. A crash fails the command that was running.
 */
export const startShell = (): Shell => {
  const child = spawn(process.execPath, [join(root, "tools/run.mjs"), join(root, "e2e/shell.ts")], {
    cwd: root,
    env: cleanEnvironment(),
    stdio: ["pipe", "pipe", "pipe"]
  })
  const waiting: Array<{ readonly done: (one: Finished) => void; readonly failed: (why: Error) => void }> = []
  let noise = ""
  let ended: Error | undefined
  child.stderr.setEncoding("utf8").on("data", (text: string) => (noise += text))
  createInterface({ input: child.stdout }).on("line", (line) =>
    waiting.shift()?.done(JSON.parse(line) as Finished)
  )
  child.on("close", (code, signal) => {
    ended = new Error(`The process that runs the commands ended with ${signal ?? code}:\n${noise}`)
    for (const { failed } of waiting.splice(0)) failed(ended)
  })
  return {
    run: (args) =>
      new Promise((done, failed) => {
        if (ended !== undefined) return failed(ended)
        waiting.push({ done, failed })
        child.stdin.write(`${JSON.stringify(args)}\n`)
      }),
    close: () => child.stdin.end()
  }
}
