import type { Topic } from "@musify/domain/Topic.ts"
import { UserError } from "@musify/runtime/UserError.ts"
import type { Scope } from "effect"
import { Clock, Effect, Layer } from "effect"
import path from "node:path"
import { decodeBatch, encodeBatch } from "./batchCodec.ts"
import type { Append, EventLogService } from "./EventLog.ts"
import { EventLog } from "./EventLog.ts"
import type { EventLogError } from "./EventLogError.ts"
import { EventLogUnavailable, OffsetOutOfRange, UnexpectedOffset } from "./EventLogError.ts"
import {
  batchKeyAt,
  describe,
  type Key,
  last,
  type LmdbEventLogOptions,
  noteOf,
  openTable,
  rangeOf,
  readNote,
  segmentOf,
  type Table,
  writeNote
} from "./lmdbTable.ts"
import { commitErrorOf, logDamaged, logFailure } from "./logFailure.ts"
import { bytesOf, SegmentAppends } from "./segmentAppends.ts"
import { type Place, removeSegments, SegmentReader } from "./segments.ts"
import { soleMember } from "./soleMember.ts"
import type { StoredBatch } from "./StoredBatch.ts"
import { cutAt, joinSlices, takeSlices } from "./StoredBatch.ts"

export type { LmdbEventLogOptions } from "./lmdbTable.ts"

/** Stored batches are not larger, so that a small read does not have to check and copy a large append. */
const maxStoredBytes = 1 << 20

/** Below, the whole pages that a segment is written in would cost more than LMDB's. */
const defaultSegmentBytes = 256 * 1024

/** The embedded log: what `EventLog` promises, and `trim`. Several processes may have it open at once. */
export interface LmdbEventLogService extends EventLogService {
  /** Forgets the records before `beforeOffset` (retention): the start moves up, offsets stay as they are. */
  readonly trim: (topic: Topic, partition: number, beforeOffset: number) => Effect.Effect<void, EventLogError>
}

const isTagged = (cause: unknown): cause is EventLogError =>
  cause instanceof UnexpectedOffset ||
  cause instanceof OffsetOutOfRange ||
  cause instanceof EventLogUnavailable

