import Broker from "kafkajs/src/broker/index.js"
import ConnectionPool from "kafkajs/src/network/connectionPool.js"
import type { ConnectionOptions } from "./connectionOptions.ts"
import { codeFault, errorCode, faultOf, KafkaFault } from "./KafkaFault.ts"
import { type ClusterMetadata, metadataRequest, type TopicMetadata } from "./metadataRequest.ts"
import { quietTimers } from "./quietTimers.ts"

const metadataKey = 3
const disconnectMs = 5_000
const firstPauseMs = 50
const longestPauseMs = 1_000

/** Connections to each broker: waiting fetches have one of their own, since a broker works off one after another. */
export const plainConnection = 0
export const waitingConnection = 1
export type ConnectionIndex = typeof plainConnection | typeof waitingConnection

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

interface Link {
  readonly host: string
  readonly port: number
  readonly broker: Promise<Broker>
  /** Connections that are being made: two callers at once would make two, of which one is lost. */
  readonly opening: Map<ConnectionIndex, Promise<unknown>>
}

/** The brokers of a cluster, which of them leads which partition, and connections to them. */
export class Cluster {
  private readonly bootstrap: ReadonlyArray<string>
  private readonly options: ConnectionOptions
  /** By node id, or by address of those that were given. */
  private readonly links = new Map<number | string, Link>()
  private known: ClusterMetadata = { nodes: [], topics: [] }
  private names: ReadonlyArray<string> = []
  private refreshing: Promise<void> | undefined
  private turn = 0
  closed = false

  constructor(bootstrap: ReadonlyArray<string>, options: ConnectionOptions) {
    quietTimers()
    this.bootstrap = bootstrap
    this.options = options
  }

  /** The topics that are of interest. */
  watch(names: ReadonlyArray<string>): Promise<void> {
    this.names = names
    return this.refresh()
  }

  /** What is known of a topic; undefined: it does not exist, or nothing is known yet. */
  topic(name: string): TopicMetadata | undefined {
    return this.known.topics.find((topic) => topic.name === name && topic.error === errorCode.none)
  }

  topics(): ReadonlyArray<TopicMetadata> {
    return this.known.topics
  }

  /** The node that leads a partition. Throws a retryable fault when there is none now. */
  leader(topic: string, partition: number): number {
    const node = this.topic(topic)?.leaders[partition]
    if (node === undefined) throw codeFault(errorCode.unknownTopicOrPartition, `${topic}/${partition}`)
    if (node < 0) throw codeFault(errorCode.leaderNotAvailable, `${topic}/${partition}`)
    return node
  }

  /** Asks the cluster again; callers at the same time share the answer. */
  refresh(): Promise<void> {
    this.refreshing ??= this.askAnyone().finally(() => {
      this.refreshing = undefined
    })
    return this.refreshing
  }

  private async askAnyone(): Promise<void> {
    let failure: unknown
    // Those that are known first, then those that were given, beginning with another one each time.
    const candidates: Array<number | string> = [...this.known.nodes.map(({ id }) => id), ...this.bootstrap]
    const turn = this.turn++
    for (let i = 0; i < candidates.length; i++) {
      const candidate = candidates[(i + turn) % candidates.length]
      try {
        const broker = await this.broker(candidate)
        this.known = await this.sendTo(
          candidate,
          metadataRequest(this.names, broker.versions?.[metadataKey]?.maxVersion ?? 0)
        )
        return
      } catch (cause) {
        failure = cause
        if (!faultOf(cause).retryable) break
      }
    }
    throw faultOf(failure)
  }

  private addressOf(node: number | string): readonly [host: string, port: number] {
    if (typeof node === "string") {
      const colon = node.lastIndexOf(":")
      return [node.slice(0, colon), Number(node.slice(colon + 1))]
    }
    const found = this.known.nodes.find(({ id }) => id === node)
    if (found === undefined) throw new KafkaFault(`broker ${node} is not known`, { retryable: true })
    return [found.host, found.port]
  }

  /** A broker with a connection. One whose connection broke is forgotten and made anew. */
  async broker(node: number | string): Promise<Broker> {
    return this.link(node).broker
  }

