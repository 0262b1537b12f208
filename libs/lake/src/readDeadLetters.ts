import type { RecordHeaders } from "@musify/domain/recordHeaders.ts"
import type { Topic } from "@musify/domain/Topic.ts"
import { Effect, Option } from "effect"
import { DamagedFile } from "./ChainError.ts"
import { headersOfText } from "./DeadLetterParquet.ts"
import type { ObjectStoreService } from "./ObjectStore.ts"
import type { ObjectStoreError } from "./ObjectStoreError.ts"
import { readParquetRows } from "./parquetFile.ts"

/** A dead letter as it is stored. */
export interface StoredDeadLetter {
  readonly topic: Topic
  readonly partition: number
  readonly offset: number
  /** Log time, epoch ms. */
  readonly timestamp: number
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
  readonly headers: RecordHeaders
  readonly reason: string
}

type Row = Readonly<Record<string, unknown>>

const letterOf = (row: Row): StoredDeadLetter => ({
  topic: row.topic as Topic,
  partition: Number(row._partition),
  offset: Number(row._offset),
  timestamp: (row.timestamp as Date).getTime(),
  key: (row.key ?? null) as Uint8Array | null,
  value: (row.value ?? null) as Uint8Array | null,
  // Files of the first release have no such column.
  headers: typeof row.headers === "string" ? (headersOfText(row.headers) ?? []) : [],
  reason: row.reason as string
})

/** The dead letters of a file, in offset order. Fails with `DamagedFile` when it is not as it was written, or gone. */
export const readDeadLetters = (
  store: ObjectStoreService,
  name: string
): Effect.Effect<ReadonlyArray<StoredDeadLetter>, ObjectStoreError | DamagedFile> =>
  Effect.gen(function* () {
    const place = store.locate(name)
    const found = yield* store.get(name)
    if (Option.isNone(found))
      return yield* new DamagedFile({ name, message: `${place} is gone: it was there a moment ago.` })
    const rows = yield* Effect.tryPromise({
      try: () => readParquetRows(place, found.value),
      catch: (cause) =>
        cause instanceof DamagedFile
          ? cause
          : new DamagedFile({ name, message: `${place} cannot be read: ${(cause as Error).message}.` })
    })
    return rows.map(letterOf)
  })
