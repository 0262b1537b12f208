import { Buffer } from "node:buffer"
import * as fs from "node:fs"
import * as net from "node:net"
import * as os from "node:os"
import * as path from "node:path"
import process from "node:process"
import { it } from "@effect/vitest"
import { makeScaledClock } from "@musify/runtime/ScaledClock.ts"
import { Duration, Effect, Layer, Option } from "effect"
import fc from "fast-check"
import { afterAll, beforeAll, beforeEach, describe, expect, vi } from "vitest"
import { makeMemoryObjectStore } from "../MemoryObjectStore.ts"
import { objectStoreContract } from "../ObjectStore.contract.ts"
import type { ObjectStoreUnavailable } from "../ObjectStoreError.ts"
import { layer, makeGcsObjectStore } from "./GcsObjectStore.ts"
import type { GcsOptions } from "./GcsOptions.ts"
import { defaultGcsOptions } from "./GcsOptions.ts"
import type { JsonApiServer, Misbehaviour } from "./testing/JsonApiServer.ts"
import { startJsonApiServer } from "./testing/JsonApiServer.ts"

let server: JsonApiServer
let prefixes = 0
beforeAll(async () => {
  vi.stubEnv("METADATA_SERVER_DETECTION", "none")
  server = await startJsonApiServer()
})
beforeEach(() => {
  server.objects.clear()
  server.requests.length = 0
  server.misbehave()
  Object.assign(server.flaws, {
    overwrites: false,
    noChecksums: false,
    pageSize: 1000,
    emptyPages: false,
    token: undefined
  })
})
afterAll(async () => {
  vi.unstubAllEnvs()
  await server.close()
})

const options = (more: Partial<GcsOptions> = {}): GcsOptions => ({
  ...defaultGcsOptions,
  bucket: server.bucket,
  prefix: "pre/fix/",
  endpoint: server.endpoint,
  ...more
})
const storeOf = (more: Partial<GcsOptions> = {}) => makeGcsObjectStore(options(more))
const bytes = (text: string) => Buffer.from(text)
/** Pauses between tries pass 100 times as fast; time-outs of attempts are then given a hundred times as long. */
const hurried = <A, E, R>(effect: Effect.Effect<A, E, R>, speed = 100) =>
  Effect.suspend(() => Effect.withClock(effect, makeScaledClock(speed)))
const patient = { timeoutMs: 3_000_000 }
const kinds = () => server.requests.map(({ kind }) => kind)

objectStoreContract(
  "Cloud Storage, a server of the test's own",
  Effect.sync(() => storeOf({ prefix: `contract-${prefixes++}/` }))
)

describe("what is sent", () => {
  it.live("checksum, metadata, storage class and key go with the object, and if absent", () =>
    Effect.gen(function* () {
      const kmsKeyName = "projects/p/locations/l/keyRings/r/cryptoKeys/k"
      const store = storeOf({ storageClass: "NEARLINE", kmsKeyName })
      yield* store.putIfAbsent("lake/x=1/a.parquet", bytes("123456789"), { musify: "identity" })
      const stored = server.objects.get("pre/fix/lake/x=1/a.parquet")!
      // The check value of CRC-32C, e3069283, in base64.
      expect(stored.resource).toMatchObject({ crc32c: "4waSgw==", storageClass: "NEARLINE" })
      expect(stored.metadata).toEqual({ musify: "identity", "musify-crc32c": "4waSgw==" })
      expect(stored.query.get("ifGenerationMatch")).toBe("0")
      expect(stored.query.get("kmsKeyName")).toBe(kmsKeyName)
      expect(server.requests).toEqual([
        { kind: "put", name: "pre/fix/lake/x=1/a.parquet", authorization: undefined }
      ])
      expect(store.locate("lake/a")).toBe("gs://test-bucket/pre/fix/lake/a")
    })
  )
})

