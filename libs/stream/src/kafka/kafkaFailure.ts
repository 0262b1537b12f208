import { EventLogUnavailable } from "../EventLogError.ts"
import { errorCode, faultOf } from "./KafkaFault.ts"

/** What a person can do about an error code. */
const advices: Readonly<Record<number, string>> = {
  [errorCode.messageTooLarge]: " Raise max.message.bytes of the topic.",
  [errorCode.topicAuthorizationFailed]: " Give this user the right to read and write the topic.",
  30: " Give this user the right to read in this group.",
  31: " Give this user the right to write idempotently to the cluster.",
  87: " Is the topic compacted? Set its cleanup.policy to delete."
}

/** A fault as an error of the log. `doing` completes "Cannot …"; `brokers` are those that were given. */
export const kafkaFailure = (
  doing: string,
  brokers: ReadonlyArray<string>,
  cause: unknown
): EventLogUnavailable => {
  const fault = faultOf(cause)
  const advice =
    fault.code !== undefined
      ? (advices[fault.code] ?? "")
      : fault.retryable
        ? ` Is Kafka running, and reachable from here (--kafka-brokers ${brokers.join(",")})?`
        : ` Check the settings of Kafka (--kafka-…), brokers ${brokers.join(",")}.`
  return new EventLogUnavailable({
    message: `Cannot ${doing}: ${fault.message}.${advice}`,
    retryable: fault.retryable,
    cause: fault
  })
}
