import { type Cluster, pause, plainConnection, waitingConnection } from "./Cluster.ts"
import { type FetchedPartition, type FetchPartition, fetchRequest } from "./fetchRequest.ts"
import { answerMemory } from "./framedSocket.ts"
import { codeFault, errorCode, faultOf, type KafkaFault } from "./KafkaFault.ts"
import type { Lane } from "./Lane.ts"
import type { TopicPartitionName } from "./TopicPartitionName.ts"

const fetchKey = 1
/** An answer holds about this much, at most; larger only when one batch is. */
const answerBytes = 4 << 20
const largestShare = 1 << 20
const smallestShare = 64 << 10
/** At the end of the log: an answer comes when there is this much to tell, or after this time. */
const waitBytes = 64 << 10
const waitMs = 250
const retryMs = 100

/** What keeps a lane from being read, since when (real ms), and whether the next try is yet to come. */
export interface Trouble {
  readonly fault: KafkaFault
  readonly since: number
  resting: boolean
}

/**
 * Keeps lanes filled. To each broker there are at most two requests at a time: one for lanes whose partition is known to
 * have more, which is answered at once, and one that waits for lanes at the end of the log. Full lanes are in none.
 *
 * Memory: each lane keeps at most half its share of the budget and one more fetch of at most a share, so that all lanes
 * together stay below 1.5 × budget (but for single batches larger than a share); an answer on its way has 4 MiB, twice
 * while it is put together, of which two per broker.
 */
export class Fetcher {
  private readonly cluster: Cluster
  private readonly budgetBytes: number
  private readonly lanes = new Map<string, Lane>()
  private readonly troubles = new Map<Lane, Trouble>()
  private readonly busy = new Set<string>()
  private waiters: Array<() => void> = []
  private serving = 0
  private resting: Promise<void> | undefined
  private pumping = false

  constructor(cluster: Cluster, budgetBytes: number) {
    this.cluster = cluster
    this.budgetBytes = budgetBytes
  }

  /** These lanes, and no others, are read ahead. */
  assign(lanes: ReadonlyMap<string, Lane>): void {
    for (const [name, lane] of this.lanes) {
      if (lanes.get(name) === lane) continue
      lane.reset()
      this.troubles.delete(lane)
      this.lanes.delete(name)
    }
    for (const [name, lane] of lanes) this.lanes.set(name, lane)
    this.pump()
  }

  lane({ partition, topic }: TopicPartitionName): Lane | undefined {
    return this.lanes.get(`${topic}/${partition}`)
  }

  /** What keeps a lane from being read; undefined: nothing. */
  trouble(lane: Lane): Trouble | undefined {
    return this.troubles.get(lane)
  }

  /** Resolves at the next answer of any broker, or after `ms`. */
  news(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms)
      this.waiters.push(() => {
        clearTimeout(timer)
        resolve()
      })
    })
  }

  private get share(): number {
    return Math.min(largestShare, Math.max(smallestShare, Math.floor(this.budgetBytes / this.lanes.size)))
  }

  /** To be called when a lane has moved or has been read. */
  pump(): void {
    // Once for all that happens in this turn.
    if (this.pumping || this.cluster.closed) return
    this.pumping = true
    queueMicrotask(() => {
      this.pumping = false
      this.send()
    })
  }

  private send(): void {
    const share = this.share
    const wanted = new Map<string, Array<Lane>>()
    for (const lane of this.lanes.values()) {
      if (!lane.positioned || lane.asked || lane.bytes > share / 2) continue
      if (this.troubles.get(lane)?.resting === true) continue
      let node: number
      try {
        node = this.cluster.leader(lane.topic, lane.partition)
      } catch (cause) {
        this.setTrouble([lane], faultOf(cause))
        continue
      }
      const atEnd = lane.end !== undefined && lane.next >= lane.end
      const name = `${node} ${atEnd ? "waits" : "now"}`
      const list = wanted.get(name)
      if (list === undefined) wanted.set(name, [lane])
      else list.push(lane)
    }
    for (const [name, lanes] of wanted) {
      if (this.busy.has(name)) continue
      this.busy.add(name)
      void this.fetch(Number(name.split(" ")[0]), lanes, name.endsWith("waits")).finally(() => {
        this.busy.delete(name)
        this.pump()
      })
    }
  }

  private async fetch(node: number, lanes: ReadonlyArray<Lane>, waits: boolean): Promise<void> {
    const ordered = [...lanes].sort((a, b) => a.served - b.served)
    for (const lane of ordered) lane.asked = true
    const asked = ordered.map((lane): FetchPartition => ({
      topic: lane.topic,
      topicId: lane.topicId,
      partition: lane.partition,
      offset: lane.next,
      maxBytes: this.share
    }))
    try {
      const broker = await this.cluster.broker(node)
      const answers = await this.cluster.sendTo(
        node,
        fetchRequest(
          asked,
          waits
            ? { waitMs, minBytes: Math.min(waitBytes, this.share), maxBytes: answerBytes }
            : { waitMs: 0, minBytes: 1, maxBytes: answerBytes },
          broker.versions?.[fetchKey]?.maxVersion ?? 0
        ),
        waits ? waitingConnection : plainConnection
      )
      const byName = new Map(answers.map((answer) => [`${answer.topic}/${answer.partition}`, answer]))
      ordered.forEach((lane, i) => {
        lane.asked = false
        const { offset, partition, topic, topicId } = asked[i]
        const answer = byName.get(`${topicId}/${partition}`) ?? byName.get(`${topic}/${partition}`)
        if (answer !== undefined) this.accept(lane, answer, offset)
        else this.setTrouble([lane], codeFault(errorCode.unknownTopicOrPartition, `${topic}/${partition}`))
      })
      // All are views of one answer, and lanes keep copies.
      if (answers.length > 0) answerMemory.give(answers[0].records)
    } catch (cause) {
      for (const lane of ordered) lane.asked = false
      this.setTrouble(ordered, faultOf(cause))
    } finally {
      const waiters = this.waiters
      this.waiters = []
      for (const wake of waiters) wake()
    }
  }

  private accept(lane: Lane, answer: FetchedPartition, askedAt: number): void {
    if (answer.error === errorCode.none) {
      try {
        if (lane.offer(answer, askedAt)) lane.served = ++this.serving
        this.troubles.delete(lane)
      } catch (cause) {
        this.setTrouble([lane], faultOf(cause))
      }
    } else if (answer.error === errorCode.offsetOutOfRange) {
      // Its reader asks the log itself, and is told what the log holds.
      if (askedAt === lane.next) lane.reset()
    } else this.setTrouble([lane], codeFault(answer.error, `${lane.topic}/${lane.partition}`))
  }

  /** Lanes in trouble rest; then they are tried again, after a look at who leads what. */
  private setTrouble(lanes: ReadonlyArray<Lane>, fault: KafkaFault): void {
    const now = Date.now()
    for (const lane of lanes) {
      this.troubles.set(lane, { fault, since: this.troubles.get(lane)?.since ?? now, resting: true })
    }
    this.resting ??= this.rest()
  }

  private async rest(): Promise<void> {
    await pause(retryMs)
    await this.cluster.refresh().catch(() => undefined)
    this.resting = undefined
    for (const trouble of this.troubles.values()) trouble.resting = false
    this.pump()
  }
}
