import { generateKeyPairSync } from "node:crypto"
import { once } from "node:events"
import * as fs from "node:fs"
import { createServer } from "node:http"
import type { Server } from "node:http"
import type { AddressInfo } from "node:net"
import * as os from "node:os"
import * as path from "node:path"
import { it } from "@effect/vitest"
import { Duration, Effect } from "effect"
import { afterAll, beforeAll, beforeEach, describe, expect, vi } from "vitest"
import { makeGcsObjectStore } from "./GcsObjectStore.ts"
import { defaultGcsOptions } from "./GcsOptions.ts"
import type { FrontDoor } from "./testing/startFrontDoor.ts"
import { startFrontDoor } from "./testing/startFrontDoor.ts"
import type { JsonApiServer } from "./testing/JsonApiServer.ts"
import { startJsonApiServer } from "./testing/JsonApiServer.ts"

// The adapter speaks to Google's own addresses here, behind which the test's servers stand.
const email = "loader@project.iam.gserviceaccount.com"
const folder = fs.mkdtempSync(path.join(os.tmpdir(), "musify-credentials-"))
const keyFile = path.join(folder, "key.json")
let server: JsonApiServer
let door: FrontDoor
let machine: Server

beforeAll(async () => {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 })
  fs.writeFileSync(
    keyFile,
    JSON.stringify({
      type: "service_account",
      project_id: "project",
      private_key_id: "1",
      private_key: privateKey.export({ type: "pkcs8", format: "pem" }),
      client_email: email,
      client_id: "1"
    })
  )
  server = await startJsonApiServer()
  door = await startFrontDoor(server.endpoint)
  machine = createServer((request, response) => {
    const answers: Readonly<Record<string, string>> = {
      "/computeMetadata/v1/instance": "{}",
      "/computeMetadata/v1/project/project-id": "project",
      "/computeMetadata/v1/universe/universe-domain": "googleapis.com",
      "/computeMetadata/v1/instance/service-accounts/default/email":
        "machine@project.iam.gserviceaccount.com",
      "/computeMetadata/v1/instance/service-accounts/default/token": JSON.stringify({
        access_token: "token of the machine",
        expires_in: 3600,
        token_type: "Bearer"
      })
    }
    const answer = answers[(request.url ?? "").split("?")[0].replace(/\/$/, "")]
    response.writeHead(answer === undefined ? 404 : 200, { "metadata-flavor": "Google" }).end(answer)
  }).listen(0, "127.0.0.1")
  await once(machine, "listening")
})
afterAll(async () => {
  vi.unstubAllEnvs()
  door.close()
  machine.closeAllConnections()
  machine.close()
  await server.close()
  fs.rmSync(folder, { recursive: true, force: true })
})
beforeEach(() => {
  server.objects.clear()
  server.requests.length = 0
  door.asked.length = 0
  for (const [name, value] of Object.entries({
    HTTPS_PROXY: door.proxy,
    NO_PROXY: "127.0.0.1",
    NODE_TLS_REJECT_UNAUTHORIZED: "0",
    METADATA_SERVER_DETECTION: "none",
    CLOUDSDK_CONFIG: folder,
    HOME: folder,
    GOOGLE_APPLICATION_CREDENTIALS: undefined,
    GCE_METADATA_HOST: undefined
  }))
    vi.stubEnv(name, value)
})

const store = (more: { readonly keyFile?: string; readonly endpoint?: string } = {}) =>
  makeGcsObjectStore({
    ...defaultGcsOptions,
    bucket: server.bucket,
    prefix: "",
    retryFor: Duration.zero,
    ...more
  })
const put = (more = {}) => store(more).putIfAbsent("a", new Uint8Array(3))
const authorizations = () =>
  server.requests.filter(({ kind }) => kind !== "token").map(({ authorization }) => authorization)

describe("credentials", () => {
  it.live("of a service account, by its key file or as the default", () =>
    Effect.gen(function* () {
      expect(yield* put({ keyFile })).toBe("created")
      vi.stubEnv("GOOGLE_APPLICATION_CREDENTIALS", keyFile)
      expect(yield* put()).toBe("exists")
      expect(authorizations()).toEqual([`Bearer token for ${email}`, `Bearer token for ${email}`])
      expect(door.asked.filter((url) => url.startsWith("storage.googleapis.com/upload/")).length).toBe(2)
    })
  )

  it.live("of the machine, from its metadata server", () =>
    Effect.gen(function* () {
      vi.stubEnv("METADATA_SERVER_DETECTION", "assume-present")
      vi.stubEnv("GCE_METADATA_HOST", `127.0.0.1:${(machine.address() as AddressInfo).port}`)
      expect(yield* put()).toBe("created")
      expect(authorizations()).toEqual(["Bearer token of the machine"])
      server.misbehave({ status: 403, message: "no right", reason: "forbidden" })
      const error = yield* Effect.flip(put())
      expect(error.message).toContain("asked as machine@project.iam.gserviceaccount.com")
    })
  )

  it.live("that are missing are told, with what to do", () =>
    Effect.gen(function* () {
      server.flaws.token = "any"
      const error = yield* Effect.flip(put())
      expect(error.retryable).toBe(true)
      expect(error.message).toMatch(
        /^Cannot write gs:\/\/test-bucket\/a: Could not load the default credentials\. .*, asked without credentials/
      )
      server.flaws.token = undefined
    })
  )

  it.live("go to Google's private endpoints, and to no other server", () =>
    Effect.gen(function* () {
      vi.stubEnv("GOOGLE_APPLICATION_CREDENTIALS", keyFile)
      yield* put({ endpoint: "https://storage-mine.p.googleapis.com" })
      yield* put({ endpoint: "https://storage.example.com" })
      yield* put({ endpoint: server.endpoint })
      expect(authorizations()).toEqual([`Bearer token for ${email}`, undefined, undefined])
      expect(door.asked).toContain("storage-mine.p.googleapis.com/upload/storage/v1/b/test-bucket/o")
    })
  )
})
