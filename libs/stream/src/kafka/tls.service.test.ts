import { bytesColumn } from "@musify/domain/RecordBatch.ts"
import { Effect } from "effect"
import { execFileSync } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import net, { type AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import tls from "node:tls"
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest"
import { kafkaTestSettings } from "../testing/kafkaTestSettings.ts"
import { plainOf } from "../testing/plainRecords.ts"
import { Cluster } from "./Cluster.ts"
import { loadCompression } from "./compression.ts"
import { connectionOptions } from "./connectionOptions.ts"
import { framedSocket } from "./framedSocket.ts"
import type { KafkaSettings } from "./KafkaSettings.ts"
import { LogReader } from "./LogReader.ts"
import { Producer } from "./Producer.ts"
import { openTopics } from "./topics.ts"

const folder = mkdtempSync(join(tmpdir(), "musify-tls-"))
const file = (name: string) => join(folder, name)
let proxy: tls.Server

/** A key and a certificate that it signed itself. */
const certify = (name: string) =>
  execFileSync(
    "openssl",
    [
      ...[
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-days",
        "2"
      ],
      ...["-subj", `/CN=${name}`, "-addext", "subjectAltName=IP:127.0.0.1"],
      ...["-keyout", file(`${name}.key`), "-out", file(`${name}.pem`)]
    ],
    { stdio: "ignore" }
  )

beforeAll(async () => {
  await loadCompression("zstd")
  for (const name of ["broker", "client", "stranger"]) certify(name)
  // Speaks TLS in front of the broker, and lets in only who has the client's certificate.
  proxy = tls.createServer(
    {
      cert: readFileSync(file("broker.pem")),
      key: readFileSync(file("broker.key")),
      ca: readFileSync(file("client.pem")),
      requestCert: true,
      rejectUnauthorized: true
    },
    (secure) => {
      const [host, port] = inject("kafkaBrokers")[0].split(":")
      const plain = net.connect({ host, port: Number(port) })
      secure.pipe(plain).pipe(secure)
      secure.on("error", () => plain.destroy())
      plain.on("error", () => secure.destroy())
    }
  )
  proxy.listen(0, "127.0.0.1")
  await once(proxy, "listening")
})
afterAll(() => {
  proxy.close()
  rmSync(folder, { recursive: true })
})

/** A cluster that reaches every broker through the proxy. */
const clusterWith = async (settings: KafkaSettings) => {
  const options = await Effect.runPromise(connectionOptions(settings))
  const { port } = proxy.address() as AddressInfo
  return new Cluster(settings.brokers, {
    ...options,
    socketFactory: (given) => framedSocket({ ...given, port })
  })
}

const pem = { ca: file("broker.pem"), cert: file("client.pem"), key: file("client.key") }

describe("TLS", () => {
  it("carries everything, with the authorities, certificate and key of the files", async () => {
    const plain = kafkaTestSettings(inject("kafkaBrokers"))
    const settings = { ...plain, tls: pem }
    const names = [`${settings.topicPrefix}events`]
    const plainOptions = await Effect.runPromise(connectionOptions(plain))
    const direct = new Cluster(plain.brokers, plainOptions)
    await openTopics(direct, names, plain, plainOptions, 30_000)
    await direct.close()

    const cluster = await clusterWith(settings)
    await cluster.watch(names)
    const values = Array.from({ length: 2000 }, (_, i) => Buffer.from(`value ${i} `.padEnd(500, "x")))
    const records = {
      count: values.length,
      keys: bytesColumn(values.map(() => null)),
      values: bytesColumn(values)
    }
    const at = { topic: names[0], partition: 0 }
    await new Producer(cluster, "none", 10_000).append([{ ...at, records }], 1, () => Promise.resolve())
    const batch = await new LogReader(cluster, 10_000).read(at, 1500, 1 << 20)
    expect(plainOf(batch)[0]).toEqual({ offset: 1500, key: null, value: values[1500].toString() })
    await cluster.close()
  })

  it.each([
    ["a broker that nobody vouches for", { ...pem, ca: file("stranger.pem") }],
    ["a client that nobody vouches for", { ...pem, cert: file("stranger.pem"), key: file("stranger.key") }]
  ])("does not get past %s", async (_, tlsFiles) => {
    const cluster = await clusterWith({ ...kafkaTestSettings(inject("kafkaBrokers")), tls: tlsFiles })
    await expect(cluster.watch(["events"])).rejects.toMatchObject({ name: "KafkaFault" })
    await cluster.close()
  })

  it("names a file that is not there", async () => {
    const settings = { ...kafkaTestSettings(inject("kafkaBrokers")), tls: { ca: file("none.pem") } }
    const error = await Effect.runPromise(Effect.flip(connectionOptions(settings)))
    expect(error).toMatchObject({ exitCode: 2, message: expect.stringContaining(file("none.pem")) })
    writeFileSync(file("none.pem"), readFileSync(file("broker.pem")))
    await Effect.runPromise(connectionOptions(settings))
  })
})
