import { Kafka, KafkaJSProtocolError, logLevel, type KafkaConfig } from "kafkajs"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import process from "node:process"
import { fileURLToPath } from "node:url"
import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test } from "vitest"
import { produceLines } from "./consoleProducer.ts"
import { findPorts, isFree } from "./findPorts.ts"
import { saslUsers, startBroker, startBrokers, startStorageServer, type Broker } from "./Services.ts"

/** A broker that starts again, or is busy, is waited for, however long that takes. */
const quiet = {
  logLevel: logLevel.NOTHING,
  connectionTimeout: 60_000,
  authenticationTimeout: 60_000,
  retry: { retries: 300, maxRetryTime: 1000 }
}
const clientOf = (brokers: Array<string>, config: Partial<KafkaConfig> = {}) =>
  new Kafka({ ...quiet, ...config, brokers })

const temporaryFolder = () => {
  const folder = mkdtempSync(join(tmpdir(), "musify-services-test-"))
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) }
}

const createTopic = async (kafka: Kafka, topic: string, numPartitions = 1, replicationFactor = 1) => {
  const admin = kafka.admin()
  await admin.connect()
  // Its own wait for leaders ends with an error where a broker has not heard of the topic yet.
  await admin.createTopics({ waitForLeaders: false, topics: [{ topic, numPartitions, replicationFactor }] })
  await untilLed(() => admin.fetchTopicOffsets(topic))
  await admin.disconnect()
}

/** Just after a start partitions may still wait for their leader, which kafkajs takes as final here. */
const untilLed = async <A>(ask: () => Promise<A>): Promise<A> => {
  for (;;) {
    try {
      return await ask()
    } catch (error) {
      if (!(error instanceof KafkaJSProtocolError && error.retriable)) throw error
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
}

interface Read {
  readonly key: string | undefined
  readonly value: Buffer | null
}

/** All records of a topic up to its end as it is now; each partition in order. */
const readTopic = async (kafka: Kafka, topic: string): Promise<ReadonlyArray<Read>> => {
  const admin = kafka.admin()
  await admin.connect()
  const offsets = await untilLed(() => admin.fetchTopicOffsets(topic))
  await admin.disconnect()
  const expected = offsets.reduce((sum, { high, low }) => sum + Number(high) - Number(low), 0)
  const consumer = kafka.consumer({ groupId: `reader-of-${topic}`, maxWaitTimeInMs: 100 })
  await consumer.connect()
  await consumer.subscribe({ topics: [topic], fromBeginning: true })
  const records: Array<Read> = []
  await new Promise<void>((resolve, reject) => {
    if (expected === 0) return resolve()
    const eachMessage = async ({ message }: { message: { key: Buffer | null; value: Buffer | null } }) => {
      records.push({ key: message.key?.toString(), value: message.value })
      if (records.length === expected) resolve()
    }
    consumer.run({ autoCommit: false, eachMessage }).catch(reject)
  })
  await consumer.disconnect()
  return records
}

const texts = (records: ReadonlyArray<Read>) => records.map(({ value }) => value?.toString())

const createBucket = async (endpoint: string, bucket: string) => {
  const answer = await fetch(`${endpoint}/storage/v1/b?project=test`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ name: bucket })
  })
  expect(answer.status).toBe(200)
  await answer.arrayBuffer()
}

/** Puts an object unless there is one of this name; answers the status. */
const putIfAbsent = async (endpoint: string, bucket: string, name: string, body: string): Promise<number> => {
  const query = `uploadType=media&ifGenerationMatch=0&name=${encodeURIComponent(name)}`
  const answer = await fetch(`${endpoint}/upload/storage/v1/b/${bucket}/o?${query}`, { method: "POST", body })
  await answer.arrayBuffer()
  return answer.status
}

const get = async (endpoint: string, bucket: string, name: string): Promise<string | number> => {
  const answer = await fetch(`${endpoint}/storage/v1/b/${bucket}/o/${encodeURIComponent(name)}?alt=media`)
  const body = await answer.text()
  return answer.status === 200 ? body : answer.status
}

