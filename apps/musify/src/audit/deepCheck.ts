import { hourOf } from "@musify/domain/Hour.ts"
import { bytesAt } from "@musify/domain/RecordBatch.ts"
import type { Topic } from "@musify/domain/Topic.ts"
import { Progress } from "@musify/runtime/Progress.ts"
import type { ObjectStoreError } from "@musify/lake/ObjectStoreError.ts"
import type { EventLogService } from "@musify/stream/EventLog.ts"
import type { EventLogError } from "@musify/stream/EventLogError.ts"
import { Effect, Option, type Scope } from "effect"
import { Buffer } from "node:buffer"
import { createHash } from "node:crypto"
import fs from "node:fs/promises"
import type { AuditBucket } from "./AuditBucket.ts"
import type { Check, Difference } from "./AuditReport.ts"
import { makeCheck } from "./AuditReport.ts"
import type { Chain, PlanFile } from "./chains.ts"
import type { LogRecord } from "./contentCheck.ts"
import { deadLettersDiffer, makeContentCheck } from "./contentCheck.ts"
import type { AuditDb, ReadFailed } from "./DuckDbAudit.ts"
import type { FileRows, Footer } from "./fileRows.ts"
import { declaredSchemas, readFooters, readRows } from "./fileRows.ts"

const readBytes = 8 * 1024 * 1024

/** Plans whose files are read and compared at the same time: while one is compared, DuckDB reads the other's. */
const plansAtOnce = 2

type Records = ReadonlyMap<number, LogRecord>

/** The records of a plan by offset; undefined when the log does not go back that far any more. */
const recordsOf = (
  log: EventLogService,
  plan: PlanFile,
  topic: Topic
): Effect.Effect<Records | undefined, EventLogError> =>
  Effect.gen(function* () {
    const { end, start } = yield* log.range(topic, plan.partition)
    if (plan.start < start || plan.end > end) return undefined
    const records = new Map<number, LogRecord>()
    for (let at = plan.start; at < plan.end;) {
      const batch = yield* log.read(topic, plan.partition, at, readBytes)
      if (batch.count === 0) break
      for (let i = 0; i < batch.count && batch.offsets[i] < plan.end; i++)
        records.set(batch.offsets[i], { value: bytesAt(batch.values, i), time: batch.timestamps[i] })
      at = batch.offsets[batch.count - 1] + 1
    }
    return records
  })

/** SHA-256 of the file with the checksum's own digits (the footer's "checksum") read as zeros, 32 hex digits. */
const checksumHolds = (bytes: Uint8Array, checksum: string): boolean => {
  const at = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).lastIndexOf(checksum)
  if (at < 0) return false
  const hash = createHash("sha256")
    .update(bytes.subarray(0, at))
    .update("0".repeat(checksum.length))
    .update(bytes.subarray(at + checksum.length))
  return hash.digest("hex").slice(0, checksum.length) === checksum
}

/** Hash of the raw values of some records: SHA-256 over their SHA-256, the offsets (float64) and lengths (int32). */
const rowHash = (offsets: ReadonlyArray<number>, records: Records): string => {
  const values = createHash("sha256")
  const places = Buffer.alloc(offsets.length * 8)
  const lengths = Buffer.alloc(offsets.length * 4)
  offsets.forEach((offset, i) => {
    const value = records.get(offset)?.value ?? null
    if (value !== null) values.update(value)
    places.writeDoubleLE(offset, i * 8)
    lengths.writeInt32LE(value === null ? -1 : value.length, i * 4)
  })
  const hash = createHash("sha256").update(values.digest()).update(places).update(lengths)
  return hash.digest("hex").slice(0, 32)
}

/** A file of a plan. */
interface Planned {
  readonly plan: PlanFile
  readonly topic: Topic
  readonly dead: boolean
  readonly name: string
  readonly rows: number
  readonly hash: string
  /** Of a data file. */
  readonly hour?: number
}

const filesOf = (topic: Topic, plan: PlanFile): ReadonlyArray<Planned> =>
  [...plan.files, ...plan.deadLetters].map(({ hash, path: name, rows, ...more }) => {
    const own = { plan, topic, name, rows, hash }
    return "hour" in more ? { ...own, dead: false, hour: more.hour as number } : { ...own, dead: true }
  })

/** A file of a plan, and where it can be read. */
interface PlannedFile extends Planned {
  readonly file: string
}

