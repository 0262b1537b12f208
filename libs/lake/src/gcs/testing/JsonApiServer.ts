import { Buffer } from "node:buffer"
import { once } from "node:events"
import type { IncomingMessage, ServerResponse } from "node:http"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import type { ObjectMetadata } from "../../ObjectStore.ts"
import { crc32cOf } from "../crc32c.ts"

/** What happens to one request. "before": nothing is done of it; "after": it is done, but the caller is not told. */
export type Misbehaviour =
  | "none"
  | "reset before"
  | "reset after"
  /** Never answers. */
  | "hang before"
  | "hang after"
  /** Half of the body, then the connection breaks, or nothing more comes. */
  | "cut off"
  | "hang in the body"
  /** One bit of the body is another. */
  | "flipped bit"
  /** The bytes of a put are stored with one bit changed, and their checksum is believed. */
  | "stored flipped"
  | { readonly status: number; readonly message?: string; readonly reason?: string; readonly cutOff?: true }

export interface StoredObject {
  readonly bytes: Buffer
  readonly metadata: ObjectMetadata
  readonly crc32c: string
  /** Query and resource of the put that made it. */
  readonly query: URLSearchParams
  readonly resource: Readonly<Record<string, unknown>>
}

export interface ServerRequest {
  readonly kind: "put" | "get" | "metadata" | "list" | "delete" | "bucket" | "token"
  readonly name: string
  readonly authorization: string | undefined
}

/** A server of the test's own that answers like Cloud Storage's JSON API, as far as the adapter asks, and misbehaves on demand. */
export interface JsonApiServer {
  readonly endpoint: string
  readonly bucket: string
  readonly objects: Map<string, StoredObject>
  /** All requests so far. */
  readonly requests: Array<ServerRequest>
  /** What happens to the next requests; to those after them nothing. */
  readonly misbehave: (...next: ReadonlyArray<Misbehaviour>) => void
  /** Ways in which the whole server is another than Cloud Storage. */
  readonly flaws: {
    overwrites: boolean
    noChecksums: boolean
    /** Most entries of a page. */
    pageSize: number
    /** Each second page of a listing is empty but leads on. */
    emptyPages: boolean
    /** Requests must carry this token. */
    token: string | undefined
  }
  readonly close: () => Promise<void>
}

const compareNames = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b))

const flipped = (bytes: Buffer): Buffer => {
  const other = Buffer.from(bytes)
  if (other.length > 0) other[other.length >> 1] ^= 4
  return other
}

/** The JSON resource and the bytes of a multipart upload. */
const parseMultipart = (body: Buffer, contentType: string) => {
  const boundary = `--${/boundary="?([^";]+)/.exec(contentType)?.[1]}`
  const jsonAt = body.indexOf("\r\n\r\n") + 4
  const jsonEnd = body.indexOf(`\r\n${boundary}`, jsonAt)
  const bytesAt = body.indexOf("\r\n\r\n", jsonEnd + 4) + 4
  return {
    resource: JSON.parse(body.subarray(jsonAt, jsonEnd).toString("utf8")) as Record<string, unknown>,
    bytes: Buffer.from(body.subarray(bytesAt, body.lastIndexOf(`\r\n${boundary}--`)))
  }
}

/** Who asks for a token: the holder of some other token, or the issuer of a signed claim (a service account). */
const subjectOf = (form: URLSearchParams): string => {
  const claim = form.get("assertion")?.split(".")[1]
  return claim === undefined
    ? (form.get("subject_token") ?? "")
    : (JSON.parse(Buffer.from(claim, "base64url").toString()) as { readonly iss: string }).iss
}

interface Answer {
  readonly status: number
  readonly body: Buffer
  readonly headers?: Readonly<Record<string, string>>
}

const json = (status: number, value: unknown): Answer => ({
  status,
  body: Buffer.from(JSON.stringify(value)),
  headers: { "content-type": "application/json; charset=UTF-8" }
})

const failure = (status: number, message: string, reason = "test"): Answer =>
  json(status, { error: { code: status, message, errors: [{ message, domain: "global", reason }] } })

const resourceOf = (name: string, { bytes, crc32c, metadata, resource }: StoredObject) => ({
  ...resource,
  kind: "storage#object",
  name,
  size: String(bytes.length),
  crc32c,
  metadata
})