describe("the shared broker", () => {
  test("keeps what Kafka's own console producer writes", async () => {
    const brokers = inject("kafkaBrokers")
    const kafka = clientOf(brokers)
    await createTopic(kafka, "console", 3)
    const lines = Array.from({ length: 500 }, (_, n) => `${n % 7}\t{"n":${n},"city":"Zürich ☃"}`)
    await produceLines({
      brokers,
      topic: "console",
      lines,
      keySeparator: "\t",
      settings: { "compression.type": "gzip" }
    })
    const records = await readTopic(kafka, "console")
    const sameKey = (key: string) => lines.filter((line) => line.startsWith(`${key}\t`))
    for (const key of ["0", "3", "6"]) {
      const found = records.filter((record) => record.key === key)
      expect(found.map(({ value }) => `${key}\t${value}`)).toEqual(sameKey(key))
    }
    expect(records.length).toBe(lines.length)
  })

  test("makes no topic that nobody asked for", async () => {
    const brokers = inject("kafkaBrokers")
    const settings = { "max.block.ms": "2000" }
    await expect(produceLines({ brokers, topic: "nobody-made-me", lines: ["x"], settings })).rejects.toThrow(
      /console producer could not write to nobody-made-me/
    )
    const admin = clientOf(brokers).admin()
    await admin.connect()
    expect(await admin.listTopics()).not.toContain("nobody-made-me")
    await admin.disconnect()
  })

  test("takes a record of ten million bytes", async () => {
    const kafka = clientOf(inject("kafkaBrokers"))
    await createTopic(kafka, "large")
    const value = Buffer.alloc(10_000_000, "0123456789")
    const producer = kafka.producer()
    await producer.connect()
    await producer.send({ topic: "large", messages: [{ value }] })
    await producer.disconnect()
    const [record] = await readTopic(kafka, "large")
    expect(record.value?.equals(value)).toBe(true)
  })

  const mechanisms = [
    { mechanism: "plain", ...saslUsers.plain },
    { mechanism: "scram-sha-256", ...saslUsers.scram },
    { mechanism: "scram-sha-512", ...saslUsers.scram }
  ] as const
  test.each(mechanisms)("lets in by $mechanism who knows the password, and nobody else", async (sasl) => {
    const broker = inject("kafkaSaslBrokers")
    const connect = async (config: Partial<KafkaConfig>) => {
      const admin = clientOf(broker, { ...config, retry: { retries: 0 } }).admin()
      try {
        await admin.connect()
        return (await admin.describeCluster()).brokers.map(({ host, port }) => `${host}:${port}`)
      } finally {
        await admin.disconnect()
      }
    }
    // A copy: kafkajs keeps what the first password made in the object that it is given.
    expect(await connect({ sasl: { ...sasl } })).toEqual(broker)
    await expect(connect({ sasl: { ...sasl, password: "wrong" } })).rejects.toThrow(/authentication/i)
    await expect(connect({})).rejects.toThrow()
  })
})

describe("the shared storage server", () => {
  test("answers a second put-if-absent with a true 412 and keeps the first object", async () => {
    const endpoint = inject("gcsEndpoint")
    await createBucket(endpoint, "first")
    const name = "lake/year=2026/a b.txt"
    expect(await putIfAbsent(endpoint, "first", name, "one")).toBe(200)
    expect(await putIfAbsent(endpoint, "first", name, "two")).toBe(412)
    expect(await get(endpoint, "first", name)).toBe("one")
    expect(await get(endpoint, "first", "lake/other")).toBe(404)
  })

  test("lets one of many win that put the same name at once", async () => {
    const endpoint = inject("gcsEndpoint")
    await createBucket(endpoint, "race")
    for (let round = 0; round < 20; round++) {
      const bodies = ["a", "b", "c", "d"]
      const put = bodies.map((body) => putIfAbsent(endpoint, "race", `plan-${round}`, body))
      const statuses = await Promise.all(put)
      expect([...statuses].sort()).toEqual([200, 412, 412, 412])
      expect(await get(endpoint, "race", `plan-${round}`)).toBe(bodies[statuses.indexOf(200)])
    }
  })
})