describe("tries again", () => {
  const transient: ReadonlyArray<Misbehaviour> = [
    ...[408, 409, 429, 500, 502, 503, 504].map((status) => ({ status })),
    { status: 403, message: "slow down", reason: "userRateLimitExceeded" },
    "reset before"
  ]
  for (const fault of transient)
    it.live(`after ${JSON.stringify(fault)}, whatever was asked`, () =>
      Effect.gen(function* () {
        const store = storeOf(patient)
        server.misbehave(fault, fault)
        expect(yield* store.putIfAbsent("a", bytes("abcdef"), { k: "v" })).toBe("created")
        server.misbehave(fault, fault)
        expect(Buffer.from(Option.getOrThrow(yield* store.get("a"))).toString()).toBe("abcdef")
        server.misbehave(fault, fault)
        expect(Option.getOrThrow(yield* store.metadata("a"))).toEqual({ k: "v" })
        server.misbehave(fault, fault)
        expect(yield* store.list("")).toEqual([{ name: "a", size: 6 }])
        server.misbehave(fault, fault)
        yield* store.remove("a")
        expect(server.objects.size).toBe(0)
        expect(server.requests.length).toBeGreaterThanOrEqual(14)
      }).pipe(hurried)
    )

  it.live("a put whose answer was lost says that the object exists, which is then its own", () =>
    Effect.gen(function* () {
      const store = storeOf(patient)
      server.misbehave("reset after")
      expect(yield* store.putIfAbsent("a", bytes("mine"), { k: "v" })).toBe("exists")
      expect(Option.getOrThrow(yield* store.metadata("a"))).toEqual({ k: "v" })
      expect(kinds()).toEqual(["put", "put", "metadata"])
    }).pipe(hurried)
  )

  // The client library does not notice a body that breaks off: the time-out of the attempt ends it.
  for (const fault of [
    "hang before",
    "hang after",
    "hang in the body",
    "cut off",
    { status: 503, cutOff: true }
  ] as const)
    it.live(`an attempt that takes too long: ${JSON.stringify(fault)}`, () =>
      Effect.gen(function* () {
        const store = storeOf({ timeoutMs: 400 })
        server.misbehave(fault)
        yield* store.putIfAbsent("a", bytes("abcdef"), { k: "v" })
        for (const [read, answer] of [
          [Effect.map(store.get("a"), (found) => Buffer.from(Option.getOrThrow(found)).toString()), "abcdef"],
          [Effect.map(store.metadata("a"), Option.getOrThrow), { k: "v" }],
          [store.list(""), [{ name: "a", size: 6 }]]
        ] as const) {
          server.misbehave(fault)
          expect(yield* Effect.asSome<unknown, unknown, never>(read)).toEqual(Option.some(answer))
        }
        server.misbehave(fault)
        yield* store.remove("a")
        expect(server.objects.size).toBe(0)
      })
    )

  it.live("within a bound, then says where, why and that nothing is lost", () =>
    Effect.gen(function* () {
      const store = storeOf({ ...patient, retryFor: Duration.seconds(40) })
      server.misbehave(
        ...Array.from({ length: 1000 }, (): Misbehaviour => ({ status: 503, message: "Backend Error" }))
      )
      const error = yield* Effect.flip(store.putIfAbsent("log/plan", bytes("x")))
      expect(error).toMatchObject({ _tag: "ObjectStoreUnavailable", name: "log/plan", retryable: true })
      expect(error.message).toMatch(
        /^Cannot write gs:\/\/test-bucket\/pre\/fix\/log\/plan: HTTP 503, Backend Error \(tried \d+ times\)\. Cloud Storage is overloaded or cannot be reached; nothing was lost, and work goes on when it answers\.$/
      )
      expect(error.cause).toBeUndefined()
      // 0.2, 0.4, … s: pauses grow, or there would be a hundred.
      expect(server.requests.length).toBeGreaterThan(2)
      expect(server.requests.length).toBeLessThan(15)
      // Two real seconds: time for a third try on the busiest machine.
    }).pipe((effect) => hurried(effect, 20))
  )

  it.live("when nobody listens, or the name has no address", () =>
    Effect.gen(function* () {
      const port = yield* Effect.promise(
        () =>
          new Promise<number>((resolve) => {
            const socket = net.createServer().listen(0, "127.0.0.1", () => {
              const { port } = socket.address() as net.AddressInfo
              socket.close(() => resolve(port))
            })
          })
      )
      for (const endpoint of [`http://127.0.0.1:${port}`, "http://nowhere.invalid"]) {
        const store = storeOf({ ...patient, endpoint, retryFor: Duration.seconds(1) })
        const error = yield* Effect.flip(store.get("a"))
        expect(error.retryable, error.message).toBe(true)
        expect(error.message).toMatch(/ECONNREFUSED|ENOTFOUND|EAI_AGAIN/)
        expect(error.message).toMatch(/tried \d+ times/)
      }
    }).pipe(hurried)
  )
})

