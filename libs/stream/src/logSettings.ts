import { setting } from "@musify/runtime/setting.ts"
import { UserError, fileError } from "@musify/runtime/UserError.ts"
import { Config, type Duration, Effect, Layer, Option, Redacted } from "effect"
import fs from "node:fs"
import type { EventLog } from "./EventLog.ts"
import type { EventLogUnavailable } from "./EventLogError.ts"
import { kafkaCompressions, type KafkaSettings, saslMechanisms } from "./kafka/KafkaSettings.ts"

/** Options of a command that reads an event log. `resolveLogSettings` makes settings of them and `writesNothing`. */
export const logReadOptions = {
  log: setting.optionalChoice("log", ["lmdb", "kafka"], {
    description:
      "The event log: lmdb (files in the data folder) or kafka. Default: kafka with --kafka-brokers, else lmdb."
  }),
  kafkaBrokers: setting.optionalText("kafka-brokers", {
    description: "Kafka brokers to begin with: host:port,host:port."
  }),
  kafkaTopicPrefix: setting.text("kafka-topic-prefix", {
    default: "",
    description: "Put before the names of the four topics, and of the consumer group, in Kafka."
  }),
  kafkaClientId: setting.text("kafka-client-id", {
    default: "musify",
    description: "Name of this client in Kafka's logs, quotas and metrics."
  }),
  kafkaTls: setting.boolean("kafka-tls", {
    description: "Speak TLS with Kafka, trusting the system's authorities or those of --kafka-tls-ca."
  }),
  kafkaTlsCa: setting.optionalText("kafka-tls-ca", {
    description: "PEM file of the authorities that signed the brokers' certificates (implies --kafka-tls)."
  }),
  kafkaTlsCert: setting.optionalText("kafka-tls-cert", {
    description: "PEM file of the client's certificate (implies --kafka-tls)."
  }),
  kafkaTlsKey: setting.optionalText("kafka-tls-key", {
    description: "PEM file of the client certificate's key."
  }),
  kafkaSasl: setting.optionalChoice("kafka-sasl", saslMechanisms, {
    description: "How to log in to Kafka. Default: scram-sha-512 with --kafka-username, else no login."
  }),
  kafkaUsername: setting.optionalText("kafka-username", { description: "User name of the login at Kafka." }),
  kafkaPasswordFile: setting.optionalText("kafka-password-file", {
    description:
      "File that holds the password of the login. Without it the environment variable MUSIFY_KAFKA_PASSWORD counts."
  }),
  kafkaReadAheadBytes: setting.integer("kafka-read-ahead-bytes", {
    default: 32 << 20,
    min: 1 << 20,
    max: 2 ** 31,
    description: "Records that are read ahead, over all partitions; bounds the memory of a reader."
  }),
  kafkaSession: setting.duration("kafka-session", {
    default: "20 seconds",
    description:
      "A reader that Kafka has not heard of for so long has left its group, and others take its partitions."
  }),
  kafkaMetadataMaxAge: setting.duration("kafka-metadata-max-age", {
    default: "1 minute",
    description: "Added partitions and topics made anew are noticed within this time."
  }),
  kafkaTimeout: setting.duration("kafka-timeout", {
    default: "30 seconds",
    description:
      "A read or write that Kafka has not answered by then fails (and is tried again where that helps)."
  })
}

/** Options of a command that reads and writes an event log. `resolveLogSettings` makes settings of them. */
export const logOptions = {
  ...logReadOptions,
  kafkaCreateTopics: setting.boolean("kafka-create-topics", {
    default: true,
    negation: "no-kafka-create-topics",
    description: "Make topics that are missing."
  }),
  kafkaReplication: setting.optionalInteger("kafka-replication", {
    min: 1,
    max: 32_767,
    description: "Copies of each partition of a new topic. Default: the broker's."
  }),
  kafkaRetention: setting.optionalDuration("kafka-retention", {
    description: "How long a new topic keeps records. Default: the broker's."
  }),
  kafkaCompression: setting.choice("kafka-compression", kafkaCompressions, {
    default: "none",
    description: "Compression of what is written to Kafka."
  })
}

/** What those who only read say for the rest of `logOptions`. */
export const writesNothing = {
  kafkaCreateTopics: false,
  kafkaReplication: undefined,
  kafkaRetention: undefined,
  kafkaCompression: "none"
} as const

/** Values of `logOptions`. */
export interface LogGiven {
  readonly log: "lmdb" | "kafka" | undefined
  readonly kafkaBrokers: string | undefined
  readonly kafkaTopicPrefix: string
  readonly kafkaClientId: string
  readonly kafkaTls: boolean
  readonly kafkaTlsCa: string | undefined
  readonly kafkaTlsCert: string | undefined
  readonly kafkaTlsKey: string | undefined
  readonly kafkaSasl: (typeof saslMechanisms)[number] | undefined
  readonly kafkaUsername: string | undefined
  readonly kafkaPasswordFile: string | undefined
  readonly kafkaCreateTopics: boolean
  readonly kafkaReplication: number | undefined
  readonly kafkaRetention: Duration.Duration | undefined
  readonly kafkaCompression: (typeof kafkaCompressions)[number]
  readonly kafkaReadAheadBytes: number
  readonly kafkaSession: Duration.Duration
  readonly kafkaMetadataMaxAge: Duration.Duration
  readonly kafkaTimeout: Duration.Duration
}

