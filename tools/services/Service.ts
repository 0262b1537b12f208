import { UserError } from "@musify/runtime/UserError.ts"
import { execFileSync, spawn, type ChildProcess } from "node:child_process"
import { once } from "node:events"
import {
  closeSync,
  existsSync,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  writeFileSync
} from "node:fs"
import { dirname } from "node:path"
import process from "node:process"
import { commandOf } from "./commandOf.ts"
import { isFree } from "./findPorts.ts"

/** A server that a test can hurt. What it keeps on disk and its ports are the same after each restart. */
export interface Service {
  /** As a person calls it. */
  readonly name: string
  /** Where clients reach it. */
  readonly address: string
  /** All ports of 127.0.0.1 that it listens on, in the order in which its start takes them. */
  readonly ports: ReadonlyArray<number>
  /** Of the process that runs now, or ran last. */
  readonly pid: number
  readonly logFile: string
  /** Whether the process runs; a paused one does. */
  readonly isAlive: () => boolean
  /** Asks it to end and waits until it has; ends it by force after half a minute. */
  readonly stop: () => Promise<void>
  /** SIGKILL, and waits until it is gone. */
  readonly kill: () => Promise<void>
  /** SIGSTOP, and waits until all its threads stand still; the kernel goes on accepting its connections. */
  readonly pause: () => Promise<void>
  /** SIGCONT. */
  readonly resume: () => void
  /** Starts it again, after a stop if it runs, and waits until it is ready. */
  readonly restart: () => Promise<void>
  /** Waits until the process that runs now ends, for whatever reason. */
  readonly ended: () => Promise<void>
}

/** How a server is started and when it is ready. */
export interface ServiceSpec {
  readonly name: string
  readonly address: string
  readonly ports: ReadonlyArray<number>
  readonly command: string
  readonly args: ReadonlyArray<string>
  /** What it prints is added to this file. */
  readonly logFile: string
  /** Writes what the server reads when it starts; before every start, since another start may have written otherwise. */
  readonly prepare?: () => void
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

const readFrom = (file: string, position: number): string => {
  const descriptor = openSync(file, "r")
  try {
    const buffer = Buffer.alloc(Math.max(0, fstatSync(descriptor).size - position))
    return buffer.toString("utf8", 0, readSync(descriptor, buffer, 0, buffer.length, position))
  } finally {
    closeSync(descriptor)
  }
}

const launch = (spec: ServiceSpec): Running => {
  mkdirSync(dirname(spec.logFile), { recursive: true })
  spec.prepare?.()
  const log = openSync(spec.logFile, "a")
  const from = fstatSync(log).size
  // In a session of its own: Ctrl-C in the terminal reaches us alone, and we decide.
  const child = spawn(spec.command, spec.args, {
    cwd: dirname(spec.logFile),
    detached: true,
    stdio: ["ignore", log, log]
  })
  closeSync(log)
  writeFileSync(pidFile(spec), String(child.pid ?? 0))
  const callOff = spec.outlives || child.pid === undefined ? () => undefined : guard(child.pid)
  if (spec.outlives) child.unref()
  const ended = once(child, "exit").then(callOff, callOff)
  return { child, ended, printed: () => readFrom(spec.logFile, from) }
}

const pidFile = (spec: ServiceSpec) => `${spec.logFile}.pid`

/**
 * Two servers on one folder would spoil what it keeps (two Kafkas write into one metadata log and destroy it), and
 * another server on our port would answer in the place of ours and be taken for it.
 */
const checkFree = async (spec: ServiceSpec): Promise<void> => {
  const folder = dirname(spec.logFile)
  const pid = existsSync(pidFile(spec)) ? Number(readFileSync(pidFile(spec), "utf8")) : 0
  if (pid > 0 && commandOf(pid).includes(folder)) {
    throw new UserError({
      message: `${spec.name} cannot start: process ${pid} serves ${folder} already. Stop that one, or use another folder.`,
      exitCode: 2
    })
  }
  for (const port of spec.ports) {
    if (await isFree(port)) continue
    throw new UserError({
      message: `${spec.name} cannot start: port ${port} of 127.0.0.1 is taken by another program. Stop that one, or use another port.`,
      exitCode: 2
    })
  }
}

const isAlive = ({ child }: Running) =>
  child.pid !== undefined && child.exitCode === null && child.signalCode === null

const untilReady = async (spec: ServiceSpec, running: Running): Promise<void> => {
  const failed = (what: string) =>
    new UserError({
      message: `${spec.name} ${what}. ${spec.logFile} says:\n${gist(running.printed())}`,
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

/** Whether every thread of the process is stopped: a signal takes a while to reach them all. */
const standsStill = (pid: number | undefined): boolean => {
  if (pid === undefined) return true
  if (process.platform !== "linux")
    return execFileSync("ps", ["-o", "state=", "-p", String(pid)], { encoding: "utf8" }).startsWith("T")
  return readdirSync(`/proc/${pid}/task`).every((thread) => {
    try {
      return /\) T /.test(readFileSync(`/proc/${pid}/task/${thread}/stat`, "utf8"))
    } catch {
      return true // ended since it was listed
    }
  })
}

/** What a reader of a log that ends in a failure wants: its errors, or else its last lines. */
const gist = (printed: string): string => {
  const lines = printed.trimEnd().split("\n")
  const errors = lines.filter((line) => /ERROR|FATAL|Exception/.test(line))
  return (errors.length > 0 ? errors.slice(0, 10) : lines.slice(-20)).join("\n")
}

/** Starts a server and waits until it is ready. Fails with a UserError that shows what its log says. */
export const startService = async (spec: ServiceSpec): Promise<Service> => {
  await checkFree(spec)
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
    name: spec.name,
    address: spec.address,
    ports: spec.ports,
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
    pause: async () => {
      running.child.kill("SIGSTOP")
      while (isAlive(running) && !standsStill(running.child.pid)) await sleep(1)
    },
    resume: () => void running.child.kill("SIGCONT"),
    restart: async () => {
      await stop()
      await checkFree(spec)
      running = launch(spec)
      await untilReady(spec, running)
    },
    ended: () => running.ended
  }
}
