import type { Topic } from "@musify/domain/Topic.ts"
import { UserError } from "@musify/runtime/UserError.ts"
import type { RootDatabase } from "lmdb"
import { open } from "lmdb"
import type { Buffer } from "node:buffer"
import fs from "node:fs"
import { decodeNote, encodeNote } from "./batchCodec.ts"
import { checkLmdbFile } from "./checkLmdbFile.ts"
import { logDamaged } from "./logFailure.ts"

/*
 * Keys of the one LMDB table (ordered-binary arrays); values are bytes with a checksum:
 *   ["log"]                                     {"format", "partitions"}
 *   ["batch", topic, partition, base, count]    a stored batch (batchCodec.ts); the key tells offsets without the value
 *   ["batch", topic, partition, base, count, segment]   {"at", "bytes"}: where it lies in that segment (segments.ts)
 *   ["range", topic, partition]                 {"start", "end"}: kept beside the batches, so that a damaged key that
 *                                               makes batches vanish is noticed
 *   ["group", group, topic, partition]          a committed offset
 *   ["segments"], ["segment", number]           the next segment's number; a segment that may be referred to
 * One put per batch: a put per event was the limit at 100,000/s.
 */

/** 2: with segments and headers, which format 1 did not know. */
const format = 2

export type Key = Array<string | number>
export type Table = RootDatabase<Buffer, Key>

export interface LmdbEventLogOptions {
  /** Folder of the log; made when it is missing. */
  readonly path: string
  /** Partitions per topic. Fixed when the log is made (default 2); another number later is refused. */
  readonly partitions?: number
  /** Appends of at least so many bytes go into segments (default 256 KiB), where they cost less. */
  readonly segmentBytes?: number
}

export const openTable = (options: LmdbEventLogOptions, file: string): Table => {
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

export const readNote = (table: Table, file: string, key: Key): unknown => {
  const bytes = table.get(key)
  return bytes === undefined ? undefined : noteOf(bytes, file, key)
}

/** What a value that is a note says. */
export const noteOf = (bytes: Uint8Array, file: string, key: Key): unknown => {
  const text = decodeNote(bytes)
  if (text === undefined) throw logDamaged(file, `the note ${key.join("/")} is`)
  return JSON.parse(text)
}

export const writeNote = (table: Table, key: Key, value: unknown): void =>
  void table.put(key, encodeNote(JSON.stringify(value)))

/** Reads the log's own description, or makes it; answers its number of partitions. */
export const describe = (table: Table, options: LmdbEventLogOptions, file: string): number => {
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
  if (description.format < format) {
    table.transactionSync(() => writeNote(table, ["log"], { ...description, format }))
  }
  return description.partitions
}

export const last = Number.MAX_SAFE_INTEGER

/** The last batch whose first offset is at most `offset`. */
export const batchKeyAt = (
  table: Table,
  topic: Topic,
  partition: number,
  offset: number
): Key | undefined => {
  const range = {
    start: ["batch", topic, partition, offset, last],
    end: ["batch", topic, partition],
    reverse: true,
    limit: 1
  }
  for (const key of table.getKeys(range)) return key
  return undefined
}

export interface Range {
  readonly start: number
  readonly end: number
}

export const rangeOf = (table: Table, file: string, topic: Topic, partition: number): Range => {
  const noted = (readNote(table, file, ["range", topic, partition]) as Range | undefined) ?? {
    start: 0,
    end: 0
  }
  const newest = batchKeyAt(table, topic, partition, last)
  const found = newest === undefined ? noted.start : Number(newest[3]) + Number(newest[4])
  if (found !== noted.end) throw logDamaged(file, `the last records of ${topic}/${partition} are`)
  return noted
}

/** The segment that a batch's key names, if the batch lies in one. */
export const segmentOf = (key: Key): number | undefined => (key.length > 5 ? Number(key[5]) : undefined)