describe("bytes that change on their way", () => {
  it.live("a read is made again, and goes well", () =>
    Effect.gen(function* () {
      const store = storeOf(patient)
      yield* store.putIfAbsent("a", bytes("abcdef"))
      server.misbehave("flipped bit", "flipped bit")
      expect(Buffer.from(Option.getOrThrow(yield* store.get("a"))).toString()).toBe("abcdef")
    })
  )

  it.live("a read that stays wrong names object and both checksums", () =>
    Effect.gen(function* () {
      const store = storeOf(patient)
      yield* store.putIfAbsent("a", bytes("123456789"))
      server.misbehave("flipped bit", "flipped bit", "flipped bit")
      const error = yield* Effect.flip(store.get("a"))
      expect(error.retryable).toBe(false)
      expect(error.message).toMatch(
        /^Cannot read gs:\/\/test-bucket\/pre\/fix\/a: its checksum \(crc32c\) is 4waSgw==, but the bytes that arrived have [A-Za-z0-9+/]{6}== \(tried 3 times\)\./
      )
    })
  )

  it.live("a put that is stored with another checksum is an error, and so is the object found later", () =>
    Effect.gen(function* () {
      const store = storeOf(patient)
      server.misbehave("stored flipped")
      const put = yield* Effect.flip(store.putIfAbsent("a", bytes("123456789"), { k: "v" }))
      const found = yield* Effect.flip(store.metadata("a"))
      for (const error of [put, found]) {
        expect(error.retryable).toBe(false)
        expect(error.message).toContain("gs://test-bucket/pre/fix/a")
        expect(error.message).toMatch(
          /it is stored with checksum \(crc32c\) [A-Za-z0-9+/]{6}==, but the bytes that were sent have 4waSgw==/
        )
      }
      // Nothing was removed.
      expect(server.objects.size).toBe(1)
      expect(kinds()).toEqual(["put", "metadata"])
    })
  )

  it.live("a server that names no checksums is refused, whatever is asked", () =>
    Effect.gen(function* () {
      const store = storeOf(patient)
      server.flaws.noChecksums = true
      for (const call of [Effect.asVoid(store.putIfAbsent("a", bytes("x"))), Effect.asVoid(store.get("a"))]) {
        const error = yield* Effect.flip(call)
        expect(error.message).toContain("names no checksum")
        expect(error.retryable).toBe(false)
      }
    })
  )
})

const folder = fs.mkdtempSync(path.join(os.tmpdir(), "musify-gcs-"))
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }))

/** A key file that gets its tokens from the test's server, for whatever `subject` says. */
const keyFile = (subject: string): string => {
  const file = path.join(folder, "key.json")
  fs.writeFileSync(path.join(folder, "subject"), subject)
  fs.writeFileSync(
    file,
    JSON.stringify({
      type: "external_account",
      audience: "//iam.googleapis.com/locations/global/workforcePools/pool/providers/provider",
      subject_token_type: "urn:ietf:params:oauth:token-type:jwt",
      token_url: `${server.endpoint}/token`,
      credential_source: { file: path.join(folder, "subject") },
      client_email: "loader@project.iam.gserviceaccount.com"
    })
  )
  return file
}

