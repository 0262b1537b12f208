import type { Topic } from "@musify/domain/Topic.ts"
import { topics } from "@musify/domain/Topic.ts"
import type { FrozenBatch } from "@musify/lake/BatchBuilder.ts"
import type { IngestStatus } from "./IngestStatus.ts"

/** What was done for one topic since the ingestor's start. */
export interface TopicSummary {
  records: number
  rows: number
  /** Dead letters by the kind of reason. */
  deadLetters: Record<string, number>
  files: number
  plans: number
  /** Fields that no Schema names, left out of the files. */
  unknownFields: number
  /** Greatest event time, epoch ms; null before any row. */
  maxTs: number | null
}

/** Reason of a partition that stopped because bucket or log could not be reached: run again when they can. */
export const unavailable = "unavailable"

/** A partition that stopped and waits for a person. */
export interface HaltedPartition {
  readonly topic: string
  readonly partition: number
  readonly reason: string
  readonly message: string
}

export interface IngestSummary {
  readonly topics: Readonly<Record<Topic, Readonly<TopicSummary>>>
  /** Open plans of a killed or slower writer that this one completed. */
  readonly takenOver: number
  /** Batches dropped because another writer was first. */
  readonly racesLost: number
  readonly halted: ReadonlyArray<HaltedPartition>
}

/** Counts what the actors of one ingestor do. */
export class Counters {
  private readonly topics: Record<Topic, TopicSummary>
  takenOver = 0
  racesLost = 0

  constructor() {
    this.topics = Object.fromEntries(
      topics.map((topic) => [
        topic,
        { records: 0, rows: 0, deadLetters: {}, files: 0, plans: 0, unknownFields: 0, maxTs: null }
      ])
    ) as unknown as Record<Topic, TopicSummary>
  }

  closed({ deadLetterReasons, files, plan, records }: FrozenBatch): void {
    const topic = this.topics[plan.topic]
    topic.records += records
    for (const file of plan.files) topic.rows += file.rows
    for (const [kind, count] of Object.entries(deadLetterReasons))
      topic.deadLetters[kind] = (topic.deadLetters[kind] ?? 0) + count
    topic.files += files.length
    topic.plans += 1
    topic.unknownFields += plan.unknownFields
    if (plan.maxTs !== null) topic.maxTs = Math.max(topic.maxTs ?? plan.maxTs, plan.maxTs)
  }

  progress(): { records: number; files: number; plans: number } {
    const all = Object.values(this.topics)
    const sum = (of: (topic: TopicSummary) => number) => all.reduce((total, topic) => total + of(topic), 0)
    return { records: sum((t) => t.records), files: sum((t) => t.files), plans: sum((t) => t.plans) }
  }

  /** What was done, and which partitions have halted meanwhile. */
  summary(status: IngestStatus): IngestSummary {
    return {
      topics: structuredClone(this.topics),
      takenOver: this.takenOver,
      racesLost: this.racesLost,
      halted: [...status.partitions].flatMap(({ message, partition, phase, reason, topic }) =>
        phase === "halted" ? [{ topic, partition, reason, message }] : []
      )
    }
  }
}