export const startJsonApiServer = async (bucket = "test-bucket"): Promise<JsonApiServer> => {
  const objects = new Map<string, StoredObject>()
  const requests: Array<ServerRequest> = []
  let queue: Array<Misbehaviour> = []
  const flaws: JsonApiServer["flaws"] = {
    overwrites: false,
    noChecksums: false,
    pageSize: 1000,
    emptyPages: false,
    token: undefined
  }
  const checksumOf = (crc32c: string) => (flaws.noChecksums ? {} : { crc32c })

  const put = (url: URL, body: Buffer, contentType: string, fault: Misbehaviour): Answer => {
    const name = url.searchParams.get("name") ?? ""
    if (objects.has(name) && url.searchParams.get("ifGenerationMatch") === "0" && !flaws.overwrites)
      return failure(412, "At least one of the pre-conditions you specified did not hold.", "conditionNotMet")
    const { bytes, resource } = parseMultipart(body, contentType)
    const found = crc32cOf(bytes)
    if (resource.crc32c !== undefined && resource.crc32c !== found)
      return failure(
        400,
        `Provided CRC32C "${String(resource.crc32c)}" doesn't match calculated CRC32C "${found}".`
      )
    const kept = fault === "stored flipped" ? flipped(bytes) : bytes
    const stored = {
      bytes: kept,
      metadata: (resource.metadata ?? {}) as ObjectMetadata,
      crc32c: crc32cOf(kept),
      query: url.searchParams,
      resource
    }
    objects.set(name, stored)
    return json(200, { ...resourceOf(name, stored), crc32c: undefined, ...checksumOf(stored.crc32c) })
  }

  const list = (query: URLSearchParams): Answer => {
    const [from, page] = (query.get("pageToken") ?? `${query.get("startOffset") ?? ""}|0`).split("|")
    const prefix = query.get("prefix") ?? ""
    const names = [...objects.keys()]
      .filter((name) => name.startsWith(prefix) && compareNames(name, from) >= 0)
      .sort(compareNames)
    if (flaws.emptyPages && Number(page) % 2 === 0)
      return json(200, { nextPageToken: `${from}|${Number(page) + 1}` })
    const size = Math.min(flaws.pageSize, Number(query.get("maxResults") ?? 1000))
    const next = names[size]
    return json(200, {
      items: names.slice(0, size).map((name) => ({ name, size: String(objects.get(name)!.bytes.length) })),
      ...(next === undefined ? {} : { nextPageToken: `${next}|${Number(page) + 1}` })
    })
  }

  const get = (name: string, media: boolean): Answer => {
    const found = objects.get(name)
    if (found === undefined) return failure(404, `No such object: ${bucket}/${name}`, "notFound")
    if (!media)
      return json(200, { ...resourceOf(name, found), crc32c: undefined, ...checksumOf(found.crc32c) })
    return {
      status: 200,
      body: found.bytes,
      headers: {
        "content-type": "application/octet-stream",
        ...(flaws.noChecksums ? {} : { "x-goog-hash": `crc32c=${found.crc32c},md5=unused` })
      }
    }
  }

  const answer = (
    request: IncomingMessage,
    seen: ServerRequest,
    url: URL,
    body: Buffer,
    fault: Misbehaviour
  ): Answer => {
    if (seen.kind === "token")
      return json(200, {
        access_token: `token for ${subjectOf(new URLSearchParams(body.toString()))}`,
        issued_token_type: "urn:ietf:params:oauth:token-type:access_token",
        token_type: "Bearer",
        expires_in: 3600
      })
    if (flaws.token !== undefined && seen.authorization !== `Bearer ${flaws.token}`)
      return failure(401, "Invalid Credentials", "authError")
    if (!`${url.pathname}/`.includes(`/b/${bucket}/`))
      return failure(404, "The specified bucket does not exist.", "notFound")
    if (seen.kind === "put") return put(url, body, request.headers["content-type"] ?? "", fault)
    if (seen.kind === "list") return list(url.searchParams)
    if (seen.kind === "bucket") return json(200, { kind: "storage#bucket", name: bucket })
    if (seen.kind === "delete")
      return objects.delete(seen.name)
        ? { status: 204, body: Buffer.alloc(0) }
        : failure(404, `No such object: ${bucket}/${seen.name}`, "notFound")
    return get(seen.name, seen.kind === "get")
  }

  const kindOf = (method: string, url: URL): ServerRequest["kind"] => {
    if (url.pathname.endsWith("/token")) return "token"
    if (method === "POST") return "put"
    if (method === "DELETE") return "delete"
    if (url.pathname.endsWith("/o")) return "list"
    if (!url.pathname.includes("/o/")) return "bucket"
    return url.searchParams.get("alt") === "media" ? "get" : "metadata"
  }

  const send = (response: ServerResponse, { body, headers, status }: Answer, fault: Misbehaviour): void => {
    const cutOff = fault === "cut off" || (typeof fault === "object" && fault.cutOff === true)
    response.writeHead(status, { ...headers, "content-length": body.length })
    if (cutOff || fault === "hang in the body") {
      response.write(body.subarray(0, body.length >> 1), () => {
        if (cutOff) response.socket?.destroy()
      })
    } else response.end(fault === "flipped bit" ? flipped(body) : body)
  }

  const server = createServer((request, response) => {
    void (async () => {
      const chunks: Array<Buffer> = []
      for await (const chunk of request) chunks.push(chunk as Buffer)
      const url = new URL(request.url ?? "/", "http://server")
      const seen: ServerRequest = {
        kind: kindOf(request.method ?? "GET", url),
        name: url.searchParams.get("name") ?? decodeURIComponent(url.pathname.split("/o/")[1] ?? ""),
        authorization: request.headers.authorization
      }
      requests.push(seen)
      const fault = seen.kind === "token" ? "none" : (queue.shift() ?? "none")
      if (fault === "hang before") return
      if (fault === "reset before") return void response.socket?.destroy()
      if (typeof fault === "object")
        return send(response, failure(fault.status, fault.message ?? "test", fault.reason), fault)
      const made = answer(request, seen, url, Buffer.concat(chunks), fault)
      if (fault === "hang after") return
      if (fault === "reset after") return void response.socket?.destroy()
      send(response, made, fault)
    })().catch(() => response.socket?.destroy())
  })
  // A connection that is idle is not closed: it could just be taken for the next request, which would fail.
  server.keepAliveTimeout = 0
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  const { port } = server.address() as AddressInfo
  return {
    endpoint: `http://127.0.0.1:${port}`,
    bucket,
    objects,
    requests,
    misbehave: (...next) => {
      queue = [...next]
    },
    flaws,
    close: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, "close")
    }
  }
}