/** What is wrong with a file by its bytes and its footer. */
const footerProblem = (
  { dead, file, hash, plan, rows, topic }: PlannedFile,
  footer: Footer
): Effect.Effect<string | undefined> =>
  Effect.promise(async () => {
    const bytes = await fs.readFile(file)
    if (!checksumHolds(bytes, footer.metadata.get("checksum") ?? "no checksum"))
      return "is damaged: its checksum is another than its footer says"
    const { decoder: version, end, partition, start } = plan
    const identity = JSON.stringify({ topic, partition, start, end, rows, hash, version })
    const said = footer.metadata.get("musify")
    if (said !== identity) return `says that it is ${said}, its plan says ${identity}`
    const schemas = declaredSchemas(topic, dead)
    return schemas.includes(footer.schema)
      ? undefined
      : `has the columns ${footer.schema}; ${schemas[0]} were expected`
  })

/** What is wrong with the rows of a file. */
const rowsProblem = (
  { dead, hash, hour, plan, rows: plannedRows, topic }: Planned,
  { columns, offsets }: FileRows,
  records: Records | undefined
): string | undefined => {
  if (offsets.length !== plannedRows) return `holds ${offsets.length} rows, its plan says ${plannedRows}`
  if (offsets.some((offset, i) => offset < plan.start || offset >= plan.end || offset === offsets[i - 1]))
    return `holds offsets twice, or others than ${plan.start} to ${plan.end - 1}`
  if (columns.get("_partition")!.some((partition) => partition !== plan.partition))
    return "holds rows of another partition"
  if (!dead && columns.get("ts")!.some((ts) => hourOf(ts as number) !== hour))
    return "holds events of another hour"
  if (records === undefined) return undefined
  const found = rowHash(offsets, records)
  if (found !== hash) return `was made of other records than the log has: row hash ${found}, planned ${hash}`
  return dead
    ? deadLettersDiffer(offsets, columns, records)
    : makeContentCheck(topic)(offsets, columns, records)
}

/**
 * Answers what `read` makes of files, in one go; when that fails, of each by itself, so that the one at fault is known.
 */
const together = <A>(
  files: ReadonlyArray<PlannedFile>,
  read: (files: ReadonlyArray<string>) => Effect.Effect<ReadonlyMap<string, A>, ReadFailed>,
  wrong: (file: Planned, problem: string) => void
): Effect.Effect<ReadonlyMap<string, A>> =>
  files.length === 0
    ? Effect.succeed(new Map())
    : Effect.catchAll(read(files.map(({ file }) => file)), () =>
        Effect.map(
          Effect.forEach(files, (one) =>
            Effect.catchAll(read([one.file]), ({ message }) => {
              wrong(one, `cannot be read: ${message}`)
              return Effect.succeed(new Map<string, A>())
            })
          ),
          (found) => new Map(found.flatMap((map) => [...map]))
        )
      )

/** Files that are fetched at a time. */
const filesAtOnce = 8

/** Checks the files of one plan and answers what is wrong with them. */
const checkPlan = (
  db: AuditDb,
  bucket: AuditBucket,
  files: ReadonlyArray<Planned>,
  records: Records | undefined
): Effect.Effect<ReadonlyArray<Difference>, ObjectStoreError, Scope.Scope> =>
  Effect.gen(function* () {
    const problems: Array<Difference> = []
    const wrong = ({ name }: Planned, problem: string) =>
      void problems.push({ file: bucket.locate(name), problem })
    const there: Array<PlannedFile> = []
    yield* Effect.forEach(
      files,
      (one) =>
        bucket.file(one.name).pipe(
          Effect.map((file) => {
            const { plan, topic } = one
            if (Option.isSome(file)) there.push({ ...one, file: file.value })
            else wrong(one, `is missing, but plan ${plan.seq} of ${topic}/${plan.partition} is closed`)
          }),
          Effect.catchTag("ReadFailed", ({ message }) => Effect.sync(() => wrong(one, message)))
        ),
      { concurrency: filesAtOnce, discard: true }
    )
    const footers = yield* together(there, (names) => readFooters(db, names), wrong)
    const sound: Array<PlannedFile> = []
    for (const one of there) {
      const footer = footers.get(one.file)
      if (footer === undefined) continue
      const problem = yield* footerProblem(one, footer)
      if (problem === undefined) sound.push(one)
      else wrong(one, problem)
    }
    const seen = new Set<number>()
    for (const dead of [false, true]) {
      const own = sound.filter((one) => one.dead === dead)
      if (own.length === 0) continue
      const rows = yield* together(own, (names) => readRows(db, own[0].topic, dead, names), wrong)
      for (const one of own) {
        const found = rows.get(one.file)
        if (found === undefined) continue
        const problem = rowsProblem(one, found, records)
        const twice = found.offsets.find((offset) => seen.size === seen.add(offset).size)
        if (problem !== undefined) wrong(one, problem)
        else if (twice !== undefined)
          wrong(one, `holds offset ${twice}, which another file of its plan holds, too`)
      }
    }
    return problems
  })

