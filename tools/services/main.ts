/*
 * npm run services [-- --json] [-- --nodes 3] [-- --detach]: installs and starts Kafka and a Cloud Storage server, prints
 * where they are and stays until Ctrl-C, unless detached. npm run services -- status | stop: about those that run.
 * npm run services -- --docker: the same by Docker. Exit codes as everywhere: 2 wrong use or something missing here,
 * 3 a service does not start or has ended.
 */
import { makeBucket } from "@musify/lake/gcs/testing/makeBucket.ts"
import { UserError } from "@musify/runtime/UserError.ts"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { join } from "node:path"
import process from "node:process"
import { parseArgs } from "node:util"
import { isFree } from "./findPorts.ts"
import { hasDocker } from "./install.ts"
import { install, saslUsers, startBrokers, startStorageServer, type Service } from "./Services.ts"
import { dataFolder, isRunning, readState, writeState, type ServicesState } from "./servicesState.ts"

const usage = "Usage: npm run services -- [status | stop] [--json] [--nodes 1|3] [--detach] [--docker]"

const bucket = "musify"

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

const print = (state: ServicesState, json: boolean) => {
  if (json) return console.log(JSON.stringify(state))
  const { plain, scram } = saslUsers
  console.log(`Kafka          ${state.kafkaBrokers}
  with SASL    ${state.kafkaSaslBrokers}
               PLAIN: ${plain.username} / ${plain.password}
               SCRAM-SHA-256 and -512: ${scram.username} / ${scram.password}
Cloud Storage  ${state.gcsEndpoint}, with a bucket gs://${bucket}
Data and logs  ${dataFolder()}

To try them:
  npm run musify -- simulate --once --output kafka --kafka-brokers ${state.kafkaBrokers}
  npm run musify -- ingest --once --kafka-brokers ${state.kafkaBrokers} --bucket gs://${bucket} --gcs-endpoint ${state.gcsEndpoint}
  npm run musify -- audit --deep --kafka-brokers ${state.kafkaBrokers} --bucket gs://${bucket} --gcs-endpoint ${state.gcsEndpoint}
`)
}

/** Makes the bucket unless an earlier start has. */
const ensureBucket = async (endpoint: string): Promise<void> => {
  if ((await fetch(`${endpoint}/storage/v1/b/${bucket}`)).ok) return
  await makeBucket(endpoint, bucket).catch((cause: Error) => {
    throw new UserError({ message: cause.message, exitCode: 3 })
  })
}

/** Ends, by pid, what still runs of an earlier start. */
const stopAll = async (state: ServicesState | undefined): Promise<number> => {
  const running = state?.processes.filter(isRunning) ?? []
  for (const { pid } of running) process.kill(pid, "SIGTERM")
  for (let waited = 0; running.some(isRunning); waited += 50) {
    if (waited === 30_000) for (const one of running) if (isRunning(one)) process.kill(one.pid, "SIGKILL")
    await sleep(50)
  }
  return running.length
}

/** A process has lost its command line, and so counts as ended, a moment before the system closes its sockets. */
const closingMs = 10_000

/** The ports of the last start, so that other programs' settings stay right, where they fit and are free or become so. */
const portsOf = async (ports: ReadonlyArray<number> | undefined, count: number, waitMs: number) => {
  if (ports?.length !== count) return undefined
  for (let waited = 0; ; waited += 50) {
    if ((await Promise.all(ports.map(isFree))).every(Boolean)) return ports
    if (waited >= waitMs) return undefined
    await sleep(50)
  }
}

