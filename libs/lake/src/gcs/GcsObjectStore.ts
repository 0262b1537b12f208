import { Buffer } from "node:buffer"
import process from "node:process"
import { type Duration, Effect, Layer, Metric, Option, Random, Schedule } from "effect"
import type { ObjectEntry, ObjectStoreService } from "../ObjectStore.ts"
import { ObjectStore } from "../ObjectStore.ts"
import { ObjectStoreUnavailable } from "../ObjectStoreError.ts"
import type { GcsClient } from "./GcsClient.ts"
import { makeGcsClient } from "./GcsClient.ts"
import type { GcsFault } from "./gcsFault.ts"
import { faultOf } from "./gcsFault.ts"
import type { GcsOptions } from "./GcsOptions.ts"
import { within } from "./within.ts"

/** Requests to Cloud Storage that were tried again. */
export const retries = Metric.counter("musify_store_retries_total", {
  description: "Requests to Cloud Storage that were tried again.",
  incremental: true
})

/** Waits between tries: 0.2 s, doubled up to 10 s, each made up to a fifth shorter or longer so that many do not keep step. */
const retrySchedule = (retryFor: Duration.Duration) =>
  Schedule.exponential("200 millis").pipe(
    Schedule.union(Schedule.spaced("10 seconds")),
    Schedule.jittered,
    Schedule.upTo(retryFor),
    Schedule.tapOutput(() => Metric.increment(retries))
  )

/** Tries of an operation whose bytes arrived changed. */
const checksumTries = 3

/** Most entries of a page; the server's own limit. */
const pageSize = 1000

const compareNames = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b))

/** What to do, where the fault does not say better. */
const advice: Readonly<Record<GcsFault["kind"], string>> = {
  transient:
    "Cloud Storage is overloaded or cannot be reached; nothing was lost, and work goes on when it answers.",
  checksum:
    "Check the network between here and the bucket, and restore the object from a backup if that goes on.",
  refused:
    "Give that identity the right (roles/storage.objectUser on the bucket) or rotate its credentials; work then goes on by itself.",
  "no bucket": "Make the bucket, or name another one (--bucket).",
  damaged: "Restore the object from a backup.",
  other: "Check the settings of the bucket and of this command (--help)."
}

const sentence = (text: string): string => `${text[0].toUpperCase()}${text.slice(1)}.`

/** A bucket of Cloud Storage; nothing is asked of it yet. */
export const makeGcsObjectStore = (options: GcsOptions): ObjectStoreService => {
  const locate = (name: string): string => `gs://${options.bucket}/${options.prefix}${name}`
  const permits = Effect.unsafeMakeSemaphore(options.concurrency)
  let client: GcsClient | undefined

  const attempt = <A>(run: (client: GcsClient, signal: AbortSignal) => Promise<A>) =>
    permits
      .withPermits(1)(
        Effect.tryPromise({
          try: (interrupted) =>
            within(options.timeoutMs, interrupted, (signal) =>
              run((client ??= makeGcsClient(options)), signal)
            ),
          catch: faultOf
        })
      )
      .pipe(
        Effect.tapError(({ kind }) =>
          // Credentials are read once by a client: the next call reads them again, perhaps rotated.
          Effect.sync(() => {
            if (kind === "refused") client = undefined
          })
        )
      )

  const unavailable = (
    what: string,
    name: string,
    fault: GcsFault,
    tries: number,
    asked: GcsClient | undefined
  ) =>
    Effect.gen(function* () {
      const where = fault.kind === "no bucket" ? `gs://${options.bucket}` : locate(name)
      const who =
        fault.kind === "refused" && asked !== undefined
          ? yield* Effect.tryPromise(asked.identity).pipe(
              Effect.timeout("5 seconds"),
              Effect.match({
                onSuccess: (identity) => `, asked as ${identity}`,
                onFailure: () => ", asked without credentials (none were found, or they cannot be read)"
              })
            )
          : ""
      const tried = tries > 1 ? ` (tried ${tries} times)` : ""
      return yield* new ObjectStoreUnavailable({
        name,
        message: `Cannot ${what} ${where}: ${fault.text}${tried}${who}. ${fault.advice === undefined ? advice[fault.kind] : sentence(fault.advice)}`,
        retryable: fault.kind === "transient" || fault.kind === "refused"
      })
    })

  /** Runs one operation: tries again what may pass, and says what it was that did not. */
  const operation = <A>(
    what: string,
    name: string,
    run: (client: GcsClient, signal: AbortSignal) => Promise<A>
  ): Effect.Effect<A, ObjectStoreUnavailable> =>
    Effect.suspend(() => {
      let tries = 0
      let asked: GcsClient | undefined
      const once = Effect.suspend(() => {
        tries++
        return attempt((client, signal) => {
          asked = client
          return run(client, signal)
        })
      })
      // What tries again is set up when there is something to be tried again: it costs more than an attempt.
      const again = (first: GcsFault) => {
        let failed: GcsFault | undefined = first
        return Effect.suspend(() => {
          if (failed === undefined) return once
          const fault = failed
          failed = undefined
          return Effect.fail(fault)
        }).pipe(
          Effect.retry({ times: checksumTries - 1, while: ({ kind }) => kind === "checksum" }),
          Effect.retry({
            schedule: retrySchedule(options.retryFor),
            while: ({ kind }) => kind === "transient"
          })
        )
      }
      return once.pipe(
        Effect.catchAll(again),
        Effect.catchAll((fault) => unavailable(what, name, fault, tries, asked))
      )
    })

  const list = (prefix: string, startAt: string, limit: number) =>
    Effect.gen(function* () {
      const found: Array<ObjectEntry> = []
      // A name just behind another one is told by a NUL, which no object's name holds: ask from the part before it.
      const startOffset = startAt.split("\u0000")[0]
      let pageToken: string | undefined
      do {
        const wanted = limit - found.length + (startOffset === startAt ? 0 : 1)
        const page = yield* operation("list", prefix, (client) =>
          client.page({
            prefix: options.prefix + prefix,
            startOffset: startOffset === "" ? "" : options.prefix + startOffset,
            maxResults: Math.min(pageSize, wanted),
            pageToken
          })
        )
        for (const { name, size } of page.entries) {
          const own = name.slice(options.prefix.length)
          if (compareNames(own, startAt) >= 0 && found.length < limit) found.push({ name: own, size })
        }
        pageToken = page.next
      } while (pageToken !== undefined && found.length < limit)
      return found
    })

  return {
    putIfAbsent: (name, bytes, metadata = {}) =>
      operation("write", name, (client) => client.put(options.prefix + name, bytes, metadata)),
    get: (name) =>
      operation("read", name, (client, signal) => client.get(options.prefix + name, signal)).pipe(
        Effect.map(Option.fromNullable)
      ),
    metadata: (name) =>
      operation("read", name, (client) => client.metadata(options.prefix + name)).pipe(
        Effect.map(Option.fromNullable)
      ),
    list: (prefix, { limit = Number.POSITIVE_INFINITY, startAt = "" } = {}) => list(prefix, startAt, limit),
    remove: (name) => operation("remove", name, (client) => client.remove(options.prefix + name)),
    locate
  }
}

