import type { Duration, Redacted } from "effect"

export const kafkaCompressions = ["none", "gzip", "zstd"] as const
export type KafkaCompression = (typeof kafkaCompressions)[number]

export const saslMechanisms = ["plain", "scram-sha-256", "scram-sha-512"] as const
export type SaslMechanism = (typeof saslMechanisms)[number]

/** How to reach a Kafka cluster and what to do there. */
export interface KafkaSettings {
  /** `host:port` of brokers to begin with; the others are learned from them. */
  readonly brokers: ReadonlyArray<string>
  readonly clientId: string
  /** Put before the names of the topics. */
  readonly topicPrefix: string
  /** TLS, with these PEM files where they are given. */
  readonly tls?:
    | {
        readonly ca?: string | undefined
        readonly cert?: string | undefined
        readonly key?: string | undefined
      }
    | undefined
  readonly sasl?:
    | {
        readonly mechanism: SaslMechanism
        readonly username: string
        readonly password: Redacted.Redacted
      }
    | undefined
  /** Make topics that are missing. */
  readonly createTopics: boolean
  /** Partitions per topic; topics with another number are refused. Without it: what the topics have, 4 for new ones. */
  readonly partitions?: number | undefined
  /** Copies of each partition of a new topic; without it the broker's default. */
  readonly replicationFactor?: number | undefined
  /** How long a new topic keeps records; without it the broker's default. */
  readonly retention?: Duration.Duration | undefined
  /** Of what is written. */
  readonly compression: KafkaCompression
  /** Records that are read ahead, in bytes as Kafka sends them, over all partitions. */
  readonly readAheadBytes: number
  /** Added partitions and topics made anew are noticed within this time, also where nothing fails. */
  readonly metadataMaxAge: Duration.Duration
  /** An append, or a read, that has no answer by then fails. */
  readonly timeout: Duration.Duration
  /** A member of a consumer group that is not heard of for so long has left it: 20 s without it. */
  readonly session?: Duration.Duration | undefined
}
