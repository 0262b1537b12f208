import type { RecordBatch } from "@musify/domain/RecordBatch.ts"
import type { Buffer } from "node:buffer"
import { cutAt } from "../StoredBatch.ts"
import type { Cluster } from "./Cluster.ts"
import { encodeRecords } from "./encodeRecords.ts"
import { codeFault, errorCode, faultOf, KafkaFault } from "./KafkaFault.ts"
import type { KafkaCompression } from "./KafkaSettings.ts"
import { produceRequest } from "./produceRequest.ts"
import type { TopicPartitionName } from "./TopicPartitionName.ts"

/** Records for one partition. */
export interface Part extends TopicPartitionName {
  readonly records: RecordBatch
}

/** Batches are about this large before compression; a larger record has one of its own. */
const batchBytes = 500_000
const replicasMs = 10_000
const sequenceNumbers = 2 ** 31

/** A producer id, and the sequence number of the next batch by partition. */
interface Session {
  readonly producerId: number
  readonly producerEpoch: number
  readonly next: Map<string, number>
}

interface Batch extends TopicPartitionName {
  readonly session: Session
  readonly bytes: Buffer
  readonly count: number
  /** It was sent, and no answer told what became of it: Kafka may have it. */
  unanswered: boolean
}

/** Errors of batches that may have been appended all the same. */
const perhapsAppended = new Set([-1, 7, 20, 56])

/**
 * An idempotent producer. A batch keeps its producer id and sequence number however often it is sent, and no other batch
 * goes to its partition before its fate is known: so Kafka appends it once, whenever an earlier sending arrives. What
 * kafkajs does instead (a new producer id after its last retry) would double it.
 */
export class Producer {
  private readonly cluster: Cluster
  private readonly compression: KafkaCompression
  private readonly timeoutMs: number
  private session: Session | undefined
  /** Where the last acknowledged batch ended, by partition. */
  private readonly ends = new Map<string, number>()
  /** Batches whose fate is not known, by partition: the time was up. */
  private readonly open = new Map<string, Batch>()
  private last: Promise<unknown> = Promise.resolve()

  constructor(cluster: Cluster, compression: KafkaCompression, timeoutMs: number) {
    this.cluster = cluster
    this.compression = compression
    this.timeoutMs = timeoutMs
  }

  /** One after another: what waits is bounded by who waits for it. */
  private inTurn<A>(act: () => Promise<A>): Promise<A> {
    const result = this.last.then(act)
    this.last = result.catch(() => undefined)
    return result
  }

  /**
   * Appends, `check` first; answers the offset of each part's first record (undefined: it has none). `check` and the
   * sending are one step for all that append through this producer.
   */
  append(
    parts: ReadonlyArray<Part>,
    time: number,
    check: () => Promise<void>
  ): Promise<ReadonlyArray<number | undefined>> {
    return this.inTurn(async () => {
      await this.resolve(parts)
      await check()
      const bases = parts.map((): number | undefined => undefined)
      // Kafka takes one batch per partition and request.
      const queues = new Map<string, Array<number>>()
      parts.forEach((part, i) => {
        if (part.records.count === 0) return
        const name = nameOf(part)
        queues.set(name, [...(queues.get(name) ?? []), i])
      })
      const reached = parts.map(() => 0)
      while (queues.size > 0) {
        const round: Array<{ readonly index: number; readonly from: number; readonly to: number }> = []
        for (const [name, [index, ...others]] of queues) {
          const { records } = parts[index]
          const from = reached[index]
          const to = cutAfter(records, from)
          round.push({ index, from, to })
          reached[index] = to
          if (to < records.count) continue
          if (others.length > 0) queues.set(name, others)
          else queues.delete(name)
        }
        const offsets = await this.sendNew(
          round.map(({ from, index, to }) => ({ ...parts[index], from, to })),
          time
        )
        round.forEach(({ index }, i) => (bases[index] ??= offsets[i]))
      }
      return bases
    })
  }

  /** Finds out the fate of batches to these partitions that is not known: they are then in the log, once. */
  settle(partitions: ReadonlyArray<TopicPartitionName>): Promise<void> {
    return this.inTurn(() => this.resolve(partitions))
  }

  private async resolve(partitions: ReadonlyArray<TopicPartitionName>): Promise<void> {
    const names = new Set(partitions.map(nameOf))
    const batches = [...names].flatMap((name) => this.open.get(name) ?? [])
    if (batches.length > 0) await this.send(batches)
  }

