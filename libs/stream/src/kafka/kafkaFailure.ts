import { EventLogUnavailable } from "../EventLogError.ts"
import { faultOf } from "./KafkaFault.ts"

/** A fault as an error of the log. `doing` completes "Cannot …"; `brokers` are those that were given. */
export const kafkaFailure = (
  doing: string,
  brokers: ReadonlyArray<string>,
  cause: unknown
): EventLogUnavailable => {
  const fault = faultOf(cause)
  const advice =
    fault.code !== undefined
      ? ""
      : fault.retryable
        ? ` Is Kafka running, and reachable from here (--kafka-brokers ${brokers.join(",")})?`
        : ` Check the settings of Kafka (--kafka-…), brokers ${brokers.join(",")}.`
  return new EventLogUnavailable({
    message: `Cannot ${doing}: ${fault.message}.${advice}`,
    retryable: fault.retryable,
    cause: fault
  })
}
