import { UserError } from "@musify/runtime/UserError.ts"
import { spawn, type ChildProcess } from "node:child_process"
import { once } from "node:events"
import { closeSync, fstatSync, mkdirSync, openSync, readFileSync } from "node:fs"
import { dirname } from "node:path"

/** A server that a test can hurt. What it keeps on disk and its ports are the same after each restart. */
export interface Service {
  /** Where clients reach it. */
  readonly address: string
  /** Of the process that runs now, or ran last. */
  readonly pid: number
  readonly logFile: string
  /** Whether the process runs; a paused one does. */
  readonly isAlive: () => boolean
  /** Asks it to end and waits until it has; ends it by force after half a minute. */
  readonly stop: () => Promise<void>
  /** SIGKILL, and waits until it is gone. */
  readonly kill: () => Promise<void>
  /** SIGSTOP: the process is there, but does nothing; the kernel still accepts its connections. */
  readonly pause: () => void
  /** SIGCONT. */
  readonly resume: () => void
  /** Starts it again, after a stop if it runs, and waits until it is ready. */
  readonly restart: () => Promise<void>
  /** Waits until the process that runs now ends, for whatever reason. */
  readonly ended: () => Promise<void>
}

/** How a server is started and when it is ready. */
export interface ServiceSpec {
  /** As a person calls it. */
  readonly name: string
  readonly address: string
  readonly command: string
  readonly args: ReadonlyArray<string>
  /** What it prints is added to this file. */
  readonly logFile: string
  /** Asked every 50 ms; `printed` is what it has printed since this start. */
  readonly isReady: (printed: () => string) => Promise<boolean>
  /** The server outlives this process. Otherwise it is killed when this process ends, however it ends. */
  readonly outlives: boolean
}

const startSeconds = 120
const stopSeconds = 30

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

/**
 * Kills the child as soon as this process is gone, even by SIGKILL: the end of our process closes the pipe that a small
 * shell reads. Answers how to call the shell off.
 */
const guard = (pid: number): (() => void) => {
  const shell = spawn("sh", ["-c", 'read -r line || kill -9 "$1"', "guard", String(pid)], {
    detached: true,
    stdio: ["pipe", "ignore", "ignore"]
  })
  shell.unref()
  shell.stdin.on("error", () => undefined)
  return () => void shell.stdin.end("off\n")
}

interface Running {
  readonly child: ChildProcess
  readonly ended: Promise<void>
  /** What the process printed since its start. */
  readonly printed: () => string
}

const launch = (spec: ServiceSpec): Running => {
  mkdirSync(dirname(spec.logFile), { recursive: true })
  const log = openSync(spec.logFile, "a")
  const from = fstatSync(log).size
  // In a session of its own: Ctrl-C in the terminal reaches us alone, and we decide.
  const child = spawn(spec.command, spec.args, {
    cwd: dirname(spec.logFile),
    detached: true,
    stdio: ["ignore", log, log]
  })
  closeSync(log)
  const callOff = spec.outlives || child.pid === undefined ? () => undefined : guard(child.pid)
  if (spec.outlives) child.unref()
  const ended = once(child, "exit").then(callOff, callOff)
  return { child, ended, printed: () => readFileSync(spec.logFile).subarray(from).toString("utf8") }
}

const isAlive = ({ child }: Running) =>
  child.pid !== undefined && child.exitCode === null && child.signalCode === null

const untilReady = async (spec: ServiceSpec, running: Running): Promise<void> => {
  const failed = (what: string) =>
    new UserError({
      message: `${spec.name} ${what}. The end of ${spec.logFile}:\n${running.printed().trimEnd().split("\n").slice(-20).join("\n")}`,
      exitCode: 3
    })
  for (let waited = 0; waited < startSeconds * 1000; waited += 50) {
    if (!isAlive(running))
      throw failed(`ended before it was ready (${running.child.signalCode ?? running.child.exitCode})`)
    if (await spec.isReady(running.printed)) return
    await sleep(50)
  }
  running.child.kill("SIGKILL")
  throw failed(`was not ready after ${startSeconds} s`)
}

/** Starts a server and waits until it is ready. Fails with a UserError that shows the end of what it printed. */
export const startService = async (spec: ServiceSpec): Promise<Service> => {
  let running = launch(spec)
  await untilReady(spec, running)
  const stop = async () => {
    if (!isAlive(running)) return
    const { child, ended } = running
    child.kill("SIGCONT")
    child.kill("SIGTERM")
    const patience = setTimeout(() => child.kill("SIGKILL"), stopSeconds * 1000)
    await ended
    clearTimeout(patience)
  }
  return {
    address: spec.address,
    get pid() {
      return running.child.pid ?? 0
    },
    logFile: spec.logFile,
    isAlive: () => isAlive(running),
    stop,
    kill: async () => {
      running.child.kill("SIGKILL")
      await running.ended
    },
    pause: () => void running.child.kill("SIGSTOP"),
    resume: () => void running.child.kill("SIGCONT"),
    restart: async () => {
      await stop()
      running = launch(spec)
      await untilReady(spec, running)
    },
    ended: () => running.ended
  }
}