/** Only the song catalog lies under `lake/` beside data files. */
const catalogFolder = "lake/catalog/"

/** What lies where only planned files may lie. Ask before the plans are read: a file planned meanwhile is no orphan. */
export const listFiles = (
  bucket: AuditBucket
): Effect.Effect<ReadonlyArray<string>, ReadFailed | ObjectStoreError> =>
  Effect.map(Effect.forEach(["lake/", "dead-letters/"], bucket.list), (found) =>
    found
      .flat()
      .map(({ name }) => name)
      .filter((name) => !name.startsWith(catalogFolder))
  )

/** Each file that plans name, and the plan; files named twice are told. */
const namedFiles = (
  bucket: AuditBucket,
  chains: ReadonlyArray<Chain>,
  wrong: Array<Difference>
): ReadonlyMap<string, string> => {
  const namedBy = new Map<string, string>()
  for (const { plans, topic } of chains)
    for (const plan of plans) {
      const by = `plan ${plan.seq} of ${topic}/${plan.partition}`
      for (const { path: name } of [...plan.files, ...plan.deadLetters]) {
        if (namedBy.has(name))
          wrong.push({ file: bucket.locate(name), problem: `is named by ${namedBy.get(name)} and by ${by}` })
        namedBy.set(name, by)
      }
    }
  return namedBy
}

/**
 * Re-reads every file of every closed plan: there, whole by its checksum, the one that was planned, schema as declared,
 * rows and their hash as planned, each row equal to its record on the log, if there is one. Files of `listed` that no
 * plan names are reported. Memory: the records and rows of two plans; a bucket that is not local is copied as much at a
 * time. Nothing is deleted.
 */
export const checkFiles = (
  db: AuditDb,
  bucket: AuditBucket,
  chains: ReadonlyArray<Chain>,
  listed: ReadonlyArray<string>,
  log: EventLogService | undefined
): Effect.Effect<Check, ReadFailed | EventLogError | ObjectStoreError> =>
  Effect.gen(function* () {
    const progress = yield* Progress
    const wrong: Array<Difference> = []
    const notes: Array<string> = []
    const namedBy = namedFiles(bucket, chains, wrong)
    const closedPlans = chains.flatMap(({ closed, plans, topic }) =>
      plans
        .slice(0, closed)
        .map((plan) => filesOf(topic, plan))
        .filter((files) => files.length > 0)
    )
    const rowsIn = (files: ReadonlyArray<Planned>) => files.reduce((sum, { rows }) => sum + rows, 0)
    const total = closedPlans.reduce((sum, files) => sum + rowsIn(files), 0)
    let done = 0
    let untold = 0
    const report = () => progress.report("files", { done, total, unit: "rows" })
    yield* report()
    const found = yield* Effect.forEach(
      closedPlans,
      (files) =>
        Effect.gen(function* () {
          const records = log === undefined ? undefined : yield* recordsOf(log, files[0].plan, files[0].topic)
          if (log !== undefined && records === undefined) untold += files.length
          const problems = yield* Effect.scoped(checkPlan(db, bucket, files, records))
          done += rowsIn(files)
          yield* report()
          return problems
        }),
      { concurrency: plansAtOnce }
    )
    yield* progress.finish("files")
    wrong.push(...found.flat())
    for (const name of listed)
      if (!namedBy.has(name))
        wrong.push({ file: bucket.locate(name), problem: "is an orphan: no plan names it" })
    if (untold > 0)
      notes.push(`${untold} files were not compared with the log, which does not go back that far`)
    const checked = closedPlans.reduce((sum, files) => sum + files.length, 0)
    return makeCheck("every file as planned", checked, "files", wrong, notes)
  })
