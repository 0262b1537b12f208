import { Duration, Effect } from "effect"
import kafkajs from "kafkajs"
import { describe, expect, inject, it } from "vitest"
import { makeKafkaEventLog } from "../KafkaEventLog.ts"
import { withAdmin } from "../testing/kafkaAdmin.ts"
import { kafkaTestSettings } from "../testing/kafkaTestSettings.ts"
import type { KafkaSettings } from "./KafkaSettings.ts"

const open = (settings: KafkaSettings) =>
  Effect.runPromise(Effect.scoped(Effect.either(makeKafkaEventLog(settings))))

const describeTopic = (name: string) =>
  withAdmin(inject("kafkaBrokers"), async (admin) => {
    const { topics } = await admin.fetchTopicMetadata({ topics: [name] })
    const { resources } = await admin.describeConfigs({
      includeSynonyms: false,
      resources: [{ type: kafkajs.ConfigResourceTypes.TOPIC, name }]
    })
    const configs = new Map(
      resources[0].configEntries.map(({ configName, configValue }) => [configName, configValue])
    )
    return { partitions: topics[0].partitions, configs }
  })

describe("topics that are missing", () => {
  it("are made as asked, also by several at once", async () => {
    const settings = kafkaTestSettings(inject("kafkaBrokers"), {
      partitions: 3,
      replicationFactor: 1,
      retention: Duration.days(3)
    })
    const opened = await Promise.all([open(settings), open(settings), open(settings)])
    expect(opened.map(({ _tag }) => _tag)).toEqual(["Right", "Right", "Right"])
    const { configs, partitions } = await describeTopic(`${settings.topicPrefix}auth_events`)
    expect(partitions.length).toBe(3)
    expect(partitions[0].replicas.length).toBe(1)
    expect(configs.get("retention.ms")).toBe(String(3 * 86_400_000))
    expect(configs.get("cleanup.policy")).toBe("delete")
  })

  it.each([
    [{ replicationFactor: 3 }, "did not make the topics"],
    [{ topicPrefix: "no spaces " }, "did not make the topics"],
    [{ createTopics: false }, "has no topic"]
  ])("are told of where they cannot be made: %o", async (options, message) => {
    const result = await open(kafkaTestSettings(inject("kafkaBrokers"), options))
    expect(result).toMatchObject({
      left: { _tag: "UserError", exitCode: 2, message: expect.stringContaining(message) }
    })
  })
})
