import { bytesColumn } from "@musify/domain/RecordBatch.ts"
import { type Topic, topics } from "@musify/domain/Topic.ts"
import { UserError } from "@musify/runtime/UserError.ts"
import { EventLog, type EventLogService } from "@musify/stream/EventLog.ts"
import type { EventLogError } from "@musify/stream/EventLogError.ts"
import { Effect } from "effect"
import type { Buffer } from "node:buffer"
import { readJournal, type ReplayRun, writeJournal } from "./ReplayJournal.ts"
import { findReplayFiles, hashFile, readLines, type ReplayFile, tsOf } from "./replayFiles.ts"

export interface ReplayOptions<E = never, R = never> {
  /** Files or folders. */
  readonly paths: ReadonlyArray<string>
  /** Folder that remembers what was replayed (the data folder). */
  readonly root: string
  /** Send files again that were replayed before. */
  readonly again: boolean
  readonly onProgress?: (progress: { readonly records: number }) => Effect.Effect<void, E, R>
}

export interface ReplaySummary {
  /** Records written by this call, by topic. */
  readonly records: Readonly<Record<Topic, number>>
  /** Files of this call, those included that an earlier, cut off call had begun. */
  readonly files: ReadonlyArray<{ readonly path: string; readonly topic: Topic; readonly records: number }>
  /** Files left out because they were replayed before (or twice in this call). */
  readonly passedOver: ReadonlyArray<string>
}

const maxBatchBytes = 1 << 20
const maxBatchRecords = 8192

/**
 * Puts NDJSON files on the log: each line's bytes are a record's value, unchanged (without the line feed), the key is
 * null, record n of a topic goes to partition n modulo the partitions. Files are merged by ts over all topics; lines
 * that are no JSON are sent as well. Each file (by its content) is sent once per data folder, unless `again`. A call
 * that was cut off is finished by the next one, exactly where it stopped.
 */
export const replay = <E = never, R = never>(
  options: ReplayOptions<E, R>
): Effect.Effect<ReplaySummary, UserError | EventLogError | E, EventLog | R> =>
  Effect.gen(function* () {
    const log = yield* EventLog
    const given = yield* findReplayFiles(options.paths)
    const written = new Map<Topic, number>(topics.map((topic) => [topic, 0]))
    const files: Array<{ path: string; topic: Topic; records: number }> = []
    const sent = (batches: number) => options.onProgress?.({ records: batches }) ?? Effect.void
    const run = (files_: ReplayRun) => sendRun(log, files_, written, files, sent)

    let runs = yield* readJournal(options.root)
    const last = runs[runs.length - 1]
    const finished: Array<string> = []
    if (last !== undefined && last.ends === undefined) {
      yield* unchanged(last.files)
      yield* run(last)
      runs = [...runs.slice(0, -1), { ...last, ends: yield* endsOf(log) }]
      yield* writeJournal(options.root, runs)
      finished.push(...last.files.map((file) => file.hash))
    }
    // What was finished just now has been sent as often as it was asked for.
    const known = new Set(
      options.again ? finished : runs.flatMap((done) => done.files.map((file) => file.hash))
    )
    const fresh: Array<ReplayFile> = []
    const passedOver: Array<string> = []
    for (const file of given) {
      if (known.has(file.hash)) {
        if (!finished.includes(file.hash)) passedOver.push(file.path)
      } else {
        known.add(file.hash)
        fresh.push(file)
      }
    }
    if (fresh.length > 0) {
      const begun: ReplayRun = { files: fresh, bases: yield* endsOf(log) }
      yield* writeJournal(options.root, [...runs, begun])
      yield* run(begun)
      yield* writeJournal(options.root, [...runs, { ...begun, ends: yield* endsOf(log) }])
    }
    return {
      records: Object.fromEntries(written) as Record<Topic, number>,
      files,
      passedOver
    }
  })

/** Where each partition of the log ends. */
export const endsOf = (log: EventLogService) =>
  Effect.gen(function* () {
    const ends: Array<{ readonly topic: Topic; readonly partition: number; readonly offset: number }> = []
    for (const topic of topics) {
      const partitions = yield* log.partitions(topic)
      for (let partition = 0; partition < partitions; partition++) {
        ends.push({ topic, partition, offset: (yield* log.range(topic, partition)).end })
      }
    }
    return ends
  })

