import type { ColumnValues } from "@musify/lake/columnValues.ts"
import type { FileColumn } from "@musify/lake/FileColumn.ts"
import { RowGroups } from "@musify/lake/RowGroups.ts"
import { fileError, type UserError } from "@musify/runtime/UserError.ts"
import { Effect, type Scope } from "effect"
import fs from "node:fs"
import path from "node:path"
import type { Fault } from "./Fault.ts"
import type { OffsetRange } from "./outputOffsets.ts"

/** Records of a partition whose faults, if any, are all in the manifest. */
export interface Covered {
  readonly topic: string
  readonly partition: number
  readonly ranges: ReadonlyArray<OffsetRange>
}

/** Key of the file's metadata under which `Covered` lies for each (topic, partition), as JSON. */
export const coveredKey = "covered"

const column = (
  name: string,
  type: FileColumn["type"],
  nullable: boolean,
  description: string
): FileColumn => ({
  name,
  type,
  nullable,
  description
})

const texts = (values: ReadonlyArray<string | null>): ColumnValues => ({ type: "string", values })

const numbers = (
  type: "int32" | "int64" | "timestamp",
  values: ReadonlyArray<number | null>
): ColumnValues => {
  const nulls = values.includes(null) ? Uint8Array.from(values, (n) => (n === null ? 1 : 0)) : undefined
  const filled = values.map((n) => n ?? 0)
  return type === "int32"
    ? { type, values: Int32Array.from(filled), nulls }
    : { type, values: Float64Array.from(filled), nulls }
}

/** The columns of `faults.parquet`, and where their values come from. */
const columns: ReadonlyArray<readonly [FileColumn, (faults: ReadonlyArray<Fault>) => ColumnValues]> = [
  [column("topic", "string", false, "Topic"), (f) => texts(f.map((x) => x.topic))],
  [
    column("partition", "int32", false, "Partition"),
    (f) =>
      numbers(
        "int32",
        f.map((x) => x.partition)
      )
  ],
  [
    column("offset", "int64", true, "Of the record in the output; null while it is held back"),
    (f) =>
      numbers(
        "int64",
        f.map((x) => x.offset)
      )
  ],
  [column("kind", "string", false, "What was done"), (f) => texts(f.map((x) => x.kind))],
  [
    column("detail", "string", false, "How it is malformed, which field is missing"),
    (f) => texts(f.map((x) => x.detail))
  ],
  [
    column("reason", "string", true, "How the reason of its dead letter begins; null: the event is taken"),
    (f) => texts(f.map((x) => x.reason))
  ],
  [
    column("source_ts", "timestamp", false, "When it happened"),
    (f) =>
      numbers(
        "timestamp",
        f.map((x) => x.sourceTs)
      )
  ],
  [
    column("written_ts", "timestamp", true, "Its ts as written; null when malformed"),
    (f) =>
      numbers(
        "timestamp",
        f.map((x) => x.writtenTs)
      )
  ],
  [
    column(
      "delay_s",
      "int32",
      false,
      "Seconds by which it is late; of clock-skew, by which the clock is ahead"
    ),
    (f) =>
      numbers(
        "int32",
        f.map((x) => x.delay)
      )
  ],
  [
    column("overtaken", "int64", true, "Records of its partition that overtook it"),
    (f) =>
      numbers(
        "int64",
        f.map((x) => x.overtaken)
      )
  ],
  [
    column("original_offset", "int64", true, "Of a duplicate: the offset of the first copy"),
    (f) =>
      numbers(
        "int64",
        f.map((x) => x.originalOffset)
      )
  ],
  [column("device", "string", false, "Key of the record"), (f) => texts(f.map((x) => x.device))],
  [
    column("session_id", "int64", false, "sessionId before anything was done"),
    (f) =>
      numbers(
        "int64",
        f.map((x) => x.sessionId)
      )
  ],
  [
    column("item_in_session", "int32", false, "itemInSession before anything was done"),
    (f) =>
      numbers(
        "int32",
        f.map((x) => x.itemInSession)
      )
  ]
]

const groupRows = 65_536

/**
 * Writes the manifest of what was done. What is published is always a whole file that tells of the output up to some
 * record of each partition (`Covered`); it is replaced in one step. Full row groups wait in a file beside it, so that
 * memory is that of one row group, however long the run.
 */
export interface FaultManifest {
  /** More faults, in any order. */
  readonly add: (faults: ReadonlyArray<Fault>) => Effect.Effect<void, UserError>
  /** Replaces the file by one of all faults so far and those of records that are held back. */
  readonly publish: (
    heldBack: ReadonlyArray<Fault>,
    covered: ReadonlyArray<Covered>
  ) => Effect.Effect<void, UserError>
}

/** Begins a manifest. An older file of the same name stays until the first `publish`. */
export const openManifest = (file: string): Effect.Effect<FaultManifest, UserError, Scope.Scope> => {
  const rowsFile = `${file}.rows`
  const attempt = <A>(write: () => A) =>
    Effect.try({ try: write, catch: (cause) => fileError(`write ${file}`, cause) })
  return Effect.gen(function* () {
    const rows = yield* Effect.acquireRelease(
      attempt(() => {
        fs.mkdirSync(path.dirname(file), { recursive: true })
        const opened = fs.openSync(rowsFile, "w")
        fs.writeSync(opened, RowGroups.head)
        return opened
      }),
      (opened) =>
        Effect.sync(() => {
          fs.closeSync(opened)
          fs.rmSync(rowsFile, { force: true })
        })
    )
    const groups = new RowGroups(columns.map(([one]) => one))
    const encode = (faults: ReadonlyArray<Fault>) =>
      groups.encode(columns.map(([, values]) => values(faults)))
    let pending: Array<Fault> = []
    return {
      add: (faults) =>
        attempt(() => {
          for (const fault of faults) pending.push(fault)
          while (pending.length >= groupRows) {
            const full = encode(pending.slice(0, groupRows))
            writeAll(rows, full.bytes)
            groups.add(full)
            pending = pending.slice(groupRows)
          }
        }),
      publish: (heldBack, covered) =>
        attempt(() => {
          const last = [...pending, ...heldBack]
          const tail = last.length === 0 && groups.rows > 0 ? undefined : encode(last)
          const part = `${file}.part`
          fs.copyFileSync(rowsFile, part)
          const opened = fs.openSync(part, "a")
          try {
            if (tail !== undefined) writeAll(opened, tail.bytes)
            writeAll(opened, groups.foot(tail, { [coveredKey]: JSON.stringify(covered) }))
            fs.fsyncSync(opened)
          } finally {
            fs.closeSync(opened)
          }
          fs.renameSync(part, file)
        })
    }
  })
}

const writeAll = (handle: number, bytes: Uint8Array): void => {
  for (let from = 0; from < bytes.length;) from += fs.writeSync(handle, bytes, from)
}
