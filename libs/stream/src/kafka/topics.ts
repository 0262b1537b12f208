import { UserError } from "@musify/runtime/UserError.ts"
import { Duration } from "effect"
import kafkajs from "kafkajs"
import type { Cluster } from "./Cluster.ts"
import type { ConnectionOptions } from "./connectionOptions.ts"
import { errorCode, faultOf } from "./KafkaFault.ts"
import type { KafkaSettings } from "./KafkaSettings.ts"

const defaultPartitions = 4
/** A record of 10 MB, which is more than Kafka takes by default, is to be told as a dead letter, not refused. */
const largestMessage = 16 << 20
/** A new topic is known to all brokers within this time. */
const settleMs = 10_000

const wrong = (message: string) => new UserError({ message, exitCode: 2 })

/** Makes topics that are missing, and refuses those that would lose or mix records. Throws UserErrors and faults. */
export const openTopics = async (
  cluster: Cluster,
  names: ReadonlyArray<string>,
  settings: KafkaSettings,
  options: ConnectionOptions,
  timeoutMs: number
): Promise<void> => {
  await cluster.insist(timeoutMs, () => cluster.watch(names))
  const denied = cluster.topics().find(({ error }) => error === errorCode.topicAuthorizationFailed)
  if (denied !== undefined) {
    throw wrong(
      `Kafka does not let this user see the topic ${denied.name}. Give it the right to describe, read and write it.`
    )
  }
  const missing = names.filter((name) => cluster.topic(name) === undefined)
  if (missing.length > 0) {
    if (!settings.createTopics) {
      throw wrong(
        `Kafka has no topic ${missing.join(", ")}. Make it, or leave out --no-kafka-create-topics to have it made.`
      )
    }
    await cluster.insist(timeoutMs, () =>
      withAdmin(settings, options, (admin) => createTopics(admin, missing, settings))
    )
    await cluster.insist(settleMs, async () => {
      await cluster.refresh()
      for (const name of missing) {
        const partitions = cluster.topic(name)?.leaders.length ?? 1
        for (let partition = 0; partition < partitions; partition++) cluster.leader(name, partition)
      }
    })
  }
  for (const name of names) {
    const found = cluster.topic(name)?.leaders.length
    if (found !== undefined && settings.partitions !== undefined && found !== settings.partitions) {
      throw wrong(
        `The topic ${name} has ${found} partitions, but ${settings.partitions} were asked for. Leave the setting out, or use other topics (--kafka-topic-prefix).`
      )
    }
  }
  await refuseCompacted(names, settings, options)
}

const withAdmin = async <A>(
  { brokers }: KafkaSettings,
  { clientId, connectionTimeout, requestTimeout, sasl, ssl }: ConnectionOptions,
  use: (admin: kafkajs.Admin) => Promise<A>
): Promise<A> => {
  // One for each question: kafkajs's admin keeps what it knows of leaders for five minutes.
  const admin = new kafkajs.Kafka({
    brokers: [...brokers],
    clientId,
    connectionTimeout,
    requestTimeout,
    logLevel: kafkajs.logLevel.NOTHING,
    ...(sasl === undefined ? {} : { sasl }),
    ...(ssl === undefined ? {} : { ssl })
  }).admin()
  try {
    await admin.connect()
    return await use(admin)
  } finally {
    await admin.disconnect()
  }
}

const createTopics = async (
  admin: kafkajs.Admin,
  names: ReadonlyArray<string>,
  { partitions, replicationFactor, retention }: KafkaSettings
): Promise<void> => {
  const configEntries = [
    { name: "cleanup.policy", value: "delete" },
    { name: "max.message.bytes", value: String(largestMessage) },
    ...(retention === undefined
      ? []
      : [{ name: "retention.ms", value: String(Duration.toMillis(retention)) }])
  ]
  try {
    // It answers false when another process was first, which is as good. Its own waiting for leaders fails while the
    // brokers do not all know the topic yet.
    await admin.createTopics({
      waitForLeaders: false,
      topics: names.map((topic) => ({
        topic,
        numPartitions: partitions ?? defaultPartitions,
        replicationFactor: replicationFactor ?? -1,
        configEntries
      }))
    })
  } catch (cause) {
    const fault = faultOf(cause)
    const reasons =
      cause instanceof kafkajs.KafkaJSAggregateError
        ? cause.errors.map((one) => (typeof one === "string" ? one : one.message)).join("; ")
        : fault.message
    if (fault.retryable && !(cause instanceof kafkajs.KafkaJSAggregateError)) throw fault
    throw wrong(`Kafka did not make the topics ${names.join(", ")}: ${reasons}`)
  }
}

/** A compacted topic drops all records of a listener but the last. */
const refuseCompacted = async (
  names: ReadonlyArray<string>,
  settings: KafkaSettings,
  options: ConnectionOptions
): Promise<void> => {
  const described = await withAdmin(settings, options, (admin) =>
    admin.describeConfigs({
      includeSynonyms: false,
      resources: names.map((name) => ({
        type: kafkajs.ConfigResourceTypes.TOPIC,
        name,
        configNames: ["cleanup.policy"]
      }))
    })
  ).catch(() => undefined) // a user that may not see the configuration
  for (const { configEntries, resourceName } of described?.resources ?? []) {
    const policy = configEntries.find(({ configName }) => configName === "cleanup.policy")?.configValue
    if (policy?.includes("compact")) {
      throw wrong(
        `The topic ${resourceName} is compacted (cleanup.policy=${policy}): Kafka drops all records of a key but the last, so events would be lost. Set it to delete: kafka-configs.sh --alter --topic ${resourceName} --add-config cleanup.policy=delete`
      )
    }
  }
}