describe("what the server refuses", () => {
  it.live("credentials: says which identity was refused what, and goes on with rotated ones", () =>
    Effect.gen(function* () {
      server.flaws.token = "token for new"
      const store = storeOf({ ...patient, keyFile: keyFile("old") })
      const error = yield* Effect.flip(store.putIfAbsent("a", bytes("x")))
      expect(error.retryable).toBe(true)
      expect(error.message).toBe(
        "Cannot write gs://test-bucket/pre/fix/a: HTTP 401, Invalid Credentials, asked as loader@project.iam.gserviceaccount.com. Give that identity the right (roles/storage.objectUser on the bucket) or rotate its credentials; work then goes on by itself."
      )
      // Nothing is asked twice: only a person or a rotation mends it.
      expect(kinds()).toEqual(["token", "put"])
      keyFile("new")
      expect(yield* store.putIfAbsent("a", bytes("x"))).toBe("created")
      expect(server.requests.at(-1)?.authorization).toBe("Bearer token for new")
    })
  )

  it.live("a key file that cannot be used is named, and read again when it is mended", () =>
    Effect.gen(function* () {
      const file = path.join(folder, "mended.json")
      const store = storeOf({ ...patient, keyFile: file })
      const problems: Array<string> = []
      for (const mend of [
        () => fs.writeFileSync(file, "secret, no JSON"),
        () => fs.copyFileSync(keyFile("a"), file)
      ]) {
        const error = yield* Effect.flip(store.get("a"))
        expect(error.retryable).toBe(true)
        expect(error.message).toContain("--gcs-key-file")
        expect(error.message).not.toContain("secret")
        problems.push(error.message.split(". ")[0])
        mend()
      }
      expect(problems).toEqual([
        `Cannot read gs://test-bucket/pre/fix/a: the key file ${file} cannot be read (ENOENT)`,
        `Cannot read gs://test-bucket/pre/fix/a: the key file ${file} holds no JSON`
      ])
      expect(server.requests).toEqual([])
      expect(Option.isNone(yield* store.get("a"))).toBe(true)
    })
  )

  it.live("a right: the server's own words, at once", () =>
    Effect.gen(function* () {
      const store = storeOf(patient)
      const said = "x@y.iam.gserviceaccount.com does not have storage.objects.create access"
      server.misbehave({ status: 403, message: said, reason: "forbidden" })
      const error = yield* Effect.flip(store.putIfAbsent("a", bytes("x")))
      expect(error.retryable).toBe(true)
      expect(error.message).toContain(`HTTP 403, ${said}`)
      expect(error.message).toContain("asked as an anonymous caller")
      expect(server.requests.length).toBe(1)
    })
  )

  it.live("a bucket that is not there: one message, at once, whatever is asked", () =>
    Effect.gen(function* () {
      const store = storeOf({ ...patient, bucket: "no-such-bucket" })
      for (const call of [
        store.putIfAbsent("a", bytes("x")),
        store.get("a"),
        store.metadata("a"),
        store.list(""),
        store.remove("a")
      ] as ReadonlyArray<Effect.Effect<unknown, ObjectStoreUnavailable>>) {
        const error = yield* Effect.flip(call)
        expect(error.retryable).toBe(false)
        expect(error.message).toMatch(
          /^Cannot \w+ gs:\/\/no-such-bucket: HTTP 404, The specified bucket does not exist\. Make the bucket, or name another one \(--bucket\)\.$/
        )
      }
      // A listing asks for the bucket itself, too.
      expect(kinds()).toEqual(["put", "get", "metadata", "list", "bucket", "delete"])
    })
  )

  it.live("a listing that is told of a missing bucket while it is there: asked again", () =>
    Effect.gen(function* () {
      const store = storeOf()
      yield* store.putIfAbsent("a", bytes("x"))
      server.misbehave({ status: 404, message: "Not Found" })
      expect(yield* hurried(store.list(""))).toEqual([{ name: "a", size: 1 }])
      expect(kinds()).toEqual(["put", "list", "bucket", "list"])
    })
  )

  it.live("anything else: its words, at once", () =>
    Effect.gen(function* () {
      const store = storeOf(patient)
      server.misbehave({ status: 400, message: "Cloud KMS key is disabled." })
      const error = yield* Effect.flip(store.putIfAbsent("a", bytes("x")))
      expect(error.retryable).toBe(false)
      expect(error.message).toContain(
        "Cannot write gs://test-bucket/pre/fix/a: HTTP 400, Cloud KMS key is disabled."
      )
      expect(server.requests.length).toBe(1)
    })
  )
})

describe("the start", () => {
  const start = (writer?: string, more: Partial<GcsOptions> = {}) =>
    Effect.scoped(Layer.build(layer(options({ ...patient, ...more }), writer)))

  it.live("proves that a second put is refused, and leaves nothing", () =>
    Effect.gen(function* () {
      yield* start("ingestor-1")
      expect(kinds()).toEqual(["put", "put", "get", "delete"])
      expect(server.requests[0].name).toMatch(/^pre\/fix\/probe\/ingestor-1-[0-9a-f]+$/)
      expect(server.objects.size).toBe(0)
    })
  )

  it.live("goes well when answers get lost", () =>
    Effect.gen(function* () {
      for (const faults of [
        ["reset after"],
        ["none", "reset after"],
        ["none", "none", "reset after"]
      ] as const) {
        server.misbehave(...faults)
        yield* start("w")
        expect(server.objects.size).toBe(0)
      }
    }).pipe(hurried)
  )

  it.live("refuses a store that overwrites, and leaves nothing", () =>
    Effect.gen(function* () {
      server.flaws.overwrites = true
      const error = yield* Effect.flip(start("w"))
      expect(error.message).toMatch(
        /^gs:\/\/test-bucket\/pre\/fix\/ overwrites objects .* was not answered with 412\. .*ifGenerationMatch=0\.$/
      )
      expect(error.retryable).toBe(false)
      expect(server.objects.size).toBe(0)
    })
  )

  it.live("of a reader asks nothing", () =>
    Effect.gen(function* () {
      yield* start()
      expect(server.requests).toEqual([])
    })
  )

  it.live("refuses the variable that would send everything elsewhere", () =>
    Effect.gen(function* () {
      process.env.STORAGE_EMULATOR_HOST = "http://127.0.0.1:1"
      const error = yield* Effect.flip(start("w"))
      expect(error.message).toContain("STORAGE_EMULATOR_HOST")
      expect(server.requests).toEqual([])
    }).pipe(Effect.ensuring(Effect.sync(() => delete process.env.STORAGE_EMULATOR_HOST)))
  )
})

