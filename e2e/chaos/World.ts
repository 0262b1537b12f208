import { makeBucket } from "@musify/lake/gcs/testing/makeBucket.ts"
import { Buffer } from "node:buffer"
import { execFile } from "node:child_process"
import { mkdirSync } from "node:fs"
import { join } from "node:path"
import process from "node:process"
import { promisify } from "node:util"
import {
  type Broker,
  findPorts,
  type Service,
  startBroker,
  startStorageServer
} from "../../tools/services/Services.ts"
import { type ProgramName, programs, type ServerName, sessionMs } from "./acts.ts"
import { ChildProgram } from "./ChildProgram.ts"
import type { ProducerArgs } from "./ProducerArgs.ts"
import { TcpProxy } from "./TcpProxy.ts"

export const bucketName = "chaos"
export const topicPrefix = "chaos."
/** Of each topic. */
export const partitions = 3

/** The way of one program to the servers. */
export interface Link {
  readonly kafka: TcpProxy
  readonly storage: TcpProxy
}

/** All that a chaos run has: servers, programs, and the links between them. */
export interface World {
  readonly broker: Broker
  readonly storage: Service
  readonly server: (name: ServerName) => Service
  readonly links: Readonly<Record<ProgramName, Link>>
  readonly programs: Readonly<Record<ProgramName, ChildProgram>>
  /** Folder of the bucket's objects on disk, for a plain glob. */
  readonly bucket: string
  /** Folder of the producer's journals. */
  readonly journal: string
  /** Puts that were refused since the object was there: after a lost answer, or when another writer was first. */
  readonly refusedPuts: () => number
  /** Ends everything, links last. */
  readonly close: () => Promise<void>
}

export interface WorldOptions {
  /** Keeps the servers' data and all logs. */
  readonly folder: string
  readonly seed: number
  /** Records a second that the producer writes, about. */
  readonly rate: number
}

/** How Cloud Storage says that a precondition failed. */
const refused = Buffer.from("HTTP/1.1 412")

const sources = {
  producer: "e2e/chaos/producer.ts",
  simulator: "apps/simulator/src/main.ts",
  ingestor: "apps/ingestor/src/main.ts"
}

/** Where TypeScript is bundled first: now, and not in the time of the run. */
const bundlePrograms = async (): Promise<void> => {
  for (const source of Object.values(sources))
    await promisify(execFile)(process.execPath, ["tools/run.mjs", source, "--help"])
}

/** Starts the servers and makes topics and bucket; the programs are there, but not started. */
export const makeWorld = async ({ folder, rate, seed }: WorldOptions): Promise<World> => {
  const journal = join(folder, "journal")
  const logs = join(folder, "logs")
  for (const made of [journal, logs]) mkdirSync(made, { recursive: true })
  await bundlePrograms()
  const ports = await findPorts(3 * programs.length)
  const portsOf = (n: number) => ({ port: ports[3 * n], kafka: ports[3 * n + 1], storage: ports[3 * n + 2] })
  const broker = await startBroker({
    folder: join(folder, "kafka"),
    proxied: programs.map((_, n) => ({ port: portsOf(n).port, advertisedPort: portsOf(n).kafka }))
  })
  const storage = await startStorageServer({ folder: join(folder, "storage") })
  await makeBucket(storage.address, bucketName)
  let refusedPuts = 0
  const links = Object.fromEntries(
    await Promise.all(
      programs.map(async (name, n): Promise<[ProgramName, Link]> => {
        const { kafka, port, storage: toStorage } = portsOf(n)
        const link = {
          kafka: await TcpProxy.open(kafka, port),
          storage: await TcpProxy.open(toStorage, storage.ports[0])
        }
        link.storage.onAnswer = (data) => {
          if (data.subarray(0, refused.length).equals(refused)) refusedPuts++
        }
        return [name, link]
      })
    )
  ) as Record<ProgramName, Link>
  const brokers = (n: number) => `127.0.0.1:${portsOf(n).kafka}`
  const ingestor = (n: number) => () => [
    sources.ingestor,
    ...["--data", join(folder, programs[n])],
    ...["--kafka-brokers", brokers(n), "--kafka-topic-prefix", topicPrefix, "--no-kafka-create-topics"],
    ...["--bucket", `gs://${bucketName}`, "--gcs-endpoint", `http://127.0.0.1:${portsOf(n).storage}`],
    // Much shorter than in production: more batches to lose or double, and failures that are noticed soon.
    ...["--roll", "2s", "--roll-rows", "3000"],
    ...[
      "--kafka-timeout",
      "10s",
      "--kafka-session",
      `${sessionMs}ms`,
      "--gcs-timeout",
      "5s",
      "--gcs-retry-for",
      "15s"
    ]
  ]
  const argsOf: Record<ProgramName, (start: number) => ReadonlyArray<string>> = {
    producer: (start) => {
      const args: ProducerArgs = { brokers: brokers(0), topicPrefix, journal, seed, start, rate }
      return [sources.producer, JSON.stringify(args)]
    },
    // Its clock runs fast and its history comes first: floods and trickles.
    simulator: () => [
      sources.simulator,
      ...["--data", join(folder, "simulator"), "--output", "kafka", "--kafka-brokers", brokers(1)],
      ...["--kafka-topic-prefix", topicPrefix, "--no-kafka-create-topics", "--kafka-timeout", "10s"],
      ...["--users", "5000", "--start", "6h", "--speed", "120", "--continuous", "--seed", String(seed)]
    ],
    "ingestor-1": ingestor(2),
    "ingestor-2": ingestor(3),
    "ingestor-3": ingestor(4)
  }
  const children = Object.fromEntries(
    programs.map((name) => [name, new ChildProgram(name, join(logs, `${name}.log`), argsOf[name])])
  ) as Record<ProgramName, ChildProgram>
  return {
    broker,
    storage,
    server: (name) => (name === "broker" ? broker : storage),
    links,
    programs: children,
    bucket: join(folder, "storage/buckets", bucketName),
    journal,
    refusedPuts: () => refusedPuts,
    close: async () => {
      await Promise.all(Object.values(children).map((child) => child.kill()))
      await Promise.all([broker.kill(), storage.kill()])
      await Promise.all(Object.values(links).flatMap(({ kafka, storage: to }) => [kafka.close(), to.close()]))
    }
  }
}