/** A replay can only be finished with the bytes that it was begun with. */
const unchanged = (files: ReplayRun["files"]): Effect.Effect<void, UserError> =>
  Effect.forEach(
    files,
    (file) =>
      hashFile(file.path).pipe(
        Effect.filterOrFail(
          (hash) => hash === file.hash,
          () =>
            new UserError({
              message: `${file.path} has changed since its replay was cut off; only the same bytes can finish it. Bring them back, or use another folder (--data).`,
              exitCode: 2
            })
        )
      ),
    { discard: true }
  )

interface Source {
  readonly file: ReplayRun["files"][number]
  readonly chunks: AsyncGenerator<ReadonlyArray<Buffer>>
  lines: ReadonlyArray<Buffer>
  at: number
  /** Time of the next line; one without a time takes that of the line before. */
  ts: number
  records: number
}

const sendRun = <E, R>(
  log: EventLogService,
  run: ReplayRun,
  written: Map<Topic, number>,
  report: Array<{ path: string; topic: Topic; records: number }>,
  onProgress: (records: number) => Effect.Effect<void, E, R>
): Effect.Effect<void, UserError | EventLogError | E, R> =>
  Effect.gen(function* () {
    const partitions = new Map<Topic, number>()
    const next = new Map<string, number>()
    const skip = new Map<string, number>()
    for (const { topic, partition, offset } of yield* endsOf(log)) {
      const key = `${topic}/${partition}`
      const base = run.bases.find((b) => b.topic === topic && b.partition === partition)?.offset ?? 0
      partitions.set(topic, (partitions.get(topic) ?? 0) + 1)
      next.set(key, offset)
      skip.set(key, offset - base)
    }
    const ordinals = new Map<Topic, number>()
    let pending = new Map<string, { topic: Topic; partition: number; values: Array<Buffer> }>()
    let pendingBytes = 0
    let pendingRecords = 0
    let records = 0

    const flush = Effect.gen(function* () {
      const batches = [...pending.entries()].map(([key, { topic, partition, values }]) => ({
        topic,
        partition,
        expectedOffset: next.get(key)!,
        records: {
          count: values.length,
          keys: bytesColumn(values.map(() => null)),
          values: bytesColumn(values)
        }
      }))
      if (batches.length > 0) yield* log.append(batches)
      for (const { topic, partition, records: sent } of batches) {
        const key = `${topic}/${partition}`
        next.set(key, next.get(key)! + sent.count)
        written.set(topic, written.get(topic)! + sent.count)
      }
      pending = new Map()
      pendingBytes = 0
      pendingRecords = 0
      yield* onProgress(records)
    })

    const put = (topic: Topic, line: Buffer): void => {
      const n = ordinals.get(topic) ?? 0
      ordinals.set(topic, n + 1)
      const partition = n % partitions.get(topic)!
      const key = `${topic}/${partition}`
      const left = skip.get(key)!
      records++
      if (left > 0) {
        skip.set(key, left - 1)
        return
      }
      const batch = pending.get(key) ?? { topic, partition, values: [] }
      pending.set(key, batch)
      batch.values.push(line)
      pendingBytes += line.length
      pendingRecords++
    }

    const sources: Array<Source> = run.files.map((file) => ({
      file,
      chunks: readLines(file.path),
      lines: [],
      at: 0,
      ts: 0,
      records: 0
    }))
    const refill = (source: Source) =>
      Effect.tryPromise({
        try: async () => {
          const chunk = await source.chunks.next()
          source.lines = chunk.done === true ? [] : chunk.value
          source.at = 0
          if (source.lines.length > 0) source.ts = tsOf(source.lines[0]) ?? source.ts
          return source.lines.length > 0
        },
        catch: (cause) =>
          new UserError({
            message: `${source.file.path} cannot be read to its end: ${cause instanceof Error ? cause.message : String(cause)}. Its replay goes on where it stopped when the file is whole again.`,
            exitCode: 2
          })
      })

    let open: Array<Source> = []
    for (const source of sources) if (yield* refill(source)) open.push(source)
    while (open.length > 0) {
      // Plain loop until a source must be read on or a batch is full.
      let empty: Source | undefined
      while (empty === undefined && pendingBytes < maxBatchBytes && pendingRecords < maxBatchRecords) {
        let first = open[0]
        for (const source of open) if (source.ts < first.ts) first = source
        put(first.file.topic, first.lines[first.at++])
        first.records++
        if (first.at === first.lines.length) empty = first
        else first.ts = tsOf(first.lines[first.at]) ?? first.ts
      }
      if (empty === undefined) yield* flush
      else {
        const exhausted = empty
        if (!(yield* refill(exhausted))) open = open.filter((source) => source !== exhausted)
      }
    }
    yield* flush
    for (const { file, records: n } of sources)
      report.push({ path: file.path, topic: file.topic, records: n })
  })