const makeService = (
  table: Table,
  file: string,
  partitions: number,
  segments: {
    readonly folder: string
    readonly reader: SegmentReader
    readonly appends: SegmentAppends
    readonly leastBytes: number
  }
): LmdbEventLogService => {
  const checkPartition = (topic: Topic, partition: number): void => {
    if (Number.isInteger(partition) && partition >= 0 && partition < partitions) return
    throw new EventLogUnavailable({
      message: `${topic} has no partition ${partition}: the log in ${file} has partitions 0 to ${partitions - 1}.`,
      retryable: false
    })
  }
  const asError = (doing: string) => (cause: unknown) =>
    isTagged(cause) ? cause : logFailure(doing, file, cause)

  const looking = <A>(look: () => A): Effect.Effect<A, EventLogError> =>
    Effect.try({ try: look, catch: asError("read the log in") })

  // All or nothing: a child transaction is undone when its body throws. Waiting for the end of a commit that has begun
  // takes milliseconds; after an interruption nobody could tell whether it took place.
  const writing = <A>(write: () => Promise<A>): Effect.Effect<A, EventLogError> =>
    Effect.uninterruptible(
      Effect.tryPromise({
        try: () =>
          write().catch(async (error) => {
            throw await commitErrorOf(error)
          }),
        catch: asError("write to the log in")
      })
    )
  const changing = <A>(change: () => A): Effect.Effect<A, EventLogError> =>
    writing(() => table.childTransaction(change) as Promise<A>)

  const appendOne = ({ expectedOffset, partition, records, topic }: Append, now: number): number => {
    const { start, end: base } = rangeOf(table, file, topic, partition)
    if (expectedOffset !== undefined && expectedOffset !== base) {
      throw new UnexpectedOffset({ topic, partition, expected: expectedOffset, found: base })
    }
    for (let from = 0; from < records.count;) {
      const to = cutAt(records, from, maxStoredBytes)
      const key = ["batch", topic, partition, base + from, to - from]
      void table.put(key, encodeBatch(records, from, to, base + from, now))
      from = to
    }
    if (records.count > 0) writeNote(table, ["range", topic, partition], { start, end: base + records.count })
    return base
  }

  /** The bytes of a batch: the value itself, or what lies where the value says. */
  const storedAt = (key: Key, value: Uint8Array): Uint8Array => {
    const segment = segmentOf(key)
    if (segment === undefined) return value
    try {
      return segments.reader.read(segment, noteOf(value, file, key) as Place)
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== "ENOENT") throw cause
      throw logDamaged(segments.reader.fileOf(segment), "it is missing, which is")
    }
  }

  const batchesFrom = function* (topic: Topic, partition: number, offset: number): Iterable<StoredBatch> {
    const first = batchKeyAt(table, topic, partition, offset)
    const range = { start: first ?? ["batch", topic, partition], end: ["batch", topic, partition, last] }
    let next: number | undefined
    for (const { key, value } of table.getRange(range)) {
      const [base, count] = [Number(key[3]), Number(key[4])]
      const batch = decodeBatch(storedAt(key, value), base, count)
      // Offsets are dense: a batch that is not where the one before ends tells of a damaged key.
      if (batch === undefined || (next === undefined ? base + count <= offset : base !== next)) {
        const segment = segmentOf(key)
        throw logDamaged(
          segment === undefined ? file : segments.reader.fileOf(segment),
          `the records of ${topic}/${partition} around offset ${base} are`
        )
      }
      next = base + count
      yield batch
    }
  }

  const oneLarge = Effect.unsafeMakeSemaphore(1)

  const log: LmdbEventLogService = {
    partitions: () => Effect.succeed(partitions),
    join: () => soleMember(log),
    append: (batches) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) =>
        bytesOf(batches) >= segments.leastBytes
          ? oneLarge.withPermits(1)(
              writing(async () => {
                for (const { partition, topic } of batches) checkPartition(topic, partition)
                return segments.appends.append(batches, now)
              })
            )
          : changing(() => {
              for (const { partition, topic } of batches) checkPartition(topic, partition)
              return batches.map((batch) => appendOne(batch, now))
            })
      ),
    read: (topic, partition, offset, maxBytes) =>
      looking(() => {
        checkPartition(topic, partition)
        const range = rangeOf(table, file, topic, partition)
        if (!(offset >= range.start && offset <= range.end)) {
          throw new OffsetOutOfRange({ topic, partition, offset, ...range })
        }
        if (offset === range.end) return joinSlices([])
        return joinSlices(takeSlices(batchesFrom(topic, partition, offset), offset, maxBytes))
      }),
    range: (topic, partition) =>
      looking(() => {
        checkPartition(topic, partition)
        return rangeOf(table, file, topic, partition)
      }),
    commit: (group, topic, partition, offset) =>
      changing(() => {
        checkPartition(topic, partition)
        writeNote(table, ["group", group, topic, partition], offset)
      }),
    committed: (group, topic, partition) =>
      looking(() => {
        checkPartition(topic, partition)
        return readNote(table, file, ["group", group, topic, partition]) as number | undefined
      }),
    trim: (topic, partition, beforeOffset) =>
      changing(() => {
        checkPartition(topic, partition)
        const range = rangeOf(table, file, topic, partition)
        const start = Math.min(Math.max(beforeOffset, range.start), range.end)
        writeNote(table, ["range", topic, partition], { start, end: range.end })
        const batches = { start: ["batch", topic, partition], end: ["batch", topic, partition, start] }
        for (const key of [...table.getKeys(batches)]) {
          if (Number(key[3]) + Number(key[4]) <= start) void table.remove(key)
        }
        const used = new Set<number | undefined>()
        for (const key of table.getKeys({ start: ["batch"], end: ["batch", "~"] })) used.add(segmentOf(key))
        const known = new Set<number>()
        for (const key of [...table.getKeys({ start: ["segment"], end: ["segment", last] })]) {
          const segment = Number(key[1])
          if (used.has(segment)) known.add(segment)
          // A process that is about to write into it notices, and makes another.
          else void table.remove(key)
        }
        return known
      }).pipe(
        Effect.flatMap((known) => looking(() => removeSegments(segments.folder, (one) => known.has(one))))
      )
  }
  return log
}

/** Opens (or makes) the log. Fails with a UserError for a wrong number of partitions or a newer format. */
export const makeLmdbEventLog = (
  options: LmdbEventLogOptions
): Effect.Effect<LmdbEventLogService, EventLogUnavailable | UserError, Scope.Scope> => {
  const file = path.join(options.path, "data.mdb")
  const asError = (cause: unknown) =>
    cause instanceof UserError || cause instanceof EventLogUnavailable
      ? cause
      : logFailure("open the log in", file, cause)
  return Effect.gen(function* () {
    const table = yield* Effect.acquireRelease(
      Effect.try({ try: () => openTable(options, file), catch: asError }),
      (opened) => Effect.promise(() => opened.close())
    )
    const partitions = yield* Effect.try({ try: () => describe(table, options, file), catch: asError })
    const folder = path.join(options.path, "segments")
    const reader = new SegmentReader(folder)
    const appends = new SegmentAppends(table, file, folder, maxStoredBytes)
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        reader.close()
        appends.close()
      })
    )
    return makeService(table, file, partitions, {
      folder,
      reader,
      appends,
      leastBytes: options.segmentBytes ?? defaultSegmentBytes
    })
  })
}

/** The embedded event log as a layer. */
export const layer = (options: LmdbEventLogOptions): Layer.Layer<EventLog, EventLogUnavailable | UserError> =>
  Layer.scoped(EventLog, makeLmdbEventLog(options))
