import type { Buffer } from "node:buffer"
import { once } from "node:events"
import { connect, createServer, type Server, type Socket } from "node:net"
import { setTimeout as wait } from "node:timers/promises"

/** Whether a piece of data from a client begins a request. */
export type RequestFilter = (data: Buffer) => boolean

/** How a link is: what happens to bytes on it, both ways. */
export interface Weather {
  /** Each piece of data waits so long, ms. */
  readonly delayMs: number
  /** Bytes a second, of each connection and direction. */
  readonly bytesPerSecond: number
  /** Nothing passes and nobody is told, as where a cable is cut; what was on its way arrives afterwards. */
  readonly isCut: boolean
  /** New connections are reset at once. */
  readonly refuses: boolean
  /** These requests reach the server; their answers are swallowed, and both sides are reset. */
  readonly dropsAnswers: RequestFilter | undefined
}

export const fairWeather: Weather = {
  delayMs: 0,
  bytesPerSecond: Infinity,
  isCut: false,
  refuses: false,
  dropsAnswers: undefined
}

interface Connection {
  readonly client: Socket
  readonly server: Socket
  /** The next data from the server is the answer to drop. */
  trapped: boolean
}

/** A cut link looks again this often, ms, whether it is whole. */
const lookMs = 20

/** Stands between clients and a server on 127.0.0.1 and does to their connections what it is told. */
export class TcpProxy {
  private readonly server: Server
  private readonly connections = new Set<Connection>()
  weather: Weather = fairWeather
  /** Connections made and answers dropped since the start. */
  readonly counts = { connections: 0, dropped: 0 }

  /** Told of each piece of data from the server. */
  onAnswer: (data: Buffer) => void = () => undefined

  private constructor(server: Server) {
    this.server = server
  }

  /** Listens on `port` and leads to `target`; a server that is away is a connection that is reset. */
  static async open(port: number, target: number): Promise<TcpProxy> {
    const server = createServer({ allowHalfOpen: true, noDelay: true })
    const proxy = new TcpProxy(server)
    server.on("connection", (client) => proxy.accept(client, target))
    server.listen({ port, host: "127.0.0.1", exclusive: true })
    await once(server, "listening")
    return proxy
  }

  private accept(client: Socket, target: number): void {
    if (this.weather.refuses) return void client.on("error", () => undefined).resetAndDestroy()
    this.counts.connections++
    const server = connect({ port: target, host: "127.0.0.1", allowHalfOpen: true, noDelay: true })
    const connection: Connection = { client, server, trapped: false }
    this.connections.add(connection)
    for (const socket of [client, server]) {
      socket.on("error", () => this.end(connection))
      socket.on("close", () => {
        if (!client.destroyed || !server.destroyed) return
        this.connections.delete(connection)
      })
    }
    const fail = () => this.end(connection)
    this.pump(client, server, (data) => {
      if (this.weather.dropsAnswers?.(data) === true) connection.trapped = true
      return true
    }).catch(fail)
    this.pump(server, client, (data) => {
      this.onAnswer(data)
      return this.mayAnswer(connection)
    }).catch(fail)
  }

  /** Carries data one way, in order; stops reading while a piece waits, so that little is held. */
  private async pump(from: Socket, to: Socket, passes: (data: Buffer) => boolean): Promise<void> {
    // The end of one way must not end the other.
    for await (const data of from.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      const { bytesPerSecond, delayMs } = this.weather
      const ms = delayMs + (1000 * data.length) / bytesPerSecond
      if (ms >= 1) await wait(ms)
      while (this.weather.isCut && !to.destroyed) await wait(lookMs)
      if (!passes(data) || to.destroyed) return
      if (!to.write(data)) await Promise.race([once(to, "drain"), once(to, "close")])
    }
    while (this.weather.isCut && !to.destroyed) await wait(lookMs)
    to.end()
  }

  private mayAnswer(connection: Connection): boolean {
    if (!connection.trapped) return true
    this.counts.dropped++
    this.end(connection)
    return false
  }

  /** A RST to both sides. */
  private end({ client, server }: Connection): void {
    for (const socket of [client, server]) if (!socket.destroyed) socket.resetAndDestroy()
  }

  /** Resets all connections; answers how many there were. */
  reset(): number {
    const { size } = this.connections
    for (const connection of this.connections) this.end(connection)
    return size
  }

  async close(): Promise<void> {
    const closed = once(this.server, "close")
    this.server.close()
    this.reset()
    await closed
  }
}
