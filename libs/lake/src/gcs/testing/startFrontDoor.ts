import { Buffer } from "node:buffer"
import { generateKeyPairSync, sign } from "node:crypto"
import { once } from "node:events"
import { createServer, request as forward } from "node:http"
import { createServer as createTlsServer } from "node:https"
import type { AddressInfo } from "node:net"
import { connect } from "node:net"

const der = (tag: number, ...parts: ReadonlyArray<Buffer>): Buffer => {
  const content = Buffer.concat(parts)
  const length = content.length < 128 ? [content.length] : [0x82, content.length >> 8, content.length & 255]
  return Buffer.concat([Buffer.from([tag, ...length]), content])
}
const sequence = (...parts: ReadonlyArray<Buffer>): Buffer => der(0x30, ...parts)
const hex = (tag: number, content: string): Buffer => der(tag, Buffer.from(content, "hex"))

/** A certificate that nobody signed but itself, and its key, as PEM. */
const selfSigned = () => {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" })
  const algorithm = sequence(hex(0x06, "2a8648ce3d040302"))
  const name = sequence(der(0x31, sequence(hex(0x06, "550403"), der(0x0c, Buffer.from("test")))))
  const time = (text: string) => der(0x17, Buffer.from(text))
  const body = sequence(
    der(0xa0, hex(0x02, "02")),
    hex(0x02, "01"),
    algorithm,
    name,
    sequence(time("200101000000Z"), time("491231235959Z")),
    name,
    publicKey.export({ type: "spki", format: "der" })
  )
  const certificate = sequence(body, algorithm, der(0x03, Buffer.from([0]), sign("sha256", body, privateKey)))
  return {
    cert: `-----BEGIN CERTIFICATE-----\n${certificate.toString("base64")}\n-----END CERTIFICATE-----\n`,
    key: privateKey.export({ type: "pkcs8", format: "pem" })
  }
}

/** What stands for Google's own servers: a proxy (HTTPS_PROXY) behind which every host is the server `target`. */
export interface FrontDoor {
  readonly proxy: string
  /** host and path of each request. */
  readonly asked: Array<string>
  readonly close: () => void
}

export const startFrontDoor = async (target: string): Promise<FrontDoor> => {
  const asked: Array<string> = []
  const secure = createTlsServer(selfSigned(), (request, response) => {
    asked.push(`${request.headers.host}${request.url?.split("?")[0]}`)
    const onward = forward(
      `${target}${request.url}`,
      { method: request.method, headers: { ...request.headers, host: "server" } },
      (answer) => {
        response.writeHead(answer.statusCode ?? 500, answer.headers)
        answer.pipe(response)
      }
    )
    request.pipe(onward)
  }).listen(0, "127.0.0.1")
  await once(secure, "listening")
  const proxy = createServer().listen(0, "127.0.0.1")
  proxy.on("connect", (_request, socket, head: Buffer) => {
    const onward = connect((secure.address() as AddressInfo).port, "127.0.0.1", () => {
      socket.write("HTTP/1.1 200 Connection established\r\n\r\n")
      onward.write(head)
      onward.pipe(socket).pipe(onward)
    })
    for (const [one, other] of [
      [socket, onward],
      [onward, socket]
    ])
      one.on("error", () => other.destroy())
  })
  await once(proxy, "listening")
  return {
    proxy: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`,
    asked,
    close: () => {
      for (const server of [proxy, secure]) {
        server.closeAllConnections()
        server.close()
      }
    }
  }
}
