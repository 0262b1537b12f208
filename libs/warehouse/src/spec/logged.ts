import type { EventOf } from "@musify/domain/events.ts"
import type { Topic } from "@musify/domain/Topic.ts"

/** An event of one topic with its place in the log. */
export interface LoggedOf<T extends Topic> {
  readonly topic: T
  readonly event: EventOf[T]
  readonly partition: number
  readonly offset: number
}

/** An event as the lake holds it: the row, and the (topic, partition, offset) where the log has it. */
export type Logged = { readonly [T in Topic]: LoggedOf<T> }[Topic]

/** The events of one topic. */
export const ofTopic = <T extends Topic>(events: Iterable<Logged>, topic: T): ReadonlyArray<LoggedOf<T>> =>
  [...events].filter((logged) => logged.topic === topic) as unknown as ReadonlyArray<LoggedOf<T>>