describe("listings", () => {
  it.live("come in pages, some of them empty", () =>
    Effect.gen(function* () {
      const store = storeOf()
      const all = Array.from({ length: 23 }, (_, i) => `log/t/${String(i).padStart(3, "0")}`)
      yield* Effect.forEach(all, (name) => store.putIfAbsent(name, bytes(name)), { concurrency: 8 })
      Object.assign(server.flaws, { pageSize: 4, emptyPages: true })
      const names = (entries: ReadonlyArray<{ readonly name: string }>) => entries.map(({ name }) => name)
      expect(names(yield* store.list("log/"))).toEqual(all)
      expect(names(yield* store.list("log/", { startAt: "log/t/007", limit: 9 }))).toEqual(all.slice(7, 16))
      expect(names(yield* store.list("log/", { startAt: "log/t/007\u0000", limit: 9 }))).toEqual(
        all.slice(8, 17)
      )
      expect(names(yield* store.list("log/", { startAt: "log/t/0070" }))).toEqual(all.slice(8))
    })
  )
})

type Step =
  | {
      readonly op: "put" | "get" | "metadata" | "remove"
      readonly name: string
      readonly faults: ReadonlyArray<Misbehaviour>
    }
  | {
      readonly op: "list"
      readonly name: string
      readonly limit: number
      readonly faults: ReadonlyArray<Misbehaviour>
    }

const arbitraryFaults = fc.array(
  fc.constantFrom<Misbehaviour>("none", "reset before", "reset after", { status: 503 }, { status: 429 }),
  { maxLength: 4 }
)
const arbitraryName = fc.constantFrom("a", "a-b", "a/é", "a/2", "a/20", "b c?&#%+=/x", "log/0")
const arbitraryStep: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    op: fc.constantFrom(
      "put" as const,
      "put" as const,
      "get" as const,
      "metadata" as const,
      "remove" as const
    ),
    name: arbitraryName,
    faults: arbitraryFaults
  }),
  fc.record({
    op: fc.constant("list" as const),
    name: arbitraryName,
    limit: fc.integer({ min: 1, max: 5 }),
    faults: arbitraryFaults
  })
)

describe("against the model", () => {
  it.live(
    "any calls under any passing faults answer as memory does; a put whose answer was lost says that it exists",
    () =>
      Effect.promise(() =>
        fc.assert(
          fc.asyncProperty(fc.array(arbitraryStep, { maxLength: 12 }), (steps) =>
            Effect.runPromise(
              Effect.gen(function* () {
                server.objects.clear()
                Object.assign(server.flaws, { pageSize: 2 })
                const model = makeMemoryObjectStore()
                const store = storeOf({ timeoutMs: 1_000_000_000, retryFor: Duration.days(1) })
                for (const [i, step] of steps.entries()) {
                  server.misbehave(...step.faults)
                  if (step.op === "put") {
                    const wanted = yield* model.putIfAbsent(step.name, bytes(String(i)))
                    const told = yield* store.putIfAbsent(step.name, bytes(String(i)), { put: String(i) })
                    const lost = step.faults.includes("reset after")
                    expect(lost ? ["exists", wanted] : [wanted]).toContain(told)
                  } else if (step.op === "remove") {
                    yield* model.remove(step.name)
                    yield* store.remove(step.name)
                  } else if (step.op === "list") {
                    const listing = { startAt: step.name, limit: step.limit }
                    expect(yield* store.list("a", listing)).toEqual(yield* model.list("a", listing))
                  } else {
                    const wanted = Option.map(yield* model.get(step.name), (found) =>
                      Buffer.from(found).toString()
                    )
                    const told =
                      step.op === "get"
                        ? Option.map(yield* store.get(step.name), (found) => Buffer.from(found).toString())
                        : Option.map(yield* store.metadata(step.name), ({ put }) => put)
                    expect(told).toEqual(wanted)
                  }
                }
              }).pipe((effect) => Effect.withClock(effect, makeScaledClock(1000)))
            )
          ),
          { numRuns: 25 }
        )
      )
  )
})
