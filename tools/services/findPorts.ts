import { randomInt } from "node:crypto"
import { once } from "node:events"
import { createServer } from "node:net"

/*
 * Below the range from which systems take the local ports of outgoing connections (32768 and up on Linux, 49152 and up
 * elsewhere). A port out of that range could be taken while a killed server is down, even by a client that tries to
 * reach the server: a connection from a port to itself succeeds.
 */
const first = 20_000
const end = 32_000

const given = new Set<number>()

/** Whether a server can listen on this port of 127.0.0.1 now. */
export const isFree = async (port: number): Promise<boolean> => {
  const server = createServer()
  try {
    server.listen({ port, host: "127.0.0.1", exclusive: true })
    await once(server, "listening")
    server.close()
    await once(server, "close")
    return true
  } catch {
    return false
  }
}

/** Ports of 127.0.0.1 that are free now and that this process has not been given before. */
export const findPorts = async (count: number): Promise<Array<number>> => {
  const ports: Array<number> = []
  while (ports.length < count) {
    const port = randomInt(first, end)
    if (given.has(port)) continue
    given.add(port)
    if (await isFree(port)) ports.push(port)
  }
  return ports
}
