import type { LogBatch, RecordBatch } from "@musify/domain/RecordBatch.ts"
import type { Topic } from "@musify/domain/Topic.ts"
import type { Effect, Mailbox, Scope } from "effect"
import { Context } from "effect"
import type { EventLogError } from "./EventLogError.ts"

/** Records for one partition, to be appended next to each other. */
export interface Append {
  readonly topic: Topic
  readonly partition: number
  /** Not changed by the caller until the append has returned; a log that keeps them longer copies them. */
  readonly records: RecordBatch
  /** Where the first record must land. Another end of the log fails with `UnexpectedOffset` and appends nothing. */
  readonly expectedOffset?: number
}

/** One partition of a topic. */
export interface TopicPartition {
  readonly topic: Topic
  readonly partition: number
}

/** A member of a consumer group: the members share the partitions among them. */
export interface Membership {
  /**
   * The partitions that are this member's, whole, after each change; the first when the group has settled. A member
   * that was paused may have lost partitions without knowing it: what it writes must be fenced by something else.
   * Fails when the member can be none any more.
   */
  readonly assignments: Mailbox.ReadonlyMailbox<ReadonlyArray<TopicPartition>, EventLogError>
  /** As `EventLogService.read`, for partitions that are this member's; of others it may be slow. */
  readonly read: EventLogService["read"]
}

/**
 * The log of events: append-only partitions per topic, as Kafka has them.
 * An append that returned is acknowledged: it survives a kill -9 of every process.
 */
export interface EventLogService {
  /** Number of partitions of a topic (≥ 1), fixed when the log is made. */
  readonly partitions: (topic: Topic) => Effect.Effect<number, EventLogError>
  /**
   * Appends to each partition, and returns when all of it lasts; answers the offset of each batch's first record, in
   * order. When it fails, a beginning of a batch may be there: all or nothing in the embedded log, whole record batches
   * of some 500 kB in Kafka.
   */
  readonly append: (batches: ReadonlyArray<Append>) => Effect.Effect<ReadonlyArray<number>, EventLogError>
  /**
   * Records from `offset` on, at most about `maxBytes` of them (at least one record, if there is one).
   * An empty batch: `offset` is the end of the log. Below the start or beyond the end: `OffsetOutOfRange`, never a
   * silent reset.
   */
  readonly read: (
    topic: Topic,
    partition: number,
    offset: number,
    maxBytes: number
  ) => Effect.Effect<LogBatch, EventLogError>
  /** Start (first offset that is still there) and end (offset that the next record will get). */
  readonly range: (
    topic: Topic,
    partition: number
  ) => Effect.Effect<{ readonly start: number; readonly end: number }, EventLogError>
  /**
   * Joins a consumer group until the scope closes. Group membership says who reads what, never from where. A log
   * without groups gives every member all partitions.
   */
  readonly join: (group: string) => Effect.Effect<Membership, EventLogError, Scope.Scope>
  /** Commits a consumer group's offset: a hint for lag monitoring, never a position. */
  readonly commit: (
    group: string,
    topic: Topic,
    partition: number,
    offset: number
  ) => Effect.Effect<void, EventLogError>
  readonly committed: (
    group: string,
    topic: Topic,
    partition: number
  ) => Effect.Effect<number | undefined, EventLogError>
}

export class EventLog extends Context.Tag("@musify/stream/EventLog")<EventLog, EventLogService>() {}
