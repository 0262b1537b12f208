import { topics } from "@musify/domain/Topic.ts"
import { Effect, Mailbox } from "effect"
import type { EventLogService, TopicPartition } from "./EventLog.ts"
import type { EventLogError } from "./EventLogError.ts"

/** `EventLogService.join` of a log that knows no groups: each member gets all partitions, for good. */
export const soleMember = ({ partitions, read }: Pick<EventLogService, "partitions" | "read">) =>
  Effect.gen(function* () {
    const all: Array<TopicPartition> = []
    for (const topic of topics) {
      const count = yield* partitions(topic)
      for (let partition = 0; partition < count; partition++) all.push({ topic, partition })
    }
    const assignments = yield* Effect.acquireRelease(
      Mailbox.make<ReadonlyArray<TopicPartition>, EventLogError>(),
      (mailbox) => mailbox.shutdown
    )
    yield* assignments.offer(all)
    return { assignments, read }
  })
