import { ConfigProvider, Duration, Effect, Redacted } from "effect"
import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import { afterAll, describe, expect, it } from "vitest"
import { type LogGiven, resolveLogSettings } from "./logSettings.ts"

const folder = fs.mkdtempSync(path.join(os.tmpdir(), "musify-settings-"))
afterAll(() => fs.rmSync(folder, { recursive: true }))

const nothing: LogGiven = {
  log: undefined,
  kafkaBrokers: undefined,
  kafkaTopicPrefix: "",
  kafkaClientId: "musify",
  kafkaTls: false,
  kafkaTlsCa: undefined,
  kafkaTlsCert: undefined,
  kafkaTlsKey: undefined,
  kafkaSasl: undefined,
  kafkaUsername: undefined,
  kafkaPasswordFile: undefined,
  kafkaCreateTopics: true,
  kafkaReplication: undefined,
  kafkaRetention: undefined,
  kafkaCompression: "none",
  kafkaReadAheadBytes: 1 << 20,
  kafkaSession: Duration.seconds(20),
  kafkaMetadataMaxAge: Duration.minutes(1),
  kafkaTimeout: Duration.seconds(30)
}

const resolve = (given: Partial<LogGiven>, secrets: Readonly<Record<string, string>> = {}) =>
  resolveLogSettings({ ...nothing, ...given }, 3).pipe(
    Effect.withConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(secrets)))),
    Effect.either,
    Effect.runSync
  )

describe("the settings of a log", () => {
  it("mean LMDB unless Kafka is named", () => {
    expect(resolve({})).toMatchObject({ right: { kind: "lmdb" } })
    expect(resolve({ log: "lmdb", kafkaBrokers: "a:1" })).toMatchObject({ right: { kind: "lmdb" } })
    expect(resolve({ kafkaBrokers: "a:1, b:2," })).toMatchObject({
      right: { kind: "kafka", kafka: { brokers: ["a:1", "b:2"], partitions: 3, tls: undefined } }
    })
  })

  it("take the password from the environment or a file, and show it nowhere", () => {
    const file = path.join(folder, "password")
    fs.writeFileSync(file, "from-file\n")
    const login = { kafkaBrokers: "a:1", kafkaUsername: "jane" }
    const secrets = { "kafka-password": "from-environment" }
    for (const [given, password] of [
      [login, "from-environment"],
      [{ ...login, kafkaPasswordFile: file }, "from-file"]
    ] as const) {
      const found = resolve(given, secrets)
      expect(JSON.stringify(found)).not.toContain(password)
      if (found._tag !== "Right" || found.right.kind !== "kafka") throw new Error("no Kafka")
      const { sasl } = found.right.kafka
      expect(sasl).toMatchObject({ mechanism: "scram-sha-512", username: "jane" })
      expect(Redacted.value(sasl!.password)).toBe(password)
    }
  })

  it("speak TLS when any of its files is given", () => {
    expect(resolve({ kafkaBrokers: "a:1", kafkaTlsCa: "ca.pem" })).toMatchObject({
      right: { kafka: { tls: { ca: "ca.pem" } } }
    })
    expect(resolve({ kafkaBrokers: "a:1", kafkaTls: true })).toMatchObject({
      right: { kafka: { tls: { ca: undefined } } }
    })
  })

  it.each([
    [{ log: "kafka" }, "give --kafka-brokers host:port"],
    [{ kafkaBrokers: "localhost" }, 'are "localhost": host:port was expected'],
    [{ kafkaBrokers: " , " }, "host:port was expected"],
    [{ kafkaBrokers: "http://a:1" }, "host:port was expected"],
    [{ kafkaBrokers: "a:1", kafkaTlsCert: "c" }, "belong together"],
    [{ kafkaBrokers: "a:1", kafkaSasl: "plain" }, "give --kafka-username"],
    [{ kafkaBrokers: "a:1", kafkaUsername: "jane" }, "MUSIFY_KAFKA_PASSWORD"],
    [
      { kafkaBrokers: "a:1", kafkaUsername: "jane", kafkaPasswordFile: path.join(folder, "none") },
      "there is no such file"
    ]
  ] as const)("refuse %o", (given, message) => {
    expect(resolve(given)).toMatchObject({
      left: { _tag: "UserError", exitCode: 2, message: expect.stringContaining(message) }
    })
  })
})
