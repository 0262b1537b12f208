import { Buffer } from "node:buffer"
import { randomUUID } from "node:crypto"
import { readFileSync } from "node:fs"
import type { IncomingMessage } from "node:http"
import type { Bucket, File } from "@google-cloud/storage"
import { IdempotencyStrategy, Storage } from "@google-cloud/storage"
import type { ObjectEntry, ObjectMetadata } from "../ObjectStore.ts"
import { crc32cOf } from "./crc32c.ts"
import { faultOf, faultOfStatus, GcsFailure } from "./gcsFault.ts"
import type { GcsOptions } from "./GcsOptions.ts"

/** A page of a listing; `next` leads to the one after it. */
export interface GcsPage {
  readonly entries: ReadonlyArray<ObjectEntry>
  readonly next: string | undefined
}

/** One attempt of each operation, with nothing tried again. Names are whole: with the prefix inside the bucket. */
export interface GcsClient {
  readonly put: (name: string, bytes: Uint8Array, metadata: ObjectMetadata) => Promise<"created" | "exists">
  /** `signal` closes the connection. */
  readonly get: (name: string, signal: AbortSignal) => Promise<Uint8Array | undefined>
  readonly metadata: (name: string) => Promise<ObjectMetadata | undefined>
  readonly page: (query: {
    readonly prefix: string
    readonly startOffset: string
    readonly maxResults: number
    readonly pageToken: string | undefined
  }) => Promise<GcsPage>
  readonly remove: (name: string) => Promise<void>
  /** Who the server was told is asking, for messages. */
  readonly identity: () => Promise<string>
}

/** Key of the custom metadata that says what the bytes' checksum is meant to be. */
const ownChecksumKey = "musify-crc32c"

const bufferOf = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)

const isStatus = (cause: unknown, status: number): boolean =>
  typeof cause === "object" && cause !== null && "code" in cause && Number(cause.code) === status

const isMissingObject = (cause: unknown): boolean =>
  isStatus(cause, 404) && faultOfStatus(404, (cause as Error).message).kind !== "no bucket"

/** A put and a listing can miss nothing but the bucket. */
const withBucket = (cause: unknown): unknown =>
  isStatus(cause, 404) && !/key/i.test((cause as Error).message)
    ? new GcsFailure({ kind: "no bucket", text: faultOf(cause).text })
    : cause

const storedDamaged = (where: string, stored: string, sent: string) =>
  new GcsFailure({
    kind: "damaged",
    text: `it is stored with checksum (crc32c) ${stored}, but the bytes that were sent have ${sent}`,
    advice: `remove ${where}, which is then written again`
  })

/** The body of an error answer as the JSON API writes it, or its text. */
const errorText = (body: string): { readonly text: string; readonly reasons: ReadonlyArray<string> } => {
  try {
    const { error } = JSON.parse(body) as {
      readonly error: {
        readonly message: string
        readonly errors?: ReadonlyArray<{ readonly reason?: string }>
      }
    }
    return { text: error.message, reasons: (error.errors ?? []).map(({ reason }) => reason ?? "") }
  } catch {
    return { text: body, reasons: [] }
  }
}

/** Most of an error answer that is looked at, bytes. */
const longestErrorBody = 64 * 1024

/**
 * Reads a body over `requestStream`, not `download`: that one leaves a rejection unhandled when the body of an error
 * answer breaks off, which ends the process, and has no end while a server hangs.
 */
const readBody = (
  file: File,
  signal: AbortSignal
): Promise<{ readonly response: IncomingMessage; readonly body: Buffer }> =>
  new Promise((resolve, reject) => {
    const stream = file.requestStream({
      uri: "",
      qs: { alt: "media" },
      headers: { "Cache-Control": "no-store" }
    })
    const chunks: Array<Buffer> = []
    let length = 0
    let response: IncomingMessage | undefined
    const stop = (cause: unknown) => {
      response?.destroy()
      stream.destroy()
      reject(cause)
    }
    signal.addEventListener("abort", () => stop(signal.reason), { once: true })
    stream
      .on("error", stop)
      .on("response", (answer: IncomingMessage) => {
        response = answer
      })
      .on("data", (chunk: Buffer) => {
        length += chunk.length
        if (response?.statusCode === 200 || length <= longestErrorBody) chunks.push(chunk)
      })
      .on("end", () => {
        if (response !== undefined) resolve({ response, body: Buffer.concat(chunks) })
      })
  })

