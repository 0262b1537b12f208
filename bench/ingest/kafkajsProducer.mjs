// node kafkajsProducer.mjs BROKER FROM-PREFIX TO-PREFIX COUNT: reads that many records of four topics into memory, then
// sends the same bytes with kafkajs alone, and prints what the sending took: {rows, wall_s, cpu_s}.
import { once } from "node:events"
import process from "node:process"
import kafkajs from "kafkajs"

const [broker, fromPrefix, toPrefix, countText] = process.argv.slice(2)
const kafka = new kafkajs.Kafka({ brokers: [broker], logLevel: kafkajs.logLevel.NOTHING })
const names = ["listen_events", "page_view_events", "auth_events", "status_change_events"]
const batchRecords = 1000

const admin = kafka.admin()
await admin.connect()
const sizes = new Map()
for (const name of names) {
  const offsets = await admin.fetchTopicOffsets(fromPrefix + name)
  for (const { high, low, partition } of offsets)
    sizes.set(`${name}/${partition}`, Number(high) - Number(low))
}
const total = [...sizes.values()].reduce((sum, size) => sum + size, 0)
const share = Math.min(1, Number(countText) / total)
await admin.createTopics({
  waitForLeaders: true,
  topics: names.map((name) => ({
    topic: toPrefix + name,
    numPartitions: [...sizes.keys()].filter((key) => key.startsWith(`${name}/`)).length
  }))
})
await admin.disconnect()

// The first of each partition, in proportion to what it has.
const wanted = new Map([...sizes].map(([name, size]) => [name, Math.floor(size * share)]))
const kept = new Map([...sizes.keys()].map((name) => [name, []]))
const consumer = kafka.consumer({ groupId: `copy-${toPrefix}`, maxWaitTimeInMs: 100 })
await consumer.connect()
await consumer.subscribe({ topics: names.map((name) => fromPrefix + name), fromBeginning: true })
await new Promise((resolve, reject) => {
  const left = () => [...wanted].some(([name, count]) => kept.get(name).length < count)
  if (!left()) return resolve()
  const eachBatch = async ({ batch }) => {
    const name = `${batch.topic.slice(fromPrefix.length)}/${batch.partition}`
    const list = kept.get(name)
    for (const { headers, key, value } of batch.messages)
      if (list.length < wanted.get(name)) list.push({ headers, key, value })
    if (!left()) resolve()
  }
  consumer.run({ autoCommit: false, eachBatch }).catch(reject)
})
await consumer.disconnect()

const producer = kafka.producer({ idempotent: true })
await producer.connect()
const began = process.hrtime.bigint()
const cpu = process.cpuUsage()
let rows = 0
for (let at = 0; ; at += batchRecords) {
  const topicMessages = names.map((name) => ({
    topic: toPrefix + name,
    messages: [...kept].flatMap(([key, list]) => {
      const [topic, partition] = key.split("/")
      if (topic !== name) return []
      return list
        .slice(at, at + batchRecords)
        .map((message) => ({ ...message, partition: Number(partition) }))
    })
  }))
  const filled = topicMessages.filter(({ messages }) => messages.length > 0)
  if (filled.length === 0) break
  await producer.sendBatch({ acks: -1, topicMessages: filled })
  for (const { messages } of filled) rows += messages.length
}
const wall_s = Number(process.hrtime.bigint() - began) / 1e9
const { system, user } = process.cpuUsage(cpu)
await producer.disconnect()
if (!process.stdout.write(`${JSON.stringify({ rows, wall_s, cpu_s: (user + system) / 1e6 })}\n`))
  await once(process.stdout, "drain")
