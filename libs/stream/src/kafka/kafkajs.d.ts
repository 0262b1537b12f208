/*
 * The parts of kafkajs 2.2.4 that it does not export and that are used here: a broker with its connections (TLS, SASL,
 * versions, requests by name). Its own fetching and producing are not used; why is said in README.md.
 */

/** A request of Kafka's protocol, with the reading of its answer. */
interface KafkaRequest<A> {
  readonly request: {
    readonly apiKey: number
    readonly apiVersion: number
    readonly apiName: string
    readonly encode: () => Promise<{ readonly buf: Buffer; readonly buffer: Buffer }>
  }
  readonly response: {
    readonly decode: (
      bytes: Buffer
    ) => Promise<{ readonly clientSideThrottleTime: number; readonly answer: A }>
    readonly parse: (decoded: { readonly answer: A }) => Promise<A>
  }
  readonly requestTimeout?: number
  readonly logResponseError?: boolean
}

declare module "kafkajs/src/network/connection.js" {
  export default class Connection {
    isConnected(): boolean
    /** What came and was not handed on. */
    chunks: Array<Buffer>
    readonly bytesBuffered: number
    send<A>(request: KafkaRequest<A>): Promise<A>
  }
}

declare module "kafkajs/src/network/connectionPool.js" {
  import type { ISocketFactory, Logger, SASLOptions } from "kafkajs"
  import type { ConnectionOptions } from "node:tls"
  import type Connection from "kafkajs/src/network/connection.js"
  export default class ConnectionPool {
    constructor(options: {
      readonly host: string
      readonly port: number
      readonly clientId: string
      readonly ssl: ConnectionOptions | undefined
      readonly sasl: SASLOptions | undefined
      readonly connectionTimeout: number
      readonly requestTimeout: number
      readonly enforceRequestTimeout: boolean
      readonly logger: Logger
      readonly socketFactory: ISocketFactory
    })
    getConnection(index: number): Promise<Connection>
  }
}

declare module "kafkajs/src/network/requestQueue/index.js" {
  export default class RequestQueue {
    readonly pending: ReadonlyArray<unknown>
    readonly throttledUntil: number
    scheduleCheckPendingRequests(): void
  }
}

declare module "kafkajs/src/broker/index.js" {
  import type { Logger } from "kafkajs"
  import type ConnectionPool from "kafkajs/src/network/connectionPool.js"
  interface TopicPartitionOffsets {
    readonly topic: string
    readonly partitions: ReadonlyArray<{ readonly partition: number; readonly offset: string }>
  }
  export default class Broker {
    constructor(options: {
      readonly connectionPool: ConnectionPool
      readonly logger: Logger
      readonly nodeId?: number
      readonly allowAutoTopicCreation: boolean
    })
    readonly connectionPool: ConnectionPool
    /** By API key; null until connected. */
    readonly versions: Readonly<
      Record<number, { readonly minVersion: number; readonly maxVersion: number } | undefined>
    > | null
    isConnected(): boolean
    connect(): Promise<void>
    disconnect(): Promise<void>
    initProducerId(options: {
      readonly transactionalId?: string
    }): Promise<{ readonly producerId: string; readonly producerEpoch: number }>
    findGroupCoordinator(options: { readonly groupId: string }): Promise<{
      readonly coordinator: { readonly nodeId: number; readonly host: string; readonly port: number }
    }>
    joinGroup(options: {
      readonly groupId: string
      readonly sessionTimeout: number
      readonly rebalanceTimeout: number
      readonly memberId: string
      readonly groupProtocols: ReadonlyArray<{ readonly name: string; readonly metadata: Buffer }>
    }): Promise<{
      readonly generationId: number
      readonly leaderId: string
      readonly memberId: string
      readonly members: ReadonlyArray<{ readonly memberId: string; readonly memberMetadata: Buffer }>
    }>
    syncGroup(options: {
      readonly groupId: string
      readonly generationId: number
      readonly memberId: string
      readonly groupAssignment: ReadonlyArray<{
        readonly memberId: string
        readonly memberAssignment: Buffer
      }>
    }): Promise<{ readonly memberAssignment: Buffer }>
    heartbeat(options: {
      readonly groupId: string
      readonly groupGenerationId: number
      readonly memberId: string
    }): Promise<void>
    leaveGroup(options: { readonly groupId: string; readonly memberId: string }): Promise<void>
    offsetCommit(options: {
      readonly groupId: string
      readonly groupGenerationId: number
      readonly memberId: string
      readonly topics: ReadonlyArray<TopicPartitionOffsets>
    }): Promise<void>
    offsetFetch(options: {
      readonly groupId: string
      readonly topics: ReadonlyArray<{
        readonly topic: string
        readonly partitions: ReadonlyArray<{ readonly partition: number }>
      }>
    }): Promise<{ readonly responses: ReadonlyArray<TopicPartitionOffsets> }>
  }
}
