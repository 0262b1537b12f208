import { UserError } from "@musify/runtime/UserError.ts"
import { execFile } from "node:child_process"
import { randomBytes } from "node:crypto"
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join, resolve } from "node:path"
import { promisify } from "node:util"
import { findPorts } from "./findPorts.ts"
import { install } from "./install.ts"
import { kafkaSettings, saslUsers, type KafkaNode, type ProxiedListener } from "./kafkaSettings.ts"
import { startService, type Service } from "./Service.ts"

/** A Kafka process; `address` is host:port of its PLAINTEXT listener. */
export interface Broker extends Service {
  /** host:port of its SASL_PLAINTEXT listener, for saslUsers. */
  readonly saslAddress: string
}

export interface BrokerOptions {
  /** Keeps the log, the settings and what the broker prints; what an earlier broker left in it is served again. */
  readonly folder: string
  /** Three a node (PLAINTEXT, SASL, controllers); free ones by default. */
  readonly ports?: ReadonlyArray<number> | undefined
  /** 1 by default; topics of a cluster of 3 have 3 copies, and 2 must have what is acknowledged. */
  readonly nodes?: number
  /** Further listeners of the first node, each for clients that come through a proxy. */
  readonly proxied?: ReadonlyArray<ProxiedListener>
  /**
   * Java then optimizes for hours of work, as a benchmark or a person wants it. Tests want a start in half the time and
   * half the CPU, which is the default.
   */
  readonly longRun?: boolean
  readonly outlives?: boolean
}

const logger = "-Dorg.slf4j.simpleLogger"
/** Java compiles at once and not again: for runs of seconds. */
const quickStart = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]

const brokerLog = [
  `${logger}.showDateTime=true`,
  `${logger}.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSX`,
  // Each start would print two thousand lines of settings.
  `${logger}.log.org.apache.kafka.common.config=warn`
]

/** The cluster's id, in Kafka's form: 16 bytes in base64url, which may not begin with a dash. */
const clusterId = (folder: string): string => {
  const file = join(folder, "cluster.id")
  if (!existsSync(file)) writeFileSync(file, `A${randomBytes(16).toString("base64url").slice(1)}`)
  return readFileSync(file, "utf8")
}

const format = async (classPath: string, folder: string, settings: string, id: string) => {
  const { password, username } = saslUsers.scram
  const scram = ["SCRAM-SHA-256", "SCRAM-SHA-512"].flatMap((mechanism) => [
    "--add-scram",
    `${mechanism}=[name=${username},password=${password}]`
  ])
  const java = ["-Xmx256m", ...quickStart, `${logger}.defaultLogLevel=warn`, "-cp", classPath]
  try {
    await promisify(execFile)("java", [
      ...[...java, "kafka.tools.StorageTool", "format"],
      ...["--cluster-id", id, "--config", settings, ...scram]
    ])
  } catch (cause) {
    const text = cause instanceof Error ? cause.message : String(cause)
    throw new UserError({ message: `Kafka cannot format ${folder}/data: ${text}`, exitCode: 3 })
  }
}

/** Starts a cluster of Kafka processes and waits until all are ready; answers them in the order of their ids. */
export const startBrokers = async (options: BrokerOptions): Promise<Array<Broker>> => {
  const { kafkaClassPath } = await install(["kafka"])
  const count = options.nodes ?? 1
  const folder = resolve(options.folder)
  const ports = options.ports ?? (await findPorts(3 * count))
  const nodes = Array.from({ length: count }, (_, n): KafkaNode => ({
    id: n + 1,
    folder: join(folder, `node-${n + 1}`),
    port: ports[3 * n],
    saslPort: ports[3 * n + 1],
    controllerPort: ports[3 * n + 2],
    proxied: n === 0 ? (options.proxied ?? []) : []
  }))
  mkdirSync(folder, { recursive: true })
  const id = clusterId(folder)
  const start = async (node: KafkaNode): Promise<Broker> => {
    const settings = join(node.folder, "server.properties")
    const prepare = () => writeFileSync(settings, kafkaSettings(node, nodes))
    mkdirSync(node.folder, { recursive: true })
    prepare()
    if (!existsSync(join(node.folder, "data/meta.properties")))
      await format(kafkaClassPath, node.folder, settings, id)
    const service = await startService({
      name: `Kafka (node ${node.id})`,
      address: `127.0.0.1:${node.port}`,
      ports: [node.port, node.saslPort, node.controllerPort],
      command: "java",
      args: [
        ...["-Xms256m", "-Xmx1g", "-XX:+ExitOnOutOfMemoryError"],
        ...(options.longRun === true ? [] : quickStart),
        ...[...brokerLog, "-cp", kafkaClassPath, "kafka.Kafka", settings]
      ],
      prepare,
      logFile: join(node.folder, "broker.log"),
      // Printed once the controllers let clients reach the broker; its ports are open long before.
      isReady: async (printed) => printed().includes("Kafka Server started"),
      outlives: options.outlives ?? false
    })
    // Not a spread: `pid` is a getter.
    return Object.assign(service, { saslAddress: `127.0.0.1:${node.saslPort}` })
  }
  const started = await Promise.allSettled(nodes.map(start))
  const brokers = started.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []))
  for (const one of started) {
    if (one.status === "fulfilled") continue
    await Promise.all(brokers.map((broker) => broker.kill()))
    throw one.reason
  }
  return brokers
}

/** Starts one Kafka process; see startBrokers. */
export const startBroker = async (options: Omit<BrokerOptions, "nodes">): Promise<Broker> =>
  (await startBrokers(options))[0]
