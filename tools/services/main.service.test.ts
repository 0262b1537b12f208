import { Kafka, logLevel } from "kafkajs"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
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
  // Java then starts in half the time.
  const environment = { MUSIFY_SERVICES_DIR: folder, JDK_JAVA_OPTIONS: "-XX:TieredStopAtLevel=1" }
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

const adminOf = ({ kafkaBrokers }: ServicesState) =>
  new Kafka({
    brokers: kafkaBrokers.split(","),
    logLevel: logLevel.NOTHING,
    connectionTimeout: 60_000
  }).admin()

const topicsOf = async (state: ServicesState) => {
  const admin = adminOf(state)
  await admin.connect()
  const topics = await admin.listTopics()
  await admin.disconnect()
  return topics
}

test("serves the same data at the same addresses, detached or until Ctrl-C", async () => {
  const environment = installedFolder()
  const detached = await start(["--json", "--detach"], environment).finished
  expect(detached.code).toBe(0)
  const state = JSON.parse(detached.stdout) as ServicesState
  const admin = adminOf(state)
  await admin.connect()
  await admin.createTopics({ waitForLeaders: false, topics: [{ topic: "mine", numPartitions: 1 }] })
  await admin.disconnect()
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
  const mended = start(["--json"], environment)
  const second = await mended.state()
  expect({ ...second, processes: [] }).toEqual({ ...state, processes: [] })
  expect(await topicsOf(second)).toEqual(["mine"])

  // Not detached, it stays until all are stopped, or one has died.
  process.kill(second.processes[1].pid, "SIGKILL")
  const { code, stderr } = await mended.finished
  expect(code).toBe(3)
  expect(stderr).toMatch(/The Cloud Storage server has ended.*storage\.log/)
  await untilFree(portsOf(second))
  expect((await start(["stop"], environment).finished).stdout).toContain("0 services stopped")

  const interrupted = start(["--json"], environment)
  const third = await interrupted.state()
  expect({ ...third, processes: [] }).toEqual({ ...state, processes: [] })
  interrupted.child.kill("SIGINT")
  expect((await interrupted.finished).code).toBe(0)
  await untilFree(portsOf(third))
})

test("says at once everything that is missing on this machine", async () => {
  const folder = mkdtempSync(join(tmpdir(), "musify-services-empty-"))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  mkdirSync(join(folder, "bin"))
  const environment = { MUSIFY_SERVICES_DIR: join(folder, "services"), PATH: join(folder, "bin") }
  const { code, stderr, stdout } = await start([], environment).finished
  expect(code).toBe(2)
  expect(stdout).toBe("")
  expect(stderr).toMatch(/^The services need .*java 17.*mvn.*go 1\.26.*Install it and try again\.$/m)

  const noDocker = await start(["--docker"], environment).finished
  expect(noDocker).toMatchObject({ code: 3, stderr: expect.stringContaining("No Docker engine answers") })
  writeFileSync(join(folder, "bin/docker"), '#!/bin/sh\necho "docker $*"\n', { mode: 0o755 })
  expect((await start([], environment).finished).stderr).toContain("npm run services -- --docker")
  const compose = join(process.cwd(), "tools/services/compose.yaml")
  const docker = await start(["--docker"], environment).finished
  expect(docker).toMatchObject({ code: 0, stdout: `docker compose -f ${compose} up\n` })
})

test.each([
  { args: ["--nodes", "2"] },
  { args: ["--unknown"] },
  { args: ["restart"] },
  { args: ["stop", "now"] }
])("refuses $args", async ({ args }) => {
  const { code, stderr } = await start(args, {}).finished
  expect(code).toBe(2)
  expect(stderr).toContain("Usage: npm run services")
})
