import { execFile } from "node:child_process"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import process from "node:process"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { it } from "@effect/vitest"
import { nodeArguments } from "@musify/runtime/testing/nodeArguments.ts"
import { Effect, Layer, Option } from "effect"
import { afterAll, beforeAll, describe, expect, inject } from "vitest"
import type { Service } from "../../../../tools/services/Services.ts"
import { startStorageServer } from "../../../../tools/services/Services.ts"
import { objectStoreContract } from "../ObjectStore.contract.ts"
import { layer, makeGcsObjectStore } from "./GcsObjectStore.ts"
import { defaultGcsOptions } from "./GcsOptions.ts"
import { makeBucket } from "./testing/makeBucket.ts"

const endpoint = inject("gcsEndpoint")
const bucket = "object-store"
let prefixes = 0
beforeAll(() => makeBucket(endpoint, bucket))

const options = (prefix = `p${prefixes++}/`) => ({ ...defaultGcsOptions, bucket, prefix, endpoint })
const text = (found: Option.Option<Uint8Array>) => new TextDecoder().decode(Option.getOrThrow(found))

objectStoreContract(
  "Cloud Storage server",
  Effect.sync(() => makeGcsObjectStore(options()))
)

describe("on a Cloud Storage server", () => {
  it.live("exactly one of two processes creates each name", () =>
    Effect.gen(function* () {
      const { prefix } = options()
      const racer = fileURLToPath(new URL("../testing/racePuts.ts", import.meta.url))
      const run = (writer: string) =>
        Effect.promise(() =>
          promisify(execFile)(process.execPath, [
            ...nodeArguments(racer),
            ...[`gs://${bucket}/${prefix}`, writer, "200", endpoint]
          ])
        )
      const outputs = yield* Effect.all([run("a"), run("b")], { concurrency: 2 })
      const created = outputs.map(({ stdout }) => stdout.trim().split(/\s+/).filter(Boolean))
      expect([...created[0], ...created[1]].sort()).toEqual(
        Array.from({ length: 200 }, (_, i) => `race/${i}`).sort()
      )
      const store = makeGcsObjectStore(options(prefix))
      for (const [i, names] of created.entries())
        for (const name of names) expect(text(yield* store.get(name))).toBe("ab"[i].repeat(5000))
    })
  )

  it.live("metadata and names with every kind of character come back; large objects, too", () =>
    Effect.gen(function* () {
      const store = makeGcsObjectStore(options())
      const large = new Uint8Array(20 * 1024 * 1024).map((_, i) => (i * 2654435761) >>> 13)
      const name = "lake/year=2026/é b+%?#&/1-2-3.parquet"
      const identity = { musify: '{"topic":"listen_events","hash":"0f"}' }
      expect(yield* store.putIfAbsent(name, large, identity)).toBe("created")
      expect(yield* store.putIfAbsent(name, large, { musify: "other" })).toBe("exists")
      expect(Option.getOrThrow(yield* store.metadata(name))).toEqual(identity)
      expect(Buffer.compare(Option.getOrThrow(yield* store.get(name)), large)).toBe(0)
      expect(yield* store.list("lake/")).toEqual([{ name, size: large.length }])
    })
  )

  it.live("the start finds a true 412 and leaves nothing; a bucket that is not there is one message", () =>
    Effect.gen(function* () {
      const probed = options()
      yield* Effect.scoped(Layer.build(layer(probed, "writer")))
      expect(yield* makeGcsObjectStore(probed).list("")).toEqual([])
      const error = yield* Effect.flip(
        Effect.scoped(Layer.build(layer({ ...options(), bucket: "no-such-bucket" }, "writer")))
      )
      expect(error.message).toMatch(/gs:\/\/no-such-bucket: HTTP 404.*Make the bucket, or name another one/)
    })
  )
})

describe("a server that is killed", () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "musify-gcs-service-"))
  let server: Service
  beforeAll(async () => {
    server = await startStorageServer({ folder })
    await makeBucket(server.address, bucket)
  })
  afterAll(async () => {
    await server.stop()
    fs.rmSync(folder, { recursive: true, force: true })
  })

  it.live("and comes back: puts wait for it, and whatever was acknowledged is there", () =>
    Effect.gen(function* () {
      const store = makeGcsObjectStore({ ...options("k/"), endpoint: server.address })
      let acknowledged = 0
      const put = (i: number) =>
        Effect.tap(store.putIfAbsent(`n/${i}`, new TextEncoder().encode(`object ${i}`)), () =>
          Effect.sync(() => acknowledged++)
        )
      const running = yield* Effect.fork(
        Effect.forEach(
          Array.from({ length: 400 }, (_, i) => i),
          put,
          { concurrency: 8 }
        )
      )
      for (let round = 0; round < 3; round++) {
        const before = acknowledged
        while (acknowledged < Math.min(400, before + 20)) yield* Effect.sleep(1)
        yield* Effect.promise(() => server.kill())
        yield* Effect.promise(() => server.restart())
      }
      const answers = yield* running
      // "exists" where the answer to the put itself was lost.
      expect(answers.every((answer) => answer === "created" || answer === "exists")).toBe(true)
      const found = yield* store.list("n/")
      expect(found.length).toBe(400)
      for (let i = 0; i < 400; i += 37) expect(text(yield* store.get(`n/${i}`))).toBe(`object ${i}`)
    })
  )
})
