import type { ObjectStoreService } from "@musify/lake/ObjectStore.ts"
import type { ObjectStoreError } from "@musify/lake/ObjectStoreError.ts"
import { Effect, Option, type Scope } from "effect"
import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import type { AuditDb } from "./DuckDbAudit.ts"
import { globFiles, ReadFailed } from "./DuckDbAudit.ts"

/** An object of the bucket. `size` in bytes; 0 where reading costs no copy, so that it need not be bounded. */
export interface AuditObject {
  readonly name: string
  readonly size: number
}

/** The bucket as the audit reads it. */
export interface AuditBucket {
  /** The objects below a folder ("lake/"), in order of name. */
  readonly list: (folder: string) => Effect.Effect<ReadonlyArray<AuditObject>, ReadFailed | ObjectStoreError>
  /** The bytes of an object; none when it is not there. Fails with `ReadFailed` when they are damaged. */
  readonly read: (name: string) => Effect.Effect<Option.Option<Uint8Array>, ReadFailed | ObjectStoreError>
  /** A file with the object's bytes, for DuckDB, until the scope closes; none when it is not there. */
  readonly file: (
    name: string
  ) => Effect.Effect<Option.Option<string>, ReadFailed | ObjectStoreError, Scope.Scope>
  /** How people find an object. */
  readonly locate: (name: string) => string
}

const failed = (cause: unknown) => new ReadFailed({ message: (cause as Error).message })

/** A folder. It is read as anyone reads it, by a plain glob, and not by the lake's own adapter. */
export const localBucket = (db: AuditDb, folder: string): AuditBucket => {
  const locate = (name: string) => path.join(folder, name)
  return {
    list: (below) =>
      Effect.map(globFiles(db, path.join(folder, below, "**", "*")), (files) =>
        files.map((file) => ({ name: path.relative(folder, file), size: 0 }))
      ),
    read: (name) =>
      Effect.try({
        try: () => {
          const file = locate(name)
          return fs.existsSync(file) ? Option.some(fs.readFileSync(file)) : Option.none()
        },
        catch: failed
      }),
    file: (name) =>
      Effect.sync(() => (fs.existsSync(locate(name)) ? Option.some(locate(name)) : Option.none())),
    locate
  }
}

/** An object that cannot be read to its right bytes is something found; a store that is away is not. */
const damage = (error: ObjectStoreError): ReadFailed | ObjectStoreError =>
  error.retryable ? error : new ReadFailed({ message: error.message })

/**
 * A bucket of Cloud Storage, over the port, which verifies the checksum of whatever arrives. DuckDB reads copies in a
 * temporary folder, which are there only while they are read: who asks for files bounds how many.
 */
export const remoteBucket = (store: ObjectStoreService): Effect.Effect<AuditBucket, never, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.sync(() => fs.mkdtempSync(path.join(os.tmpdir(), "musify-audit-files-"))),
      (folder) => Effect.sync(() => fs.rmSync(folder, { recursive: true, force: true }))
    ),
    (folder) => {
      let copies = 0
      const read = (name: string) => Effect.mapError(store.get(name), damage)
      return {
        list: (below) => store.list(below),
        read,
        file: (name) =>
          Effect.gen(function* () {
            const found = yield* read(name)
            if (Option.isNone(found)) return Option.none()
            const copy = path.join(folder, `${copies++}.parquet`)
            yield* Effect.acquireRelease(
              Effect.try({ try: () => fs.writeFileSync(copy, found.value), catch: failed }),
              () => Effect.sync(() => fs.rmSync(copy, { force: true }))
            )
            return Option.some(copy)
          }),
        locate: store.locate
      }
    }
  )
