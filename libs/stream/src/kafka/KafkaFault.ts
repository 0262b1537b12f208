/** Error codes of Kafka's protocol that are told apart here. */
export const errorCode = {
  none: 0,
  offsetOutOfRange: 1,
  unknownTopicOrPartition: 3,
  leaderNotAvailable: 5,
  notLeader: 6,
  messageTooLarge: 10,
  topicAuthorizationFailed: 29,
  outOfOrderSequence: 45,
  duplicateSequence: 46,
  invalidProducerEpoch: 47,
  unknownProducerId: 59,
  unknownTopicId: 100,
  inconsistentTopicId: 103
} as const

/** Names of codes, and whether waiting helps. Codes that are not here: it does not. */
const meanings: Readonly<Record<number, readonly [name: string, retryable: boolean]>> = {
  [-1]: ["UNKNOWN_SERVER_ERROR", true],
  1: ["OFFSET_OUT_OF_RANGE", false],
  2: ["CORRUPT_MESSAGE", true],
  3: ["UNKNOWN_TOPIC_OR_PARTITION", true],
  5: ["LEADER_NOT_AVAILABLE", true],
  6: ["NOT_LEADER_OR_FOLLOWER", true],
  7: ["REQUEST_TIMED_OUT", true],
  8: ["BROKER_NOT_AVAILABLE", true],
  9: ["REPLICA_NOT_AVAILABLE", true],
  10: ["MESSAGE_TOO_LARGE", false],
  13: ["NETWORK_EXCEPTION", true],
  18: ["RECORD_LIST_TOO_LARGE", false],
  19: ["NOT_ENOUGH_REPLICAS", true],
  20: ["NOT_ENOUGH_REPLICAS_AFTER_APPEND", true],
  29: ["TOPIC_AUTHORIZATION_FAILED", false],
  30: ["GROUP_AUTHORIZATION_FAILED", false],
  31: ["CLUSTER_AUTHORIZATION_FAILED", false],
  45: ["OUT_OF_ORDER_SEQUENCE_NUMBER", false],
  46: ["DUPLICATE_SEQUENCE_NUMBER", false],
  47: ["INVALID_PRODUCER_EPOCH", false],
  56: ["KAFKA_STORAGE_ERROR", true],
  59: ["UNKNOWN_PRODUCER_ID", false],
  74: ["FENCED_LEADER_EPOCH", true],
  75: ["UNKNOWN_LEADER_EPOCH", true],
  78: ["OFFSET_NOT_AVAILABLE", true],
  87: ["INVALID_RECORD", false],
  100: ["UNKNOWN_TOPIC_ID", true],
  103: ["INCONSISTENT_TOPIC_ID", true]
}

/** What went wrong between us and Kafka: an error code, or a connection. */
export class KafkaFault extends Error {
  /** Kafka's code; undefined: there was no answer. */
  readonly code: number | undefined
  readonly retryable: boolean

  constructor(
    message: string,
    options: { readonly code?: number; readonly retryable: boolean; readonly cause?: unknown }
  ) {
    super(message, { cause: options.cause })
    this.name = "KafkaFault"
    this.code = options.code
    this.retryable = options.retryable
  }
}

/** The fault of an answer with this error code. `where`: topic and partition, or what was asked. */
export const codeFault = (code: number, where: string, detail?: string | null): KafkaFault => {
  const [name, retryable] = meanings[code] ?? [`error ${code}`, false]
  const more = detail === undefined || detail === null || detail === "" ? "" : ` (${detail})`
  return new KafkaFault(`Kafka answered ${name} for ${where}${more}`, { code, retryable })
}

/** Errors of kafkajs that no waiting mends: a refused login, a certificate that is not trusted, an unknown request. */
const lasting =
  /SASL|authentication|certificate|self.signed|CERT_|wrong version number|unsupported|not support|NotImplemented/i

/** An error that kafkajs threw. */
export const faultOf = (cause: unknown): KafkaFault => {
  if (cause instanceof KafkaFault) return cause
  const text = cause instanceof Error ? cause.message : String(cause)
  const code =
    typeof cause === "object" && cause !== null && "code" in cause && typeof cause.code === "number"
      ? cause.code
      : undefined
  return new KafkaFault(text.replace(/\.$/, ""), {
    ...(code === undefined ? {} : { code }),
    retryable: code === undefined ? !lasting.test(text) : (meanings[code]?.[1] ?? groupCodes.has(code)),
    cause
  })
}

// Of group requests: the coordinator loads or has moved, the group rebalances, the member is not known any more.
const groupCodes = new Set([14, 15, 16, 22, 25, 27])