/** A multipart upload of the JSON API: the object's resource, then its bytes. */
const multipart = (boundary: string, resource: object, bytes: Uint8Array): Buffer =>
  Buffer.concat([
    Buffer.from(
      `--${boundary}\r\ncontent-type: application/json; charset=utf-8\r\n\r\n${JSON.stringify(resource)}\r\n--${boundary}\r\ncontent-type: application/octet-stream\r\n\r\n`
    ),
    bufferOf(bytes),
    Buffer.from(`\r\n--${boundary}--\r\n`)
  ])

/**
 * One request of the library's, not `File.save`, whose streams cost as much again as sending. Answers the resource of the
 * object that is there now. Nothing checks the stored bytes and removes what it takes for damaged: nothing of a lake is
 * ever removed.
 */
const upload = (bucket: Bucket, resource: object, bytes: Uint8Array, query: object): Promise<StoredObject> =>
  new Promise((resolve, reject) => {
    const { storage } = bucket
    const boundary = randomUUID()
    storage.request(
      {
        method: "POST",
        uri: `${storage.apiEndpoint}/upload/storage/v1/b/${encodeURIComponent(bucket.name)}/o`,
        qs: { uploadType: "multipart", ...query },
        headers: { "content-type": `multipart/related; boundary=${boundary}` },
        body: multipart(boundary, resource, bytes)
      },
      (cause, answer) => (cause === null ? resolve(answer as StoredObject) : reject(cause))
    )
  })

/** Of the resource of an object, what is looked at. */
interface StoredObject {
  readonly crc32c?: string
}

const putObject = async (
  bucket: Bucket,
  name: string,
  bytes: Uint8Array,
  metadata: ObjectMetadata,
  { kmsKeyName, storageClass }: GcsOptions
): Promise<"created" | "exists"> => {
  const crc32c = crc32cOf(bytes)
  let stored: string | undefined
  try {
    const resource = {
      contentType: name.endsWith(".json") ? "application/json" : "application/octet-stream",
      // The server refuses bytes that do not have it.
      crc32c,
      metadata: { ...metadata, [ownChecksumKey]: crc32c },
      ...(storageClass === undefined ? {} : { storageClass })
    }
    const query = { name, ifGenerationMatch: 0, ...(kmsKeyName === undefined ? {} : { kmsKeyName }) }
    stored = (await upload(bucket, resource, bytes, query)).crc32c
  } catch (cause) {
    if (isStatus(cause, 412)) return "exists"
    throw withBucket(cause)
  }
  if (stored !== crc32c)
    throw stored === undefined
      ? new GcsFailure({
          kind: "other",
          text: "the server's answer to a put names no checksum (crc32c)",
          advice: "use Cloud Storage, or a server that answers as it does"
        })
      : storedDamaged(`gs://${bucket.name}/${name}`, stored, crc32c)
  return "created"
}

const getObject = async (file: File, signal: AbortSignal): Promise<Uint8Array | undefined> => {
  const { body, response } = await readBody(file, signal)
  const status = response.statusCode ?? 0
  if (status !== 200) {
    const { reasons, text } = errorText(body.toString("utf8"))
    const fault = faultOfStatus(status, text, reasons)
    if (status === 404 && fault.kind !== "no bucket") return undefined
    throw new GcsFailure(fault)
  }
  const told = Number(response.headers["content-length"] ?? body.length)
  if (body.length !== told)
    throw new GcsFailure({
      kind: "transient",
      text: `the answer broke off after ${body.length} of ${told} bytes`
    })
  const stored = /crc32c=([A-Za-z0-9+/=]+)/.exec(String(response.headers["x-goog-hash"] ?? ""))?.[1]
  const found = crc32cOf(body)
  if (stored !== found)
    throw new GcsFailure(
      stored === undefined
        ? {
            kind: "other",
            text: "the server's answer names no checksum (crc32c)",
            advice: "use Cloud Storage, or a server that answers as it does"
          }
        : {
            kind: "checksum",
            text: `its checksum (crc32c) is ${stored}, but the bytes that arrived have ${found}`,
            advice: "restore it from a backup if that goes on"
          }
    )
  return body
}

