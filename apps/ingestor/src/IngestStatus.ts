import type { TopicPartition } from "@musify/stream/EventLog.ts"
import type { GatherBudget } from "./GatherBudget.ts"

/**
 * What a partition does: "opening" its chain, "following" the log, "waiting" after a failure that may mend itself,
 * "halted" until a person has done something, "drained".
 */
export type PartitionPhase = "opening" | "following" | "waiting" | "halted" | "drained"

/** How a partition of this ingestor is. Times in epoch ms. */
export interface PartitionStatus extends TopicPartition {
  phase: PartitionPhase
  /** Why it waits or has halted, for people; empty else. */
  message: string
  /** Kind of the trouble it waits or has halted for; empty else. */
  reason: string
  /** Offset after the last record whose files are all there; undefined until the chain's end is known. */
  end: number | undefined
  /** Log time of the first record that was read and is not stored yet. */
  oldest: number | undefined
  /** Records that the log holds beyond `end`, when they were last counted. */
  lag: number
  /** When the last batch was stored; at first, when the partition was assigned. */
  storedAt: number
}

/** Name of a partition: `listen_events/3`. */
export const partitionName = ({ partition, topic }: TopicPartition): string => `${topic}/${partition}`

/** How an ingestor is: written by its actors, read by metrics and health checks. */
export class IngestStatus {
  /** Whether it is a member of its group, and has been given its partitions. */
  hasJoined = false
  /** Why it is no member, when it tries again. */
  joinTrouble = ""
  /** Why log or bucket cannot be reached, when they were looked at last; empty: they can. */
  logTrouble = ""
  storeTrouble = ""
  checkedAt: number | undefined
  /** The memory that its partitions share. */
  budget: GatherBudget | undefined
  private readonly byName: Map<string, PartitionStatus> = new Map()

  /** The partitions that are this ingestor's, also those that have halted. */
  get partitions(): Iterable<PartitionStatus> {
    return this.byName.values()
  }

  assigned({ partition, topic }: TopicPartition, now: number): PartitionStatus {
    const status: PartitionStatus = {
      topic,
      partition,
      phase: "opening",
      message: "",
      reason: "",
      end: undefined,
      oldest: undefined,
      lag: 0,
      storedAt: now
    }
    this.byName.set(partitionName(status), status)
    return status
  }

  /** Forgets a partition that is another's now, unless it has been assigned once more. */
  lost(status: PartitionStatus): void {
    const name = partitionName(status)
    if (this.byName.get(name) === status) this.byName.delete(name)
  }
}
