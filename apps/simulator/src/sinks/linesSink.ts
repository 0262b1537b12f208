import { byTopic, topics } from "@musify/domain/Topic.ts"
import { fileError, UserError } from "@musify/runtime/UserError.ts"
import { Clock, Effect, type Scope } from "effect"
import { Buffer } from "node:buffer"
import * as fs from "node:fs"
import { join } from "node:path"
import { promisify } from "node:util"
import { type EventSink, onePartition } from "../EventSink.ts"
import type { WrittenBatch } from "../EventWriter.ts"
import { type Compression, compressionSuffix, type Compressor, makeCompressor } from "./compression.ts"
import { DirectFile } from "./DirectFile.ts"
import type { OutputFolder } from "./OutputFolder.ts"

export interface LinesOptions {
  readonly compression: Compression
  /** Between topic and compression in a file's name: ".ndjson", or "" for Eventsim's names. */
  readonly extension: string
  /** Clock ms between two notes of what lasts (default 1,000). */
  readonly noteEveryMs?: number
  /** Clock ms after which a compressed member ends also when it is small (default 10,000): small ones compress badly. */
  readonly memberEveryMs?: number
  /** Bytes of lines in a compressed member at most (default 1 MiB). */
  readonly memberBytes?: number
}

/** An append with less follows the clock rather than making history. */
const liveBytes = 1 << 18

const bytesOf = (batches: ReadonlyArray<WrittenBatch>): number =>
  batches.reduce((sum, { records }) => sum + records.values.data.length, 0)

/** The names of the files, in the order of `topics`. */
export const linesNames = ({
  compression,
  extension
}: Pick<LinesOptions, "compression" | "extension">): ReadonlyArray<string> =>
  topics.map((topic) => `${topic}${extension}${compressionSuffix[compression]}`)

const fdatasync = promisify(fs.fdatasync)

/** A file that grows. What is behind `bytes` when it is opened was not noted before a stop: it is cut off. */
class GrowingFile {
  readonly name: string
  bytes: number
  records: number
  private readonly file: DirectFile
  private readonly compress: Compressor | undefined
  /** Lines that wait to become a member. */
  private pending: Array<Buffer> = []
  pendingBytes = 0
  private pendingRecords = 0

  constructor(
    folder: string,
    name: string,
    bytes: number,
    records: number,
    compress: Compressor | undefined
  ) {
    this.name = name
    this.bytes = bytes
    this.records = records
    this.compress = compress
    const path = join(folder, name)
    const size = fs.statSync(path, { throwIfNoEntry: false })?.size ?? 0
    if (size < bytes) {
      throw new UserError({
        message: `${path} has ${size} bytes, but ${bytes} were written: it was changed. Restore it, or begin anew with --overwrite.`,
        exitCode: 2
      })
    }
    this.file = new DirectFile(path, bytes)
  }

  take({ records }: WrittenBatch): void {
    if (this.compress === undefined) {
      this.write(records.values.data)
      this.records += records.count
    } else {
      this.pending.push(Buffer.from(records.values.data))
      this.pendingBytes += records.values.data.length
      this.pendingRecords += records.count
    }
  }

  /** Compresses and writes the lines that wait. */
  async flush(): Promise<void> {
    if (this.compress === undefined || this.pendingRecords === 0) return
    const lines = Buffer.concat(this.pending)
    const records = this.pendingRecords
    this.pending = []
    this.pendingBytes = 0
    this.pendingRecords = 0
    this.write(await this.compress(lines))
    this.records += records
  }

  /** Hands all lines so far to the system, for whoever reads along. */
  show(): void {
    this.file.flush()
  }

  sync(): Promise<void> {
    this.file.flush()
    return fdatasync(this.file.descriptor)
  }

  close(): void {
    this.file.close()
  }

  private write(data: Uint8Array): void {
    this.file.write(data)
    this.bytes += data.length
  }
}

/**
 * Files of lines by topic in a folder. What lasts is noted about once a second of the clock, and at the end; after any
 * stop the files are cut to what was noted, and the simulation goes on with the next event.
 */
export const linesSink = (
  folder: OutputFolder,
  options: LinesOptions
): Effect.Effect<EventSink<UserError>, UserError, Scope.Scope> =>
  Effect.gen(function* () {
    const { compression } = options
    const noteEveryMs = options.noteEveryMs ?? 1_000
    const memberEveryMs = options.memberEveryMs ?? 10_000
    const memberBytes = options.memberBytes ?? 1 << 20
    const failed = (cause: unknown) =>
      cause instanceof UserError ? cause : fileError(`write the events to ${folder.path}`, cause)
    const attempt = <A>(evaluate: () => A) => Effect.try({ try: evaluate, catch: failed })
    const attemptPromise = <A>(evaluate: () => Promise<A>) =>
      Effect.tryPromise({ try: evaluate, catch: failed })

    const compress =
      compression === "none" ? undefined : yield* Effect.promise(() => makeCompressor(compression))
    const names = linesNames(options)
    const { durable } = folder
    const files: Array<GrowingFile> = []
    yield* Effect.addFinalizer(() => Effect.sync(() => files.forEach((file) => file.close())))
    yield* attempt(() => {
      for (const [t, name] of names.entries()) {
        files.push(
          new GrowingFile(folder.path, name, durable.bytes[name] ?? 0, durable.records[topics[t]], compress)
        )
      }
    })

    const flush = (least: number) =>
      Promise.all(files.filter((file) => file.pendingBytes >= least).map((file) => file.flush()))

    let notedAt = yield* Clock.currentTimeMillis
    let flushedAt = notedAt
    let noting: Promise<void> | undefined
    let failure: unknown
    // The disk catches up while the simulation goes on: what is noted is what had been written when this began.
    const note = (): Promise<void> => {
      const bytes = Object.fromEntries(files.map((file) => [file.name, file.bytes]))
      const records = byTopic(files.map((file) => file.records))
      return Promise.all(files.map((file) => file.sync())).then(() => folder.note({ bytes, records }))
    }

    const append = (batches: ReadonlyArray<WrittenBatch>) =>
      Effect.gen(function* () {
        yield* attempt(() => {
          if (failure !== undefined) throw failure
          for (const batch of batches) files[topics.indexOf(batch.topic)].take(batch)
          if (bytesOf(batches) < liveBytes) for (const file of files) file.show()
        })
        const now = yield* Clock.currentTimeMillis
        if (compress !== undefined) {
          const all = now - flushedAt >= memberEveryMs
          if (all) flushedAt = now
          yield* attemptPromise(() => flush(all ? 1 : memberBytes))
        }
        if (now - notedAt < noteEveryMs || noting !== undefined) return
        notedAt = now
        noting = note()
          .catch((cause) => void (failure = cause))
          .finally(() => (noting = undefined))
      })

    // One thing at a time, also when the end comes while an append is under way.
    const turn = Effect.unsafeMakeSemaphore(1)
    let broken = false
    yield* Effect.addFinalizer(() =>
      attemptPromise(async () => {
        await noting
        if (broken) return
        broken = true
        if (failure !== undefined) throw failure
        await flush(1)
        await note()
      }).pipe(turn.withPermits(1), Effect.orDie)
    )
    return {
      partitions: onePartition,
      positions: topics.map((topic) => [durable.records[topic]]),
      newline: true,
      append: (batches) =>
        Effect.suspend(() => (broken ? Effect.interrupt : append(batches))).pipe(
          Effect.tapError(() => Effect.sync(() => (broken = true))),
          Effect.uninterruptible,
          turn.withPermits(1)
        )
    } satisfies EventSink<UserError>
  })