describe("a broker of one's own", () => {
  const { folder, remove } = temporaryFolder()
  let broker: Broker
  beforeAll(async () => {
    broker = await startBroker({ folder })
  })
  afterAll(async () => {
    await broker?.stop()
    remove()
  })

  test("runs beside the shared one and knows nothing of its topics", async () => {
    expect(inject("kafkaBrokers")).not.toContain(broker.address)
    const admin = clientOf([broker.address]).admin()
    await admin.connect()
    expect(await admin.listTopics()).toEqual([])
    await admin.disconnect()
  })

  test("keeps every acknowledged record over kill -9", async () => {
    const kafka = clientOf([broker.address])
    await createTopic(kafka, "acknowledged", 2)
    const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 })
    await producer.connect()
    const acknowledged: Array<string> = []
    const write = async (count: number) => {
      for (let n = 0; n < count; n++) {
        const value = String(acknowledged.length)
        await producer.send({ topic: "acknowledged", messages: [{ value, partition: n % 2 }] })
        acknowledged.push(value)
      }
    }
    const before = broker.pid
    // The producer goes on while the broker dies and comes back.
    const writing = write(300)
    while (acknowledged.length < 100) await new Promise((resolve) => setTimeout(resolve, 1))
    await broker.kill()
    expect(broker.isAlive()).toBe(false)
    await broker.restart()
    expect(broker.pid).not.toBe(before)
    await writing
    await producer.disconnect()
    const found = texts(await readTopic(kafka, "acknowledged"))
    expect(found.map(Number).sort((a, b) => a - b)).toEqual(acknowledged.map(Number))
  })

  test("does nothing while it is paused, and goes on after", async () => {
    const kafka = clientOf([broker.address])
    await createTopic(kafka, "paused")
    const producer = kafka.producer()
    await producer.connect()
    await broker.pause()
    let done = false
    const sending = producer
      .send({ topic: "paused", messages: [{ value: "late" }] })
      .then(() => (done = true))
    await new Promise((resolve) => setTimeout(resolve, 500))
    expect(done).toBe(false)
    expect(broker.isAlive()).toBe(true)
    broker.resume()
    await sending
    await producer.disconnect()
    expect(texts(await readTopic(kafka, "paused"))).toEqual(["late"])
  })

  test("refuses a second broker on the same folder, and is not harmed by it", async () => {
    await expect(startBroker({ folder })).rejects.toThrow(`process ${broker.pid} serves ${folder}`)
    expect(texts(await readTopic(clientOf([broker.address]), "paused"))).toEqual(["late"])
  })

  test("can be stopped while it is paused, and its folder served again by whoever wants to", async () => {
    await broker.pause()
    await broker.stop()
    expect(broker.isAlive()).toBe(false)
    await broker.stop()
    broker = await startBroker({ folder, ports: broker.ports })
    expect(texts(await readTopic(clientOf([broker.address]), "paused"))).toEqual(["late"])
  })
})

test("a storage server keeps every acknowledged object over kill -9", async () => {
  const { folder, remove } = temporaryFolder()
  onTestFinished(remove)
  const server = await startStorageServer({ folder })
  onTestFinished(() => server.stop())
  await createBucket(server.address, "lake")
  const acknowledged: Array<string> = []
  for (let round = 0; round < 3; round++) {
    const until = acknowledged.length + 50
    const write = async (writer: number) => {
      for (let n = 0; ; n++) {
        const name = `${round}/${writer}/${n}`
        const put = putIfAbsent(server.address, "lake", name, `body of ${name}`)
        const status = await put.catch(() => "killed" as const)
        if (status === "killed") return
        expect(status).toBe(200)
        acknowledged.push(name)
      }
    }
    const writing = Promise.all([write(0), write(1)])
    while (acknowledged.length < until)
      await Promise.race([writing, new Promise((resolve) => setTimeout(resolve, 1))])
    await server.kill()
    await writing
    await server.restart()
  }
  for (const name of acknowledged) {
    expect(await get(server.address, "lake", name)).toBe(`body of ${name}`)
    expect(await putIfAbsent(server.address, "lake", name, "other")).toBe(412)
  }
})

