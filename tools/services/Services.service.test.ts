import { Kafka, logLevel } from "kafkajs"
import { expect, inject, test } from "vitest"
test("broker answers", async () => {
  const kafka = new Kafka({ brokers: inject("kafkaBrokers"), logLevel: logLevel.NOTHING })
  const admin = kafka.admin()
  await admin.connect()
  expect((await admin.describeCluster()).brokers.length).toBe(1)
  await admin.disconnect()
})
