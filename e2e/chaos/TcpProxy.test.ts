import { Buffer } from "node:buffer"
import { once } from "node:events"
import { createServer, connect, type Server, type Socket } from "node:net"
import { afterEach, expect, test } from "vitest"
import { findPorts } from "../../tools/services/findPorts.ts"
import { sleep } from "../musify.ts"
import { fairWeather, TcpProxy } from "./TcpProxy.ts"

const closing: Array<() => Promise<unknown> | void> = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

interface Echo {
  readonly server: Server
  readonly port: number
  /** All that the server was sent. */
  readonly received: () => string
}

/** A server that sends back what it is sent. */
const startEcho = async (): Promise<Echo> => {
  let received = ""
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on("error", () => undefined)
    socket.on("data", (data: Buffer) => {
      received += data.toString("latin1")
      socket.write(data)
    })
  })
  const [port] = await findPorts(1)
  server.listen(port, "127.0.0.1")
  await once(server, "listening")
  closing.push(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return { server, port, received: () => received }
}

const startProxy = async (target: number): Promise<{ readonly proxy: TcpProxy; readonly port: number }> => {
  const [port] = await findPorts(1)
  const proxy = await TcpProxy.open(port, target)
  closing.push(() => proxy.close())
  return { proxy, port }
}

interface Client {
  readonly socket: Socket
  readonly received: () => string
  /** Waits until that much has come. */
  readonly bytes: (count: number) => Promise<string>
  /** The code of the error that ended the connection. */
  readonly ended: Promise<string>
}

const connectTo = async (port: number): Promise<Client> => {
  const socket = connect(port, "127.0.0.1")
  let received = ""
  let code = "none"
  socket.on("data", (data: Buffer) => (received += data.toString("latin1")))
  socket.on("error", (error: NodeJS.ErrnoException) => (code = error.code ?? "?"))
  const ended = new Promise<string>((resolve) => socket.on("close", () => resolve(code)))
  await Promise.race([new Promise((resolve) => socket.once("connect", resolve)), ended])
  closing.push(() => void socket.destroy())
  const bytes = async (count: number) => {
    while (received.length < count && !socket.destroyed) await once(socket, "data")
    return received
  }
  return { socket, received: () => received, bytes, ended }
}

test("carries bytes both ways, in order, also many at a time", async () => {
  const { port } = await startProxy((await startEcho()).port)
  const client = await connectTo(port)
  const sent = Buffer.from(Array.from({ length: 3_000_000 }, (_, i) => 97 + (i % 23)))
  client.socket.write(sent)
  const back = await client.bytes(sent.length)
  expect(Buffer.from(back, "latin1").equals(sent)).toBe(true)
})

test("a dropped answer: the request arrives, the answer does not, the connection is reset", async () => {
  const echo = await startEcho()
  const { port, proxy } = await startProxy(echo.port)
  const client = await connectTo(port)
  client.socket.write("GET one")
  expect(await client.bytes(7)).toBe("GET one")
  proxy.weather = { ...fairWeather, dropsAnswers: (data) => data.toString().startsWith("PUT") }
  client.socket.write("GET two")
  expect(await client.bytes(14)).toBe("GET oneGET two")
  client.socket.write("PUT it")
  expect(await client.ended).toBe("ECONNRESET")
  expect(client.received()).toBe("GET oneGET two")
  expect(echo.received()).toBe("GET oneGET twoPUT it")
  expect(proxy.counts.dropped).toBe(1)
  proxy.weather = fairWeather
  const again = await connectTo(port)
  again.socket.write("PUT it")
  expect(await again.bytes(6)).toBe("PUT it")
})

test("a cut link tells nobody, and what was on its way arrives when it is whole again", async () => {
  const echo = await startEcho()
  const { port, proxy } = await startProxy(echo.port)
  const client = await connectTo(port)
  proxy.weather = { ...fairWeather, isCut: true }
  client.socket.write("lost?")
  await sleep(100)
  expect(echo.received()).toBe("")
  expect(client.socket.destroyed).toBe(false)
  proxy.weather = fairWeather
  expect(await client.bytes(5)).toBe("lost?")
})

test("delays, throttles, refuses and resets", async () => {
  const echo = await startEcho()
  const { port, proxy } = await startProxy(echo.port)
  const client = await connectTo(port)
  const timed = async (bytes: number) => {
    const before = client.received().length
    const began = performance.now()
    client.socket.write(Buffer.alloc(bytes, "x"))
    await client.bytes(before + bytes)
    return performance.now() - began
  }
  // At least so long, both ways together: never a matter of how fast the machine is.
  proxy.weather = { ...fairWeather, delayMs: 60 }
  expect(await timed(1)).toBeGreaterThan(110)
  proxy.weather = { ...fairWeather, bytesPerSecond: 100_000 }
  expect(await timed(10_000)).toBeGreaterThan(150)
  proxy.weather = { ...fairWeather, refuses: true }
  expect(await (await connectTo(port)).ended).toBe("ECONNRESET")
  expect(client.socket.destroyed).toBe(false)
  expect(proxy.reset()).toBe(1)
  expect(await client.ended).toBe("ECONNRESET")
})

test("a server that is away is a connection that is reset", async () => {
  const { port } = await startProxy((await findPorts(1))[0])
  expect(await (await connectTo(port)).ended).toBe("ECONNRESET")
})

test("the end of one side reaches the other", async () => {
  const { port } = await startProxy((await startEcho()).port)
  const client = await connectTo(port)
  client.socket.end("bye")
  expect(await client.bytes(3)).toBe("bye")
  expect(await client.ended).toBe("none")
})