test("a storage server begins without what a killed one was writing, which would spoil every listing", async () => {
  const { folder, remove } = temporaryFolder()
  onTestFinished(remove)
  const server = await startStorageServer({ folder })
  onTestFinished(() => server.stop())
  await createBucket(server.address, "lake")
  expect(await putIfAbsent(server.address, "lake", "a/whole", "body")).toBe(200)
  await server.kill()
  writeFileSync(join(folder, "buckets/lake/a/.half7461518"), "bo")
  await server.restart()
  const answer = await fetch(`${server.address}/storage/v1/b/lake/o?prefix=a/`)
  expect(await answer.json()).toMatchObject({ items: [{ name: "a/whole" }] })
})

test("three nodes keep a topic of three copies going when one is killed", async () => {
  const { folder, remove } = temporaryFolder()
  onTestFinished(remove)
  const brokers = await startBrokers({ folder, nodes: 3 })
  onTestFinished(async () => void (await Promise.all(brokers.map((broker) => broker.stop()))))
  const kafka = clientOf(brokers.map((broker) => broker.address))
  await createTopic(kafka, "copies", 3, 3)
  const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 })
  await producer.connect()
  const values = Array.from({ length: 60 }, (_, n) => String(n))
  const send = (value: string) =>
    producer.send({ topic: "copies", acks: -1, messages: [{ value, partition: Number(value) % 3 }] })
  for (const value of values.slice(0, 30)) await send(value)
  await brokers[1].kill()
  for (const value of values.slice(30)) await send(value)
  await producer.disconnect()
  expect(
    texts(await readTopic(kafka, "copies"))
      .map(Number)
      .sort((a, b) => a - b)
  ).toEqual(values.map(Number))
})

test("a port that is taken is named, and nothing is left running", async () => {
  const { folder, remove } = temporaryFolder()
  onTestFinished(remove)
  const ports = await findPorts(3)
  const other = createServer().listen(ports[1], "127.0.0.1")
  await once(other, "listening")
  onTestFinished(() => void other.close())
  await expect(startStorageServer({ folder, port: ports[1] })).rejects.toThrow(
    `port ${ports[1]} of 127.0.0.1 is taken`
  )
  await expect(startBroker({ folder, ports })).rejects.toThrow(`port ${ports[1]} of 127.0.0.1 is taken`)
  expect(await isFree(ports[0])).toBe(true)
})

test("a broker that cannot start shows what its log says", async () => {
  const { folder, remove } = temporaryFolder()
  onTestFinished(remove)
  mkdirSync(join(folder, "node-1/data"), { recursive: true })
  writeFileSync(join(folder, "node-1/data/meta.properties"), "version=1\ncluster.id=another\nnode.id=7\n")
  await expect(startBroker({ folder })).rejects.toThrow(
    /^Kafka \(node 1\) ended before it was ready \(1\). .*broker\.log says:[^]*node id 7/
  )
})

test("a server goes with the process that started it, even when that is killed", async () => {
  const { folder, remove } = temporaryFolder()
  onTestFinished(remove)
  const [port] = await findPorts(1)
  const program = join(folder, "program.ts")
  const library = fileURLToPath(new URL("Services.ts", import.meta.url))
  writeFileSync(
    program,
    `import { startStorageServer } from ${JSON.stringify(library)}
     console.log((await startStorageServer({ folder: ${JSON.stringify(folder)}, port: ${port} })).address)`
  )
  const owner = spawn(process.execPath, ["tools/run.mjs", program], { stdio: ["ignore", "pipe", "inherit"] })
  const [address] = (await once(owner.stdout.setEncoding("utf8"), "data")) as [string]
  expect((await fetch(`${address.trim()}/_internal/healthcheck`)).status).toBe(200)
  owner.kill("SIGKILL")
  while (!(await isFree(port))) await new Promise((resolve) => setTimeout(resolve, 20))
})