  private async sendNew(
    pieces: ReadonlyArray<Part & { readonly from: number; readonly to: number }>,
    time: number
  ): Promise<ReadonlyArray<number>> {
    const session = await this.cluster.insist(this.timeoutMs, () => this.openSession())
    return this.send(
      pieces.map((piece) => {
        const { from, partition, records, to, topic } = piece
        const sequence = { ...session, first: session.next.get(nameOf(piece)) ?? 0 }
        const bytes = encodeRecords(records, from, to, time, this.compression, sequence)
        return { topic, partition, session, bytes, count: to - from, unanswered: false }
      })
    )
  }

  private async openSession(): Promise<Session> {
    if (this.session === undefined) {
      const node = await this.cluster.anyNode()
      const { producerEpoch, producerId } = await this.cluster.call(node, (broker) =>
        broker.initProducerId({})
      )
      this.session = { producerId: Number(producerId), producerEpoch, next: new Map() }
    }
    return this.session
  }

  /** Sends until all are acknowledged; answers their offsets. What has no answer when the time is up stays open. */
  private async send(batches: ReadonlyArray<Batch>): Promise<ReadonlyArray<number>> {
    const offsets = new Map<Batch, number>()
    for (const batch of batches) this.open.set(nameOf(batch), batch)
    await this.cluster.insist(this.timeoutMs, async () => {
      const byNode = new Map<number, Array<Batch>>()
      let fault: KafkaFault | undefined
      for (const batch of batches) {
        if (offsets.has(batch)) continue
        try {
          const node = this.cluster.leader(batch.topic, batch.partition)
          byNode.set(node, [...(byNode.get(node) ?? []), batch])
        } catch (cause) {
          fault = faultOf(cause)
        }
      }
      const faults = await Promise.all(
        [...byNode].map(([node, list]) => this.sendToNode(node, list, offsets).catch(faultOf))
      )
      // One that no waiting mends says more than one that was only unlucky.
      fault =
        faults.find((one) => one?.retryable === false) ?? faults.find((one) => one !== undefined) ?? fault
      if (fault !== undefined) throw fault
    })
    return batches.map((batch) => offsets.get(batch)!)
  }

  private async sendToNode(
    node: number,
    batches: ReadonlyArray<Batch>,
    offsets: Map<Batch, number>
  ): Promise<KafkaFault | undefined> {
    const before = new Map(batches.map((batch) => [batch, batch.unanswered]))
    for (const batch of batches) batch.unanswered = true
    const answers = await this.cluster.sendTo(
      node,
      produceRequest(
        batches.map(({ bytes, partition, topic }) => ({ topic, partition, batch: bytes })),
        replicasMs
      )
    )
    let fault: KafkaFault | undefined
    for (const batch of batches) {
      const name = nameOf(batch)
      const answer = answers.find((one) => nameOf(one) === name)
      if (answer?.error === errorCode.none) {
        const { next } = batch.session
        const { baseOffset } = answer
        const end = this.ends.get(name) ?? 0
        if (baseOffset < end) {
          fault = new KafkaFault(
            `${name} ended at offset ${end}, and ends at ${baseOffset} now: the topic was deleted and made anew, or Kafka lost what it had acknowledged`,
            { code: errorCode.none, retryable: false }
          )
        }
        this.ends.set(name, baseOffset + batch.count)
        offsets.set(batch, baseOffset)
        this.open.delete(name)
        next.set(name, ((next.get(name) ?? 0) + batch.count) % sequenceNumbers)
        continue
      }
      const code = answer?.error ?? -1
      const found = codeFault(code, name, answer?.detail)
      if (!perhapsAppended.has(code)) batch.unanswered = before.get(batch) === true
      if (found.retryable) {
        fault ??= found
        continue
      }
      // It is not sent again; where Kafka lost track of this producer, a new one begins.
      this.open.delete(name)
      this.session = undefined
      fault = batch.unanswered
        ? new KafkaFault(
            `${found.message}; whether ${batch.count} records that had no answer are in the log is not known`,
            { code, retryable: false, cause: found }
          )
        : found
    }
    return fault
  }
}

const nameOf = ({ partition, topic }: TopicPartitionName): string => `${topic}/${partition}`

const cutAfter = (records: RecordBatch, from: number): number => cutAt(records, from, batchBytes)
