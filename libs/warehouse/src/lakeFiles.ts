import { topics } from "@musify/domain/Topic.ts"
import { ObjectStore } from "@musify/lake/ObjectStore.ts"
import type { ObjectStoreService } from "@musify/lake/ObjectStore.ts"
import type { ObjectStoreError } from "@musify/lake/ObjectStoreError.ts"
import { verifyChecksum } from "@musify/lake/parquetFile.ts"
import { Effect, Option } from "effect"
import fs from "node:fs"
import path from "node:path"
import { duckDbDialect } from "./duckDbDialect.ts"
import type { LakeFileName, StagedFiles } from "./Warehouse.ts"
import { LakeFileDamaged } from "./WarehouseError.ts"

/** Files of a remote bucket that are checked at the same time: hides its latency, and bounds the memory. */
const checkedAtOnce = 16

/**
 * Bytes of the files of a topic, on average, from which on they are large: a row costs DuckDB five times as much to keep
 * in a table as to read, opening a file as much as some thousand rows.
 */
const largeFile = 100_000

interface CheckedFile {
  readonly place: string
  readonly size: number
}

/**
 * Checks each file's checksum before anything is made of it: DuckDB reads a file of which a bit was flipped without a
 * word. About 0.1 ms for each file of a micro-batch. Answers where DuckDB finds each: a file of a remote bucket, whose
 * bytes are at hand now, in `copies`.
 */
const verifyLakeFiles = (
  store: ObjectStoreService,
  files: ReadonlyArray<LakeFileName>,
  copies: string
): Effect.Effect<ReadonlyArray<CheckedFile>, LakeFileDamaged | ObjectStoreError> =>
  Effect.forEach(
    files,
    ({ path: name }, i) =>
      Effect.flatMap(store.get(name), (bytes) => {
        const file = store.locate(name)
        if (Option.isNone(bytes))
          return new LakeFileDamaged({
            file,
            message: `The lake file ${file} is missing. Restore it from a copy, then run again. Nothing was changed.`
          })
        return Effect.try({
          try: () => {
            verifyChecksum(file, bytes.value)
            const size = bytes.value.length
            if (path.isAbsolute(file)) return { place: file, size }
            const copy = path.join(copies, `${i}.parquet`)
            fs.mkdirSync(copies, { recursive: true })
            fs.writeFileSync(copy, bytes.value)
            return { place: copy, size }
          },
          catch: (cause) => new LakeFileDamaged({ file, message: (cause as Error).message })
        })
      }),
    // A fiber for each costs more than a file on disk.
    { concurrency: path.isAbsolute(store.locate("")) ? 1 : checkedAtOnce }
  )

/**
 * Lake files that DuckDB reads: where they are, or copies of a remote bucket's in the folder `copies`, which are those
 * of the last call.
 */
export const readableFiles = (
  files: ReadonlyArray<LakeFileName>,
  copies: string
): Effect.Effect<StagedFiles, LakeFileDamaged | ObjectStoreError, ObjectStore> =>
  Effect.gen(function* () {
    const store = yield* ObjectStore
    fs.rmSync(copies, { recursive: true, force: true })
    const checked = yield* verifyLakeFiles(store, files, copies)
    return Object.fromEntries(
      topics.flatMap((topic) => {
        const own = checked.filter((_, i) => files[i].topic === topic)
        if (own.length === 0) return []
        const places = own.map(({ place }) => duckDbDialect.text(place)).join(",")
        // What a path of a file says, its columns say, too.
        const source = `read_parquet([${places}], hive_partitioning = false)`
        const bytes = own.reduce((sum, { size }) => sum + size, 0)
        return [[topic, bytes / own.length >= largeFile ? { large: source } : source]]
      })
    )
  })