const start = async (
  nodes: number,
  outlives: boolean
): Promise<{ readonly state: ServicesState; readonly services: ReadonlyArray<Service> }> => {
  await install(["kafka", "storage"])
  const before = readState()
  const waitMs = (await stopAll(before)) > 0 ? closingMs : 0
  const [kafkaPorts, gcsPorts] = await Promise.all([
    portsOf(before?.kafkaPorts, 3 * nodes, waitMs),
    portsOf(before && [before.gcsPort], 1, waitMs)
  ])
  const kafkaFolder = join(dataFolder(), nodes === 1 ? "kafka" : `kafka-${nodes}`)
  const storageFolder = join(dataFolder(), "storage")
  const [kafka, storage] = await Promise.allSettled([
    startBrokers({ folder: kafkaFolder, ports: kafkaPorts, nodes, longRun: true, outlives }),
    startStorageServer({ folder: storageFolder, port: gcsPorts?.[0], outlives })
  ])
  if (kafka.status === "rejected" || storage.status === "rejected") {
    if (kafka.status === "fulfilled") await Promise.all(kafka.value.map((broker) => broker.stop()))
    if (storage.status === "fulfilled") await storage.value.stop()
    throw kafka.status === "rejected"
      ? kafka.reason
      : storage.status === "rejected"
        ? storage.reason
        : undefined
  }
  const services: ReadonlyArray<Service> = [...kafka.value, storage.value]
  const state: ServicesState = {
    kafkaBrokers: kafka.value.map((broker) => broker.address).join(","),
    kafkaSaslBrokers: kafka.value.map((broker) => broker.saslAddress).join(","),
    gcsEndpoint: storage.value.address,
    kafkaPorts: kafka.value.flatMap((broker) => broker.ports),
    gcsPort: storage.value.ports[0],
    processes: services.map(({ name, pid }) => ({ name, pid }))
  }
  writeState(state)
  await ensureBucket(state.gcsEndpoint)
  return { state, services }
}

/** Until it is called, a signal ends this process at once, and its services with it. */
const untilInterrupted = (): Promise<undefined> =>
  new Promise((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
      process.on(signal, () => resolve(undefined))
  })

/** Waits for Ctrl-C or for the end of a service; answers the exit code once all are stopped. */
const serve = async (services: ReadonlyArray<Service>, interrupted: Promise<undefined>): Promise<number> => {
  const dead = await Promise.race([interrupted, ...services.map((one) => one.ended().then(() => one))])
  if (dead !== undefined)
    console.error(`${dead.name} has ended; the others are stopped too. Its log: ${dead.logFile}`)
  await Promise.all(services.map((one) => one.stop()))
  return dead === undefined ? 0 : 3
}

const docker = async (): Promise<number> => {
  if (!(await hasDocker()))
    throw new UserError({
      message: "No Docker engine answers (docker info). Start one and try again.",
      exitCode: 3
    })
  // Ctrl-C reaches compose itself, which then stops what it started.
  process.on("SIGINT", () => undefined)
  const file = join(process.cwd(), "tools/services/compose.yaml")
  const child = spawn("docker", ["compose", "-f", file, "up"], { stdio: "inherit" })
  const [code] = (await once(child, "exit")) as [number | null]
  return code === 0 || code === 130 ? 0 : 3
}

const run = async (): Promise<number> => {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: {
      detach: { type: "boolean", default: false },
      docker: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
      json: { type: "boolean", default: false },
      nodes: { type: "string", default: "1" }
    }
  })
  if (values.help) {
    console.log(usage)
    return 0
  }
  const [command = "start", ...more] = positionals
  if (more.length > 0 || !["start", "status", "stop"].includes(command) || !["1", "3"].includes(values.nodes))
    throw new UserError({ message: usage, exitCode: 2 })
  if (values.docker) return docker()
  const state = readState()
  const running = state?.processes.filter(isRunning) ?? []
  if (command === "stop") {
    console.log(`${await stopAll(state)} services stopped`)
    return 0
  }
  const allRun = state !== undefined && running.length === state.processes.length
  if (command === "status" || (allRun && state.kafkaPorts.length === 3 * Number(values.nodes))) {
    if (allRun) print(state, values.json)
    else console.log(values.json ? "null" : `${running.length} services run`)
    if (allRun && command === "start") console.error("They run already.")
    return allRun ? 0 : 3
  }
  const started = await start(Number(values.nodes), values.detach)
  if (values.detach) {
    print(started.state, values.json)
    return 0
  }
  // Who reads the addresses may interrupt at once.
  const interrupted = untilInterrupted()
  print(started.state, values.json)
  if (!values.json) console.log("Ctrl-C stops them.")
  return serve(started.services, interrupted)
}

try {
  process.exitCode = await run()
} catch (error) {
  const wrongUse = error instanceof TypeError && "code" in error
  console.error(error instanceof UserError ? error.message : wrongUse ? `${error.message}\n${usage}` : error)
  process.exitCode = error instanceof UserError ? error.exitCode : wrongUse ? 2 : 1
}
