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
  readonly outlives?: boolean
}

const quiet = "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"

/** The cluster's id, in Kafka's form: 16 bytes in base64url, which may not begin with a dash. */
const clusterId = (folder: string): string => {
  const file = join(folder, "cluster.id")
  if (!existsSync(file)) writeFileSync(file, `A${randomBytes(16).toString("base64url").slice(1)}`)
  return readFileSync(file, "utf8")
}

const format = async (classPath: string, node: KafkaNode, id: string) => {
  const { password, username } = saslUsers.scram
  const scram = ["SCRAM-SHA-256", "SCRAM-SHA-512"].flatMap((mechanism) => [
    "--add-scram",
    `${mechanism}=[name=${username},password=${password}]`
  ])
  const settings = join(node.folder, "server.properties")
  const java = ["-Xmx256m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", quiet, "-cp", classPath]
  try {
    await promisify(execFile)("java", [
      ...[...java, "kafka.tools.StorageTool", "format"],
      ...["--cluster-id", id, "--config", settings, ...scram]
    ])
  } catch (cause) {
    const text = cause instanceof Error ? cause.message : String(cause)
    throw new UserError({ message: `Kafka cannot format ${node.folder}/data: ${text}`, exitCode: 3 })
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
    mkdirSync(node.folder, { recursive: true })
    writeFileSync(join(node.folder, "server.properties"), kafkaSettings(node, nodes))
    if (!existsSync(join(node.folder, "data/meta.properties"))) await format(kafkaClassPath, node, id)
    const service = await startService({
      name: `Kafka (node ${node.id})`,
      address: `127.0.0.1:${node.port}`,
      command: "java",
      args: [
        ...["-Xms256m", "-Xmx1g", "-XX:+ExitOnOutOfMemoryError"],
        ...["-Dorg.slf4j.simpleLogger.showDateTime=true", "-cp", kafkaClassPath],
        ...["kafka.Kafka", join(node.folder, "server.properties")]
      ],
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
