import { pageMemory } from "@musify/runtime/directAccess.ts"
import type { Buffer } from "node:buffer"
import { encodedBytes, encodeBatchInto } from "./batchCodec.ts"
import type { Append } from "./EventLog.ts"
import { UnexpectedOffset } from "./EventLogError.ts"
import { type Key, rangeOf, readNote, type Table, writeNote } from "./lmdbTable.ts"
import { type Place, SegmentWriter } from "./segments.ts"
import { bytesBetween, cutAt } from "./StoredBatch.ts"

/** A segment that has grown beyond this is followed by another, so that trimming can remove files. */
const longestSegment = 1 << 30
/** Batches are gathered up to here before they are written. */
const stageBytes = 4 << 20

/** Bytes of all records of an append. */
export const bytesOf = (batches: ReadonlyArray<Append>): number => {
  let bytes = 0
  for (const { records } of batches) bytes += bytesBetween(records, 0, records.count)
  return bytes
}

/** The log has changed between the writing of the segment and the transaction: begin again. */
class LogMoved extends Error {}

/**
 * Large appends: the batches go into a segment first, which is synced; then one transaction makes them part of the log.
 * Killed in between, nothing was appended. Of one process; one append at a time.
 */
export class SegmentAppends {
  private readonly table: Table
  private readonly file: string
  private readonly folder: string
  private readonly maxStoredBytes: number
  private segment: SegmentWriter | undefined
  private stage: Buffer | undefined

  constructor(table: Table, file: string, folder: string, maxStoredBytes: number) {
    this.table = table
    this.file = file
    this.folder = folder
    this.maxStoredBytes = maxStoredBytes
  }

  /** As `EventLogService.append`. */
  async append(batches: ReadonlyArray<Append>, now: number): Promise<ReadonlyArray<number>> {
    for (;;) {
      const segment = await this.current()
      const before = segment.position
      try {
        return await this.appendTo(segment, batches, now)
      } catch (cause) {
        // Nobody knows of what was written. After any other error the commit may have taken place: a new segment then.
        if (cause instanceof LogMoved || cause instanceof UnexpectedOffset) segment.position = before
        else this.close()
        if (!(cause instanceof LogMoved)) throw cause
      }
    }
  }

  close(): void {
    this.segment?.close()
    this.segment = undefined
  }

  private async appendTo(
    segment: SegmentWriter,
    batches: ReadonlyArray<Append>,
    now: number
  ): Promise<ReadonlyArray<number>> {
    const { file, table } = this
    table.resetReadTxn()
    const ends = new Map<string, number>()
    const bases: Array<number> = []
    const stored: Array<readonly [Key, Place]> = []
    let stage = (this.stage ??= pageMemory(stageBytes))
    let staged = 0
    for (const { expectedOffset, partition, records, topic } of batches) {
      const name = `${topic}/${partition}`
      const base = ends.get(name) ?? rangeOf(table, file, topic, partition).end
      if (expectedOffset !== undefined && expectedOffset !== base)
        throw new UnexpectedOffset({ topic, partition, expected: expectedOffset, found: base })
      bases.push(base)
      ends.set(name, base + records.count)
      for (let from = 0; from < records.count;) {
        const to = cutAt(records, from, this.maxStoredBytes)
        const bytes = encodedBytes(records, from, to)
        if (staged + bytes > stage.length) {
          await segment.write(stage, staged)
          staged = 0
          if (bytes > stage.length) stage = this.stage = pageMemory(bytes)
        }
        const place = { at: segment.position + staged, bytes }
        stored.push([["batch", topic, partition, base + from, to - from, segment.number], place])
        staged = encodeBatchInto(stage, staged, records, from, to, base + from, now)
        from = to
      }
    }
    await segment.write(stage, staged)
    await segment.sync()
    await (table.childTransaction(() => {
      if (table.get(["segment", segment.number]) === undefined) {
        this.close()
        throw new LogMoved()
      }
      batches.forEach(({ partition, topic }, i) => {
        const name = `${topic}/${partition}`
        if (batches.findIndex((one) => `${one.topic}/${one.partition}` === name) !== i) return
        const { end, start } = rangeOf(table, file, topic, partition)
        if (end !== bases[i]) throw new LogMoved()
        writeNote(table, ["range", topic, partition], { start, end: ends.get(name) })
      })
      for (const [key, place] of stored) writeNote(table, key, place)
    }) as Promise<void>)
    return bases
  }

  /** The segment of this process, made when there is none or the last one is long. */
  private async current(): Promise<SegmentWriter> {
    if (this.segment !== undefined && this.segment.position < longestSegment) return this.segment
    this.close()
    const { file, table } = this
    const number = await (table.childTransaction(() => {
      const next = (readNote(table, file, ["segments"]) as number | undefined) ?? 0
      writeNote(table, ["segments"], next + 1)
      writeNote(table, ["segment", next], {})
      return next
    }) as Promise<number>)
    return (this.segment = new SegmentWriter(this.folder, number))
  }
}
