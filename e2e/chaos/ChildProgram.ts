import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { appendFileSync, closeSync, openSync } from "node:fs"
import process from "node:process"
import { setTimeout as wait } from "node:timers/promises"

/** How a process ended that nobody had told to. */
export interface OwnExit {
  readonly name: string
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** As a supervisor waits before it starts a program again that ended by itself, ms. */
const restartMs = 1000
/** A program that is asked to stop must have done so by then, ms. */
const stopMs = 15_000

/** A program that is to run (from the root of the repository, where npm and vitest run): started again when it ends by itself; killed, paused and stopped when told. */
export class ChildProgram {
  readonly name: string
  readonly logFile: string
  /** Each end that was not ours. */
  readonly exits: Array<OwnExit> = []
  /** How often it was started. */
  starts = 0
  private readonly args: (start: number) => ReadonlyArray<string>
  private child: ChildProcess | undefined
  private wanted = false

  /** `args` of the n-th start: a TypeScript program and its arguments. */
  constructor(name: string, logFile: string, args: (start: number) => ReadonlyArray<string>) {
    this.name = name
    this.logFile = logFile
    this.args = args
  }

  private get isRunning(): boolean {
    return this.child !== undefined && this.child.exitCode === null && this.child.signalCode === null
  }

  start(): void {
    this.wanted = true
    if (this.isRunning) return
    const args = this.args(++this.starts)
    appendFileSync(this.logFile, `--- ${new Date().toISOString()} start ${this.starts}: ${args.join(" ")}\n`)
    const log = openSync(this.logFile, "a")
    const child = spawn(process.execPath, ["tools/run.mjs", ...args], {
      env: Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("MUSIFY_"))),
      stdio: ["ignore", log, log]
    })
    closeSync(log)
    this.child = child
    child.once("exit", (code, signal) => {
      appendFileSync(this.logFile, `--- ${new Date().toISOString()} ended: ${signal ?? code}\n`)
      if (!this.wanted || this.child !== child) return
      this.exits.push({ name: this.name, code, signal })
      void wait(restartMs).then(() => {
        if (this.wanted && this.child === child) this.start()
      })
    })
  }

  /** SIGKILL; it stays away until it is started. */
  async kill(): Promise<void> {
    this.wanted = false
    const { child, isRunning } = this
    if (child === undefined || !isRunning) return
    const ended = once(child, "exit")
    child.kill("SIGKILL")
    await ended
  }

  /** SIGSTOP of the process that runs now; answers how it goes on. */
  pause(): () => void {
    const { child } = this
    child?.kill("SIGSTOP")
    return () => void child?.kill("SIGCONT")
  }

  /** SIGTERM; answers whether it ended in time, and kills it if it did not. */
  async stop(): Promise<boolean> {
    this.wanted = false
    const { child, isRunning } = this
    if (child === undefined || !isRunning) return true
    const ended = once(child, "exit").then(() => true)
    child.kill("SIGCONT")
    child.kill("SIGTERM")
    const inTime = await Promise.race([ended, wait(stopMs, false, { ref: false })])
    if (!inTime) await this.kill()
    return inTime
  }
}
