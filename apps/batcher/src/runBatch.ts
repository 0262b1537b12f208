import type { DamagedFile } from "@musify/lake/ChainError.ts"
import { readCatalog } from "@musify/lake/catalog.ts"
import { ObjectStore } from "@musify/lake/ObjectStore.ts"
import type { ObjectStoreError } from "@musify/lake/ObjectStoreError.ts"
import { DataFolder } from "@musify/runtime/DataFolder.ts"
import { UserError } from "@musify/runtime/UserError.ts"
import type { BuildError } from "@musify/warehouse/buildPass.ts"
import { buildPass } from "@musify/warehouse/buildPass.ts"
import type { CatalogSource } from "@musify/warehouse/catalogTables.ts"
import { layer as layerDuckDb } from "@musify/warehouse/DuckDbWarehouse.ts"
import type { Warehouse } from "@musify/warehouse/Warehouse.ts"
import type { WarehouseUnavailable } from "@musify/warehouse/WarehouseError.ts"
import { Clock, Effect, Layer, Option } from "effect"
import type { BatchOptions, BatchRhythm, BatchSummary, WatchOptions } from "./BatchOptions.ts"

export type BatchError = BuildError | UserError | DamagedFile

/** The warehouse of the data folder. */
export const layerWarehouse = (settings?: {
  readonly threads?: number | undefined
  readonly memoryMiB?: number | undefined
}): Layer.Layer<Warehouse, never, DataFolder> =>
  Layer.unwrapEffect(Effect.map(DataFolder, ({ warehouse }) => layerDuckDb({ file: warehouse, ...settings })))

/** The catalog that the folder's events were made with; none when it names none: then songs are seen only in events. */
const folderCatalog: Effect.Effect<
  CatalogSource<UserError | DamagedFile | ObjectStoreError> | undefined,
  UserError,
  DataFolder | ObjectStore
> = Effect.gen(function* () {
  const folder = yield* DataFolder
  const version = yield* folder.frozen("songs")
  if (version === undefined) return undefined
  const store = yield* ObjectStore
  const missing = new UserError({
    message:
      `The data folder ${folder.root} names the song catalog ${version}, but its lake does not hold it ` +
      `(lake/catalog/songs/version=${version}). Put that folder back, then run again.`,
    exitCode: 1
  })
  return {
    version,
    songs: Effect.flatMap(
      readCatalog(store, version),
      Option.match({ onNone: () => Effect.fail(missing), onSome: (songs) => Effect.succeed(songs) })
    )
  }
})

const pass = (
  options: BatchOptions
): Effect.Effect<BatchSummary, BatchError, DataFolder | ObjectStore | Warehouse> =>
  Effect.gen(function* () {
    const folder = yield* DataFolder
    const catalog = yield* folderCatalog
    return yield* buildPass({
      ...options,
      published: folder.published,
      catalog,
      onStep: () => Effect.void
    })
  })

/**
 * One pass: builds and publishes until no hour is dirty. Fails (exit 2) when another batcher works on the folder.
 */
export const runBatch = (
  options: BatchOptions
): Effect.Effect<BatchSummary, BatchError, DataFolder | ObjectStore | Warehouse> =>
  Effect.scoped(
    Effect.gen(function* () {
      const folder = yield* DataFolder
      yield* folder.lockRole("batcher")
      return yield* pass(options)
    })
  )

const hourMs = 3_600_000

/** Milliseconds from `now` (epoch ms) to the next pass. */
export const pause = (rhythm: { readonly minute: number }, now: number): number => {
  const due = Math.floor(now / hourMs) * hourMs + rhythm.minute * 60_000
  return (due > now ? due : due + hourMs) - now
}

const untilNext = (rhythm: BatchRhythm): Effect.Effect<void> =>
  "every" in rhythm
    ? Effect.sleep(rhythm.every)
    : Effect.flatMap(Clock.currentTimeMillis, (now) => Effect.sleep(pause(rhythm, now)))

const passing: ReadonlySet<WarehouseUnavailable["reason"]> = new Set([
  "locked",
  "disk full",
  "unreachable",
  "quota"
])

/** Troubles that a later pass may not meet; others stop the batcher. */
const passes = (error: BatchError): boolean =>
  error._tag === "AuditsFailed" ||
  error._tag === "LakeFileDamaged" ||
  error._tag === "DamagedFile" ||
  error._tag === "ObjectStoreUnavailable" ||
  (error._tag === "WarehouseUnavailable" && passing.has(error.reason)) ||
  (error._tag === "UserError" && error.exitCode === 1)

/** Passes for ever, the first at once. What readers see stays the last good state when a pass fails. */
export const watchBatches = (
  options: WatchOptions
): Effect.Effect<never, BatchError, DataFolder | ObjectStore | Warehouse> =>
  Effect.scoped(
    Effect.gen(function* () {
      const folder = yield* DataFolder
      yield* folder.lockRole("batcher")
      const once = pass(options).pipe(
        Effect.flatMap(options.onBatch),
        Effect.catchIf(passes, (error) => options.onTrouble(error.message)),
        Effect.zipRight(
          Effect.suspend(() =>
            untilNext(typeof options.rhythm === "function" ? options.rhythm() : options.rhythm)
          )
        )
      )
      return yield* Effect.forever(once)
    })
  )