  private link(node: number | string): Link {
    if (this.closed) throw new KafkaFault("the log is closed", { retryable: false })
    const [host, port] = this.addressOf(node)
    const found = this.links.get(node)
    if (found !== undefined && found.host === host && found.port === port) return found
    if (found !== undefined) this.drop(node, found)
    const link: Link = { host, port, broker: this.connect(node, host, port), opening: new Map() }
    this.links.set(node, link)
    link.broker.catch(() => this.drop(node, link))
    return link
  }

  private async connect(node: number | string, host: string, port: number): Promise<Broker> {
    const broker = new Broker({
      connectionPool: new ConnectionPool({ ...this.options, host, port }),
      logger: this.options.logger,
      allowAutoTopicCreation: false,
      ...(typeof node === "number" ? { nodeId: node } : {})
    })
    try {
      await broker.connect()
    } catch (cause) {
      const { message, retryable } = faultOf(cause)
      broker.disconnect().catch(() => undefined)
      throw new KafkaFault(`${host}:${port}: ${message}`, { retryable, cause })
    }
    return broker
  }

  private drop(node: number | string, link: Link): void {
    if (this.links.get(node) === link) this.links.delete(node)
    link.broker.then((broker) => broker.disconnect()).catch(() => undefined)
  }

  /** Sends a request of our own. A connection that fails is given up, so that the next request makes a new one. */
  async sendTo<A>(
    node: number | string,
    request: KafkaRequest<A>,
    index: ConnectionIndex = plainConnection
  ): Promise<A> {
    const link = this.link(node)
    try {
      const { connectionPool: pool } = await link.broker
      const opening = link.opening.get(index) ?? pool.getConnection(index)
      link.opening.set(index, opening)
      try {
        await opening
      } finally {
        link.opening.delete(index)
      }
      const connection = await pool.getConnection(index)
      // What kafkajs keeps behind an answer is an empty rest, which it would join with the next one: a copy of it all.
      if (connection.bytesBuffered === 0) connection.chunks = []
      return await connection.send(request)
    } catch (cause) {
      throw this.broken(node, link, cause)
    }
  }

  /** Calls a broker by the requests that kafkajs knows. */
  async call<A>(node: number | string, use: (broker: Broker) => Promise<A>): Promise<A> {
    const link = this.link(node)
    try {
      return await use(await link.broker)
    } catch (cause) {
      throw this.broken(node, link, cause)
    }
  }

  private broken(node: number | string, link: Link, cause: unknown): KafkaFault {
    const fault = faultOf(cause)
    // An error code came over a connection that works.
    if (fault.code === undefined) this.drop(node, link)
    return fault.code !== undefined || cause instanceof KafkaFault
      ? fault
      : new KafkaFault(`${link.host}:${link.port}: ${fault.message}`, { retryable: fault.retryable, cause })
  }

  /** Any broker that answers. */
  async anyNode(): Promise<number | string> {
    if (this.known.nodes.length === 0) await this.refresh()
    return this.known.nodes[this.turn++ % this.known.nodes.length]?.id ?? this.bootstrap[0]
  }

  /**
   * Tries again, after looking anew who leads what, until it succeeds, fails for good, or the time is up. `attempt`
   * throws faults.
   */
  async insist<A>(timeoutMs: number, attempt: () => Promise<A>): Promise<A> {
    const until = Date.now() + timeoutMs
    for (let waitMs = firstPauseMs; ; waitMs = Math.min(longestPauseMs, 2 * waitMs)) {
      try {
        return await attempt()
      } catch (cause) {
        // What is worded for a person already.
        if (typeof cause === "object" && cause !== null && "_tag" in cause) throw cause
        const fault = faultOf(cause)
        if (!fault.retryable || this.closed || Date.now() + waitMs > until) throw fault
        await pause(waitMs)
        await this.refresh().catch(() => undefined)
      }
    }
  }

  /** Ends all connections, within five seconds: kafkajs waits for answers that may never come. */
  async close(): Promise<void> {
    this.closed = true
    const ends = [...this.links.values()].map((link) =>
      link.broker.then((broker) => broker.disconnect()).catch(() => undefined)
    )
    let timer: NodeJS.Timeout | undefined
    await Promise.race([
      Promise.all(ends),
      new Promise((resolve) => {
        timer = setTimeout(resolve, disconnectMs)
      })
    ])
    clearTimeout(timer)
  }
}
