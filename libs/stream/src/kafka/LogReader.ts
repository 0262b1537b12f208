import type { LogBatch } from "@musify/domain/RecordBatch.ts"
import { EventLogUnavailable } from "../EventLogError.ts"
import { joinSlices } from "../StoredBatch.ts"
import type { Cluster } from "./Cluster.ts"
import { type FetchedPartition, fetchRequest } from "./fetchRequest.ts"
import type { Fetcher } from "./Fetcher.ts"
import { codeFault, errorCode, KafkaFault } from "./KafkaFault.ts"
import { Lane, type Taken } from "./Lane.ts"
import { rangeOf, type Range } from "./ranges.ts"
import type { TopicPartitionName } from "./TopicPartitionName.ts"

const fetchKey = 1
const leastBytes = 256 << 10
const mostBytes = 4 << 20
/** Partitions of which the last answer is kept, for readers that go on where they were. */
const keptLanes = 16
/** A broker that is away for less is waited for; then readers are told. */
const graceMs = 3_000

/** The log holds no such offset. */
export class OutOfRange extends Error {
  readonly range: Range
  constructor(range: Range) {
    super("offset out of range")
    this.range = range
  }
}

const nothing: LogBatch = joinSlices([])

/** Reads partitions from any offset. Throws KafkaFault, OutOfRange and EventLogUnavailable. */
export class LogReader {
  private readonly cluster: Cluster
  private readonly timeoutMs: number
  /** Ids of topics that readers have been told of. */
  private readonly ids = new Map<string, string | undefined>()
  /** By use: the first was not used for longest. */
  private readonly kept = new Map<string, Lane>()

  constructor(cluster: Cluster, timeoutMs: number) {
    this.cluster = cluster
    this.timeoutMs = timeoutMs
    for (const { id, name } of cluster.topics()) this.ids.set(name, id)
  }

  /** The topic's id. Throws, once, when the topic is another one than before. */
  private idOf(topic: string): string | undefined {
    const id = this.cluster.topic(topic)?.id
    const before = this.ids.get(topic)
    if (id !== undefined && id !== before) {
      this.ids.set(topic, id)
      if (before !== undefined) throw madeAnew(topic)
    }
    return id ?? before
  }

  /** As `EventLogService.read`. */
  async read(at: TopicPartitionName, offset: number, maxBytes: number): Promise<LogBatch> {
    const topicId = this.idOf(at.topic)
    // Whoever reads the partition at the same time has another lane: each moves its own.
    const lane = this.kept.get(nameOf(at)) ?? new Lane(at.topic, at.partition)
    this.kept.delete(nameOf(at))
    try {
      if (lane.topicId === topicId) {
        const taken = lane.take(offset, maxBytes)
        if (isRecords(taken)) return taken
      }
      lane.moveTo(offset, topicId)
      while (true) {
        await this.fill(lane, Math.min(mostBytes, Math.max(leastBytes, maxBytes)))
        const taken = lane.take(offset, maxBytes)
        if (isRecords(taken)) return taken
        if (taken === "end") return nothing
      }
    } finally {
      this.keep(lane)
    }
  }

  /** What a member's lane has, without asking anybody; undefined: that is not known. */
  ahead(fetcher: Fetcher, at: TopicPartitionName, offset: number, maxBytes: number): LogBatch | undefined {
    const lane = fetcher.lane(at)
    if (lane === undefined || this.isStale(lane)) return undefined
    const taken = lane.take(offset, maxBytes)
    if (isRecords(taken)) {
      fetcher.pump()
      return taken
    }
    return taken === "end" && fetcher.trouble(lane) === undefined ? nothing : undefined
  }

  private isStale(lane: Lane): boolean {
    return lane.positioned && lane.topicId !== (this.cluster.topic(lane.topic)?.id ?? lane.topicId)
  }

  /** As `read`, with what has been read ahead. */
  async readAhead(
    fetcher: Fetcher,
    at: TopicPartitionName,
    offset: number,
    maxBytes: number
  ): Promise<LogBatch> {
    const until = Date.now() + this.timeoutMs
    while (true) {
      const lane = fetcher.lane(at)
      if (lane === undefined) return this.read(at, offset, maxBytes)
      if (this.isStale(lane)) {
        lane.reset()
        this.ids.set(at.topic, this.cluster.topic(at.topic)?.id)
        throw madeAnew(at.topic)
      }
      const taken = lane.take(offset, maxBytes)
      const trouble = fetcher.trouble(lane)
      if (isRecords(taken)) {
        fetcher.pump()
        return taken
      }
      if (taken === "end" && trouble === undefined) return nothing
      if (taken === "elsewhere") await this.place(lane, at, offset)
      else {
        // Whether the topic is still the same.
        if (trouble !== undefined) await this.cluster.refresh().catch(() => undefined)
        if (this.isStale(lane)) continue
        if (trouble !== undefined && (!trouble.fault.retryable || Date.now() - trouble.since > graceMs))
          throw trouble.fault
        if (Date.now() > until)
          throw new KafkaFault(`there was no answer for ${nameOf(at)}`, { retryable: true })
        await fetcher.news(100)
      }
      fetcher.pump()
    }
  }

  /** Lets a lane begin at an offset, with what a reader outside of the group may have left there. */
  private async place(lane: Lane, at: TopicPartitionName, offset: number): Promise<void> {
    const topicId = this.idOf(at.topic)
    const kept = this.kept.get(nameOf(at))
    if (kept !== undefined && kept.topicId === topicId && kept.covers(offset)) {
      lane.takeOver(kept)
      return
    }
    const fetched = await this.fetch(at, offset, leastBytes)
    lane.moveTo(offset, topicId)
    lane.offer(fetched, offset)
  }

  private async fill(lane: Lane, bytes: number): Promise<void> {
    const { next } = lane
    lane.offer(await this.fetch(lane, next, bytes), next)
  }

  private keep(lane: Lane): void {
    const name = nameOf(lane)
    this.kept.delete(name)
    this.kept.set(name, lane)
    for (const oldest of this.kept.keys()) {
      if (this.kept.size <= keptLanes) break
      this.kept.delete(oldest)
    }
  }

  private async fetch(
    { partition, topic }: TopicPartitionName,
    offset: number,
    maxBytes: number
  ): Promise<FetchedPartition> {
    const where = `${topic}/${partition}`
    const answer = await this.cluster.insist(this.timeoutMs, async () => {
      const topicId = this.idOf(topic)
      const node = this.cluster.leader(topic, partition)
      const broker = await this.cluster.broker(node)
      const [found] = await this.cluster.sendTo(
        node,
        fetchRequest(
          [{ topic, topicId, partition, offset, maxBytes }],
          { waitMs: 0, minBytes: 1, maxBytes },
          broker.versions?.[fetchKey]?.maxVersion ?? 0
        )
      )
      if (found.error !== errorCode.none && found.error !== errorCode.offsetOutOfRange)
        throw codeFault(found.error, where)
      return found
    })
    if (answer.error === errorCode.offsetOutOfRange)
      throw new OutOfRange(await rangeOf(this.cluster, { topic, partition }, this.timeoutMs))
    return answer
  }
}

const isRecords = (taken: Taken): taken is LogBatch => typeof taken !== "string"

const nameOf = ({ partition, topic }: TopicPartitionName): string => `${topic}/${partition}`

/** No fault, which would be tried again until nobody notices. */
const madeAnew = (topic: string): EventLogUnavailable =>
  new EventLogUnavailable({
    message: `The topic ${topic} in Kafka was deleted and made anew: its offsets mean other records than before. Readers begin again and compare.`,
    retryable: true
  })
