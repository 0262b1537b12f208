import type { Topic } from "@musify/domain/Topic.ts"
import type { ObjectStoreError } from "@musify/lake/ObjectStoreError.ts"
import { Progress } from "@musify/runtime/Progress.ts"
import { Effect, Option, type Scope } from "effect"
import type { AuditBucket, AuditObject } from "./AuditBucket.ts"
import type { Difference } from "./AuditReport.ts"
import type { AuditDb, ReadFailed } from "./DuckDbAudit.ts"
import { parquet, unreadable } from "./DuckDbAudit.ts"
import type { Run } from "./runs.ts"

/** How often each offset of a run is in data files and dead letters together. */
export interface Stored {
  readonly partition: number
  readonly times: number
  readonly run: Run
}

/** What a topic's data files and dead letters hold, by a plain glob; the files that cannot be read. */
export interface StoredOfTopic {
  readonly runs: ReadonlyArray<Stored>
  readonly unreadable: ReadonlyArray<Difference>
}

/** Bounds of what is copied at a time from a bucket that is not local. */
const batchBytes = 64 * 1024 * 1024
const batchFiles = 1000
const filesAtOnce = 8

const batchesOf = (objects: ReadonlyArray<AuditObject>): ReadonlyArray<ReadonlyArray<AuditObject>> => {
  const batches: Array<Array<AuditObject>> = []
  let bytes = Number.POSITIVE_INFINITY
  for (const object of objects) {
    bytes += object.size
    if (bytes > batchBytes || batches[batches.length - 1].length >= batchFiles) {
      batches.push([])
      bytes = object.size
    }
    batches[batches.length - 1].push(object)
  }
  return batches
}

/** Adds the positions that files hold to the table `positions`; answers what cannot be read. */
const addPositions = (
  db: AuditDb,
  bucket: AuditBucket,
  objects: ReadonlyArray<AuditObject>
): Effect.Effect<ReadonlyArray<Difference>, ReadFailed | ObjectStoreError, Scope.Scope> =>
  Effect.gen(function* () {
    const bad: Array<Difference> = []
    const names = new Map<string, string>()
    yield* Effect.forEach(
      objects,
      ({ name }) =>
        bucket.file(name).pipe(
          Effect.map((file) => Option.isSome(file) && names.set(file.value, name)),
          Effect.catchTag("ReadFailed", ({ message: problem }) =>
            Effect.sync(() => bad.push({ file: bucket.locate(name), problem }))
          )
        ),
      { concurrency: filesAtOnce, discard: true }
    )
    const files = [...names.keys()]
    if (files.length === 0) return bad
    const added = yield* Effect.either(
      db.run(
        `INSERT INTO positions SELECT _partition, _offset FROM ${parquet(files, "union_by_name = true")}`
      )
    )
    if (added._tag === "Right") return bad
    const found = yield* unreadable(db, files)
    if (found.length === 0) return yield* added.left
    return [
      ...bad,
      ...found.map(({ file, problem }) => ({ file: bucket.locate(names.get(file) ?? file), problem }))
    ]
  })

/**
 * Which offsets a topic's data files and dead letters hold, and how often. Memory: DuckDB's, which goes to disk; a
 * bucket that is not local is copied 64 MiB at a time.
 */
export const storedRuns = (
  db: AuditDb,
  bucket: AuditBucket,
  topic: Topic
): Effect.Effect<StoredOfTopic, ReadFailed | ObjectStoreError> =>
  Effect.gen(function* () {
    const progress = yield* Progress
    const listed = yield* Effect.forEach([`lake/${topic}/`, `dead-letters/${topic}/`], bucket.list)
    const objects = listed.flat().filter(({ name }) => name.endsWith(".parquet"))
    yield* db.run("CREATE OR REPLACE TEMP TABLE positions (p BIGINT, o BIGINT)")
    const bad: Array<Difference> = []
    let done = 0
    for (const batch of batchesOf(objects)) {
      bad.push(...(yield* Effect.scoped(addPositions(db, bucket, batch))))
      done += batch.length
      yield* progress.report(`lake/${topic}`, { done, total: objects.length, unit: "files" })
    }
    yield* progress.finish(`lake/${topic}`)
    const rows = yield* db.query(`
      WITH counted AS (
        SELECT p, o, count(*) AS times FROM positions GROUP BY ALL
      ), islands AS (
        SELECT p, times, o, o - row_number() OVER (PARTITION BY p, times ORDER BY o) AS island FROM counted
      )
      SELECT p, times, min(o) AS a, max(o) + 1 AS b FROM islands GROUP BY p, times, island ORDER BY p, a`)
    yield* db.run("DROP TABLE positions")
    return {
      runs: rows.map((row) => ({
        partition: Number(row.p),
        times: Number(row.times),
        run: [Number(row.a), Number(row.b)] as const
      })),
      unreadable: bad
    }
  })
