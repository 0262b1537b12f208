import { Duration } from "effect"
import { randomBytes } from "node:crypto"
import type { KafkaSettings } from "../kafka/KafkaSettings.ts"

/** Settings of a log in Kafka whose topics nobody else has. */
export const kafkaTestSettings = (
  brokers: ReadonlyArray<string>,
  options: Partial<KafkaSettings> = {}
): KafkaSettings => ({
  brokers,
  clientId: "musify-test",
  topicPrefix: `t${randomBytes(6).toString("hex")}.`,
  createTopics: true,
  partitions: 2,
  compression: "none",
  readAheadBytes: 8 << 20,
  metadataMaxAge: Duration.minutes(1),
  timeout: Duration.seconds(30),
  ...options
})