/** Which log, and how it is reached. */
export type LogSettings =
  { readonly kind: "lmdb" } | { readonly kind: "kafka"; readonly kafka: KafkaSettings }

const wrong = (message: string) => new UserError({ message, exitCode: 2 })

const parseBrokers = (text: string): Effect.Effect<ReadonlyArray<string>, UserError> => {
  const brokers = text
    .split(",")
    .map((broker) => broker.trim())
    .filter((broker) => broker !== "")
  const odd = brokers.find((broker) => !/^[^\s:/]+:\d{1,5}$/.test(broker))
  return brokers.length === 0 || odd !== undefined
    ? Effect.fail(
        wrong(
          `The Kafka brokers (--kafka-brokers) are "${text}": host:port was expected, several with commas between them.`
        )
      )
    : Effect.succeed(brokers)
}

const readPassword = (file: string | undefined): Effect.Effect<Redacted.Redacted | undefined, UserError> =>
  file === undefined
    ? Effect.map(Effect.option(Config.redacted("kafka-password")), Option.getOrUndefined)
    : Effect.try({
        // The line feed that an editor puts at the end is none of the password.
        try: () => Redacted.make(fs.readFileSync(file, "utf8").replace(/\r?\n$/, "")),
        catch: (cause) => fileError(`read the password of Kafka in ${file}`, cause)
      })

/** Decides which log is meant and checks what is said about it. Fails with a UserError (exit 2). */
export const resolveLogSettings = (
  given: LogGiven,
  partitions?: number | undefined
): Effect.Effect<LogSettings, UserError> =>
  Effect.gen(function* () {
    const kind = given.log ?? (given.kafkaBrokers === undefined ? "lmdb" : "kafka")
    if (kind === "lmdb") return { kind }
    if (given.kafkaBrokers === undefined) {
      return yield* wrong("Kafka is asked for, but not where it is: give --kafka-brokers host:port,….")
    }
    const brokers = yield* parseBrokers(given.kafkaBrokers)
    const { kafkaTlsCa: ca, kafkaTlsCert: cert, kafkaTlsKey: key } = given
    if ((cert === undefined) !== (key === undefined)) {
      return yield* wrong("--kafka-tls-cert and --kafka-tls-key belong together: give both, or none.")
    }
    const tls = given.kafkaTls || ca !== undefined || cert !== undefined ? { ca, cert, key } : undefined
    const username = given.kafkaUsername
    if (given.kafkaSasl !== undefined && username === undefined) {
      return yield* wrong(`--kafka-sasl ${given.kafkaSasl} needs a user: give --kafka-username.`)
    }
    const password = username === undefined ? undefined : yield* readPassword(given.kafkaPasswordFile)
    if (username !== undefined && password === undefined) {
      return yield* wrong(
        `The password of ${username} at Kafka is missing: put it into the environment variable MUSIFY_KAFKA_PASSWORD or into a file (--kafka-password-file).`
      )
    }
    const sasl =
      username === undefined || password === undefined
        ? undefined
        : { mechanism: given.kafkaSasl ?? ("scram-sha-512" as const), username, password }
    return {
      kind,
      kafka: {
        brokers,
        clientId: given.kafkaClientId,
        topicPrefix: given.kafkaTopicPrefix,
        tls,
        sasl,
        createTopics: given.kafkaCreateTopics,
        partitions,
        replicationFactor: given.kafkaReplication,
        retention: given.kafkaRetention,
        compression: given.kafkaCompression,
        readAheadBytes: given.kafkaReadAheadBytes,
        session: given.kafkaSession,
        metadataMaxAge: given.kafkaMetadataMaxAge,
        timeout: given.kafkaTimeout
      }
    }
  })

/**
 * The event log that is meant. `path`: the folder of an LMDB log. Adapters are loaded when they are used: LMDB is native
 * code that is not there for every platform.
 */
export const layerEventLog = (
  settings: LogSettings,
  path: string
): Layer.Layer<EventLog, EventLogUnavailable | UserError> =>
  Layer.unwrapEffect(
    settings.kind === "lmdb"
      ? Effect.map(
          Effect.promise(() => import("./LmdbEventLog.ts")),
          ({ layer }) => layer({ path })
        )
      : Effect.map(
          Effect.promise(() => import("./KafkaEventLog.ts")),
          ({ layer }) => layer(settings.kafka)
        )
  )