/** The client library would quietly send everything to another server. */
const refuseEmulatorVariable = Effect.suspend(() =>
  (process.env.STORAGE_EMULATOR_HOST ?? "") === ""
    ? Effect.void
    : new ObjectStoreUnavailable({
        name: "",
        message:
          "The environment variable STORAGE_EMULATOR_HOST is set, which would send the lake to another server. Unset it; to use another server name it with --gcs-endpoint.",
        retryable: false
      })
)

/**
 * Proves, with an object `probe/<writer>-<random>` that goes again, that the bucket can be written and read and that a second put
 * of a name is refused: everything else relies on it.
 */
const checkPutIfAbsent = (
  store: ObjectStoreService,
  writer: string
): Effect.Effect<void, ObjectStoreUnavailable> =>
  Effect.flatMap(Random.nextIntBetween(0, 2 ** 32), (random) => {
    // Processes in containers of their own may have the same name.
    const name = `probe/${writer}-${random.toString(16)}`
    const bytes = (text: string) => Buffer.from(text)
    const overwrites = new ObjectStoreUnavailable({
      name,
      message: `${store.locate("")} overwrites objects that it was asked to write only if absent: the second put of ${store.locate(name)} was not answered with 412. Exactly-once needs that answer. Use Cloud Storage, or a server that knows ifGenerationMatch=0.`,
      retryable: false
    })
    return Effect.gen(function* () {
      yield* store.putIfAbsent(name, bytes("first"))
      const second = yield* store.putIfAbsent(name, bytes("second"))
      const stored = yield* store.get(name)
      if (second !== "exists" || Option.isNone(stored) || Buffer.from(stored.value).toString() !== "first")
        return yield* overwrites
    }).pipe(Effect.ensuring(Effect.ignore(store.remove(name))))
  })

/**
 * A bucket of Cloud Storage. With `writer` (who writes, for the name of a probe) the start proves that
 * the bucket can be written and never overwrites; without it nothing is written: for readers.
 */
export const layer = (
  options: GcsOptions,
  writer?: string
): Layer.Layer<ObjectStore, ObjectStoreUnavailable> =>
  Layer.effect(
    ObjectStore,
    Effect.gen(function* () {
      yield* refuseEmulatorVariable
      const store = makeGcsObjectStore(options)
      if (writer !== undefined) yield* checkPutIfAbsent(store, writer)
      return store
    })
  )
