import { Kafka, logLevel } from "kafkajs"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import process from "node:process"
import { expect, onTestFinished, test } from "vitest"
import { isFree } from "./findPorts.ts"
import { servicesFolder } from "./servicesFolder.ts"
import type { ServicesState } from "./servicesState.ts"

/** Starts `npm run services` without npm; `found` waits for a line of its standard output. */
const start = (args: ReadonlyArray<string>, environment: NodeJS.ProcessEnv) => {
  const child = spawn(process.execPath, ["tools/run.mjs", "tools/services/main.ts", ...args], {
    env: { ...process.env, ...environment },
    stdio: ["ignore", "pipe", "pipe"]
  })
  let stdout = ""
  let stderr = ""
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text))
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text))
  const finished = once(child, "close").then(([code]) => ({ code: code as number | null, stdout, stderr }))
  const state = async (): Promise<ServicesState> => {
    while (!stdout.includes("\n") && child.exitCode === null) await once(child.stdout, "data")
    return JSON.parse(stdout) as ServicesState
  }
  return { child, finished, state }
}

/** A folder in which all is installed, by links to what the other tests use, and which has no data yet. */
const installedFolder = (): NodeJS.ProcessEnv => {
  const folder = mkdtempSync(join(tmpdir(), "musify-services-cli-"))
  for (const name of readdirSync(servicesFolder()))
    if (/^(kafka|fake-gcs-server)-/.test(name)) symlinkSync(join(servicesFolder(), name), join(folder, name))
  const environment = { MUSIFY_SERVICES_DIR: folder }
  onTestFinished(async () => {
    await start(["stop"], environment).finished
    rmSync(folder, { recursive: true, force: true })
  })
  return environment
}

const untilFree = async (ports: ReadonlyArray<number>) => {
  while (!(await Promise.all(ports.map(isFree))).every(Boolean))
    await new Promise((resolve) => setTimeout(resolve, 50))
}

const portsOf = ({ gcsPort, kafkaPorts }: ServicesState) => [...kafkaPorts, gcsPort]

const topicsOf = async ({ kafkaBrokers }: ServicesState) => {
  const admin = new Kafka({ brokers: kafkaBrokers.split(","), logLevel: logLevel.NOTHING }).admin()
  await admin.connect()
  const topics = await admin.listTopics()
  await admin.disconnect()
  return topics
}

test("stays until it is interrupted, and serves the same data at the same addresses the next time", async () => {
  const environment = installedFolder()
  const first = start(["--json"], environment)
  const state = await first.state()
  const admin = new Kafka({ brokers: [state.kafkaBrokers], logLevel: logLevel.NOTHING }).admin()
  await admin.connect()
  await admin.createTopics({ waitForLeaders: true, topics: [{ topic: "mine", numPartitions: 1 }] })
  await admin.disconnect()
  first.child.kill("SIGINT")
  expect((await first.finished).code).toBe(0)
  await untilFree(portsOf(state))

  const second = start(["--json"], environment)
  const again = await second.state()
  expect({ ...again, processes: [] }).toEqual({ ...state, processes: [] })
  expect(await topicsOf(again)).toEqual(["mine"])
  // kill -9 of what started them: they go with it.
  second.child.kill("SIGKILL")
  await untilFree(portsOf(again))
  expect((await start(["status"], environment).finished).code).toBe(3)
})

test("runs on when detached; status tells, a second start changes nothing, stop ends it", async () => {
  const environment = installedFolder()
  const detached = await start(["--json", "--detach"], environment).finished
  expect(detached.code).toBe(0)
  const state = JSON.parse(detached.stdout) as ServicesState
  expect(await topicsOf(state)).toEqual([])
  for (const args of [["status", "--json"], ["--json"]]) {
    const { code, stdout } = await start(args, environment).finished
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toEqual(state)
  }
  // One of them dies: status says so, and the next start brings both.
  process.kill(state.processes[0].pid, "SIGKILL")
  await untilFree(state.kafkaPorts)
  const status = await start(["status"], environment).finished
  expect(status).toMatchObject({ code: 3, stdout: expect.stringContaining("1 services run") })
  const anew = JSON.parse((await start(["--json", "--detach"], environment).finished).stdout) as ServicesState
  expect({ ...anew, processes: [] }).toEqual({ ...state, processes: [] })
  expect((await start(["stop"], environment).finished).stdout).toContain("2 services stopped")
  await untilFree(portsOf(state))
  expect((await start(["stop"], environment).finished).stdout).toContain("0 services stopped")
})

test("a service that dies takes the other along and is named", async () => {
  const environment = installedFolder()
  const running = start(["--json"], environment)
  const state = await running.state()
  process.kill(state.processes[1].pid, "SIGKILL")
  const { code, stderr } = await running.finished
  expect(code).toBe(3)
  expect(stderr).toMatch(/The Cloud Storage server has ended.*storage\.log/)
  await untilFree(portsOf(state))
})

test("says at once everything that is missing on this machine", async () => {
  const folder = mkdtempSync(join(tmpdir(), "musify-services-empty-"))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  mkdirSync(join(folder, "bin"))
  const environment = { MUSIFY_SERVICES_DIR: join(folder, "services"), PATH: join(folder, "bin") }
  const { code, stderr, stdout } = await start([], environment).finished
  expect(code).toBe(2)
  expect(stdout).toBe("")
  expect(stderr).toMatch(/^The services need .*java 17.*mvn.*go .*Install/)
})

test.each([["--nodes", "2"], ["--unknown"], ["restart"], ["stop", "now"]])(
  "refuses %s %s",
  async (...args) => {
    const { code, stderr } = await start(args, {}).finished
    expect(code).toBe(2)
    expect(stderr).toContain("Usage: npm run services")
  }
)
