import type { Topic } from "@musify/domain/Topic.ts"
import { UserError } from "@musify/runtime/UserError.ts"
import type { Scope } from "effect"
import { Clock, Effect, Layer } from "effect"
import type { RootDatabase } from "lmdb"
import { open } from "lmdb"
import type { Buffer } from "node:buffer"
import fs from "node:fs"
import path from "node:path"
import { decodeBatch, decodeNote, encodeBatch, encodeNote } from "./batchCodec.ts"
import { checkLmdbFile } from "./checkLmdbFile.ts"
import type { Append, EventLogService } from "./EventLog.ts"
import { EventLog } from "./EventLog.ts"
import type { EventLogError } from "./EventLogError.ts"
import { EventLogUnavailable, OffsetOutOfRange, UnexpectedOffset } from "./EventLogError.ts"
import { commitErrorOf, logDamaged, logFailure } from "./logFailure.ts"
import { soleMember } from "./soleMember.ts"
import type { StoredBatch } from "./StoredBatch.ts"
import { cutAt, joinSlices, takeSlices } from "./StoredBatch.ts"

/*
 * Keys of the one LMDB table (ordered-binary arrays); values are bytes with a checksum:
 *   ["log"]                                     {"format", "partitions"}
 *   ["batch", topic, partition, base, count]    a stored batch (batchCodec.ts); the key tells offsets without the value
 *   ["range", topic, partition]                 {"start", "end"}: kept beside the batches, so that a damaged key that
 *                                               makes batches vanish is noticed
 *   ["group", group, topic, partition]          a committed offset
 * One put per batch: a put per event was the limit at 100,000/s.
 */
const format = 1
/** Stored batches are not larger, so that a small read does not have to check and copy a large append. */
const maxStoredBytes = 1 << 20

export interface LmdbEventLogOptions {
  /** Folder of the log; made when it is missing. */
  readonly path: string
  /** Partitions per topic. Fixed when the log is made (default 2); another number later is refused. */
  readonly partitions?: number
}

/** The embedded log: what `EventLog` promises, and `trim`. Several processes may have it open at once. */
export interface LmdbEventLogService extends EventLogService {
  /** Forgets the records before `beforeOffset` (retention): the start moves up, offsets stay as they are. */
  readonly trim: (topic: Topic, partition: number, beforeOffset: number) => Effect.Effect<void, EventLogError>
}

const isTagged = (cause: unknown): cause is EventLogError =>
  cause instanceof UnexpectedOffset ||
  cause instanceof OffsetOutOfRange ||
  cause instanceof EventLogUnavailable

type Key = Array<string | number>
type Table = RootDatabase<Buffer, Key>

const openTable = (options: LmdbEventLogOptions, file: string): Table => {
  fs.mkdirSync(options.path, { recursive: true })
  checkLmdbFile(file)
  // Without overlapping sync a commit has reached the disk (fdatasync of data, then of the meta page) when it returns.
  return open<Buffer, Key>({
    path: options.path,
    noSubdir: false,
    encoding: "binary",
    overlappingSync: false
  })
}

const readNote = (table: Table, file: string, key: Key): unknown => {
  const bytes = table.get(key)
  if (bytes === undefined) return undefined
  const text = decodeNote(bytes)
  if (text === undefined) throw logDamaged(file, `the note ${key.join("/")} is`)
  return JSON.parse(text)
}

const writeNote = (table: Table, key: Key, value: unknown): void =>
  void table.put(key, encodeNote(JSON.stringify(value)))

/** Reads the log's own description, or makes it; answers its number of partitions. */
const describe = (table: Table, options: LmdbEventLogOptions, file: string): number => {
  if (table.get(["log"]) === undefined) {
    table.transactionSync(() => {
      if (table.get(["log"]) !== undefined) return // another process was first
      if (table.getKeysCount({ limit: 1 }) > 0) throw logDamaged(file, "its description is")
      writeNote(table, ["log"], { format, partitions: options.partitions ?? 2 })
    })
  }
  const description = readNote(table, file, ["log"]) as {
    readonly format: number
    readonly partitions: number
  }
  if (description.format > format) {
    throw new UserError({
      message:
        `${file} was written by a newer Musify (log format ${description.format}; this one knows ${format}). ` +
        `Nothing was touched: use that release, or another folder (--data).`,
      exitCode: 2
    })
  }
  if (options.partitions !== undefined && options.partitions !== description.partitions) {
    throw new UserError({
      message:
        `The log in ${file} has ${description.partitions} partitions per topic, but ${options.partitions} were ` +
        `asked for. That is fixed when a log is made: leave the setting out, or use another folder (--data).`,
      exitCode: 2
    })
  }
  return description.partitions
}

const end = Number.MAX_SAFE_INTEGER

/** The last batch whose first offset is at most `offset`. */
const batchKeyAt = (table: Table, topic: Topic, partition: number, offset: number): Key | undefined => {
  const range = {
    start: ["batch", topic, partition, offset, end],
    end: ["batch", topic, partition],
    reverse: true,
    limit: 1
  }
  for (const key of table.getKeys(range)) return key
  return undefined
}

interface Range {
  readonly start: number
  readonly end: number
}

const rangeOf = (table: Table, file: string, topic: Topic, partition: number): Range => {
  const noted = (readNote(table, file, ["range", topic, partition]) as Range | undefined) ?? {
    start: 0,
    end: 0
  }
  const last = batchKeyAt(table, topic, partition, end)
  const found = last === undefined ? noted.start : Number(last[3]) + Number(last[4])
  if (found !== noted.end) throw logDamaged(file, `the last records of ${topic}/${partition} are`)
  return noted
}

const makeService = (table: Table, file: string, partitions: number): LmdbEventLogService => {
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
  const changing = <A>(change: () => A): Effect.Effect<A, EventLogError> =>
    Effect.uninterruptible(
      Effect.tryPromise({
        try: () =>
          (table.childTransaction(change) as Promise<A>).catch(async (error) => {
            throw await commitErrorOf(error)
          }),
        catch: asError("write to the log in")
      })
    )

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

  const batchesFrom = function* (topic: Topic, partition: number, offset: number): Iterable<StoredBatch> {
    const first = batchKeyAt(table, topic, partition, offset)
    const range = { start: first ?? ["batch", topic, partition], end: ["batch", topic, partition, end] }
    let next: number | undefined
    for (const { key, value } of table.getRange(range)) {
      const [base, count] = [Number(key[3]), Number(key[4])]
      const batch = decodeBatch(value, base, count)
      // Offsets are dense: a batch that is not where the one before ends tells of a damaged key.
      if (batch === undefined || (next === undefined ? base + count <= offset : base !== next)) {
        throw logDamaged(file, `the records of ${topic}/${partition} around offset ${base} are`)
      }
      next = base + count
      yield batch
    }
  }

  const log: LmdbEventLogService = {
    partitions: () => Effect.succeed(partitions),
    join: () => soleMember(log),
    append: (batches) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) =>
        changing(() => {
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
      })
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
    return makeService(table, file, partitions)
  })
}

/** The embedded event log as a layer. */
export const layer = (options: LmdbEventLogOptions): Layer.Layer<EventLog, EventLogUnavailable | UserError> =>
  Layer.scoped(EventLog, makeLmdbEventLog(options))