const getObjectMetadata = async (file: File): Promise<ObjectMetadata | undefined> => {
  try {
    const [{ crc32c, metadata = {} }] = await file.getMetadata()
    const { [ownChecksumKey]: sent, ...rest } = metadata
    if (sent !== undefined && sent !== crc32c)
      throw storedDamaged(file.cloudStorageURI.href, String(crc32c), String(sent))
    return Object.fromEntries(Object.entries(rest).map(([key, value]) => [key, String(value)]))
  } catch (cause) {
    if (isMissingObject(cause)) return undefined
    throw cause
  }
}

const listPage = async (
  bucket: Bucket,
  { maxResults, pageToken, prefix, startOffset }: Parameters<GcsClient["page"]>[0]
): Promise<GcsPage> => {
  const [files, , answer] = await bucket
    .getFiles({
      autoPaginate: false,
      fields: "items(name,size),nextPageToken",
      prefix,
      maxResults,
      ...(startOffset === "" ? {} : { startOffset }),
      ...(pageToken === undefined ? {} : { pageToken })
    })
    .catch(async (cause: unknown) => {
      // Some servers answer so too while objects come and go under the prefix: the bucket is asked for itself. Who may
      // not ask is told of the bucket.
      if (isStatus(cause, 404) && (await bucket.exists().catch(() => [false]))[0])
        throw new GcsFailure({ ...faultOf(cause), kind: "transient" })
      throw withBucket(cause)
    })
  // With `fields` the library hands out the items of the answer as they are.
  const items = files as unknown as ReadonlyArray<{ readonly name: string; readonly size?: string | number }>
  return {
    entries: items.map(({ name, size }) => ({ name, size: Number(size ?? 0) })),
    next: (answer as { readonly nextPageToken?: string } | undefined)?.nextPageToken
  }
}

const anonymous = "an anonymous caller"

/** Default credentials go to Google alone: Cloud Storage, and its private endpoints. */
const sendsCredentials = ({ endpoint, keyFile }: GcsOptions): boolean =>
  endpoint === undefined ||
  keyFile !== undefined ||
  /^https:\/\/(?:[\w-]+\.)+googleapis\.com\/*$/.test(endpoint)

/** The auth library takes any text for some kind of key. What is wrong with it is not quoted: it may be a secret. */
const checkKeyFile = (file: string): void => {
  const unusable = (problem: string) =>
    new GcsFailure({
      kind: "refused",
      text: `the key file ${file} ${problem}`,
      advice: "name the JSON key file of a service account (--gcs-key-file); it is read again by itself"
    })
  let text: string
  try {
    text = readFileSync(file, "utf8")
  } catch (cause) {
    throw unusable(`cannot be read (${(cause as NodeJS.ErrnoException).code})`)
  }
  try {
    JSON.parse(text)
  } catch {
    throw unusable("holds no JSON")
  }
}

/**
 * A client of one bucket. It reads its credentials once; make another one to read them again. Throws `GcsFailure` when
 * the key file cannot be read.
 */
export const makeGcsClient = (options: GcsOptions): GcsClient => {
  if (options.keyFile !== undefined) checkKeyFile(options.keyFile)
  const storage = new Storage({
    // Tries are made in one place, by the adapter; a `maxRetries` of 0 would count as not given.
    retryOptions: { autoRetry: false, idempotencyStrategy: IdempotencyStrategy.RetryNever },
    timeout: options.timeoutMs,
    // No request of ours names a project; without one here the auth library looks for it, for seconds.
    projectId: "none",
    ...(options.endpoint === undefined ? {} : { apiEndpoint: options.endpoint }),
    useAuthWithCustomEndpoint: sendsCredentials(options),
    ...(options.keyFile === undefined ? {} : { keyFilename: options.keyFile })
  })
  const bucket = storage.bucket(options.bucket)
  const fileOf = (name: string) => bucket.file(name)
  return {
    put: (name, bytes, metadata) => putObject(bucket, name, bytes, metadata, options),
    get: (name, signal) => getObject(fileOf(name), signal),
    metadata: (name) => getObjectMetadata(fileOf(name)),
    page: (query) => listPage(bucket, query),
    remove: async (name) => {
      try {
        await fileOf(name).delete()
      } catch (cause) {
        if (!isMissingObject(cause)) throw cause
      }
    },
    identity: async () => {
      if (!sendsCredentials(options)) return anonymous
      const { client_email: email } = await storage.authClient.getCredentials()
      return email ?? "the default credentials"
    }
  }
}
