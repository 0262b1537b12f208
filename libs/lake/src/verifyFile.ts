import { lakeColumnsOf } from "@musify/domain/columns.ts"
import { Effect, Option } from "effect"
import { DamagedFile } from "./ChainError.ts"
import { deadLetterColumns, firstDeadLetterColumns } from "./DeadLetterParquet.ts"
import { identityOf, identityText } from "./FileIdentity.ts"
import { identityKey } from "./LakeParquet.ts"
import type { ObjectStoreService } from "./ObjectStore.ts"
import type { ObjectStoreError } from "./ObjectStoreError.ts"
import { schemaElement } from "./FileColumn.ts"
import { readParquetRows, verifiedFooter } from "./parquetFile.ts"
import type { Plan } from "./Plan.ts"

/** A file that a plan names: one of its data or dead-letter files. */
export type FileOfPlan = { readonly path: string; readonly rows: number; readonly hash: string }

/**
 * Proves a file of a closed plan from its bytes: it is there, every bit is as written (checksum over pages and footer),
 * it is the planned file (identity with the hash of its rows), it has its topic's columns, and its rows can be read and
 * carry the plan's partition and distinct offsets of its range. Answers the offsets, ascending.
 * The planned row hash was made from the raw records; the checksum binds it to the rows stored beside it.
 */
export const verifyFile = (
  store: ObjectStoreService,
  plan: Plan,
  file: FileOfPlan
): Effect.Effect<ReadonlyArray<number>, ObjectStoreError | DamagedFile> =>
  Effect.gen(function* () {
    const name = store.locate(file.path)
    const damaged = (what: string) => new DamagedFile({ name: file.path, message: `${name} ${what}.` })
    const found = yield* store.get(file.path)
    if (Option.isNone(found))
      return yield* damaged(`is missing, but plan ${plan.seq} of ${plan.topic}/${plan.partition} is closed`)
    return yield* Effect.tryPromise({
      try: async () => {
        const { footer, metadata } = verifiedFooter(name, found.value)
        const wanted = identityText(identityOf(plan, file))
        if (metadata[identityKey] !== wanted)
          throw damaged(`holds ${metadata[identityKey]}, but its plan says ${wanted}`)
        const isDead = plan.deadLetters.some(({ path }) => path === file.path)
        const columns = (isDead ? deadLetterColumns : lakeColumnsOf(plan.topic)).map(schemaElement)
        const stored = footer.schema.slice(1)
        const differs = columns.findIndex(({ name: column, repetition_type, type }, i) => {
          const other = stored[i]
          return other?.name !== column || other.type !== type || other.repetition_type !== repetition_type
        })
        const isWhole =
          stored.length === columns.length || (isDead && stored.length === firstDeadLetterColumns)
        if (!isWhole || (differs >= 0 && differs < stored.length))
          throw damaged(`has other columns than ${plan.topic}: ${stored.map((s) => s.name).join(", ")}`)
        const rows = await readParquetRows(name, found.value)
        if (rows.length !== file.rows)
          throw damaged(`has ${rows.length} rows, but its plan says ${file.rows}`)
        return offsetsOf(plan, rows, damaged)
      },
      catch: (cause) =>
        cause instanceof DamagedFile ? cause : damaged(`cannot be read: ${(cause as Error).message}`)
    })
  })

const offsetsOf = (
  plan: Plan,
  rows: ReadonlyArray<Record<string, unknown>>,
  damaged: (what: string) => DamagedFile
): ReadonlyArray<number> => {
  const offsets = rows.map((row) => Number(row._offset)).sort((a, b) => a - b)
  if (rows.some((row) => row._partition !== plan.partition)) throw damaged(`has rows of another partition`)
  if (offsets.some((offset, i) => offset < plan.start || offset >= plan.end || offset === offsets[i - 1]))
    throw damaged(`has offsets twice or outside of its plan's range, ${plan.start} to ${plan.end - 1}`)
  return offsets
}
