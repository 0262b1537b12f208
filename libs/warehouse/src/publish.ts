import { Clock, Effect, Option } from "effect"
import { linkSync } from "node:fs"
import fs from "node:fs/promises"
import path from "node:path"
import type { Manifest } from "./Manifest.ts"
import type { Model } from "./Model.ts"
import { columnList } from "./Model.ts"
import { models } from "./models/models.ts"
import { partsToPublish } from "./partsToPublish.ts"
import { current, currentVersion, readManifest } from "./Published.ts"
import type { Pending, Publisher, PublishFacts } from "./Publisher.ts"
import type { PublishedFile } from "./verifyPublished.ts"
import { isUntouched, publishedChecksum, stampOf, verifyPublishedFile } from "./verifyPublished.ts"
import type { WarehouseSession } from "./Warehouse.ts"
import type { WarehouseError } from "./WarehouseError.ts"
import { WarehouseUnavailable } from "./WarehouseError.ts"

/** A version that another has replaced stays for this long, ms: readers who had opened it finish in it. */
const keepMs = 600_000
/** And the last few stay however old they are. */
const keepVersions = 3

const versionName = (number: number): string => `v${String(number).padStart(8, "0")}`
const versionNumber = (name: string): number => (/^v\d{8}$/.test(name) ? Number(name.slice(1)) : 0)

const files = <A>(
  root: string,
  doing: string,
  run: () => Promise<A>
): Effect.Effect<A, WarehouseUnavailable> =>
  Effect.tryPromise({
    try: run,
    catch: (cause) =>
      new WarehouseUnavailable({
        reason: (cause as NodeJS.ErrnoException).code === "ENOSPC" ? "disk full" : "not writable",
        file: root,
        message: `Cannot ${doing} in ${root}: ${cause instanceof Error ? cause.message : String(cause)}. The warehouse is built; the next run publishes it.`,
        cause
      })
  })

const sync = async (file: string): Promise<void> => {
  const handle = await fs.open(file, "r")
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Hard-links, or copies where the file system has no links (or too many). Thousands a time, so without waiting. */
const linkOrCopy = async (from: string, to: string): Promise<void> => {
  try {
    linkSync(from, to)
  } catch {
    await fs.copyFile(from, to)
  }
}

/** Whether a file is as it was published; its bytes are read only when somebody may have touched it. */
const isWhole = (folder: string, file: PublishedFile): Effect.Effect<boolean> =>
  isUntouched(folder, file) ? Effect.succeed(true) : Effect.isSuccess(verifyPublishedFile(folder, file))

/**
 * Publishes: writes what is pending (everything, when the version before is not the one that the warehouse remembers)
 * into a new version's folder, links the rest, and swaps the pointer by a rename. Killed before the rename, nothing has
 * happened; after it, the next run may publish the same once more. Answers the version's name.
 */
const publish = <E>(
  session: WarehouseSession,
  root: string,
  pending: ReadonlyArray<Pending>,
  remembered: string | undefined,
  facts: PublishFacts,
  beforeSwap: Effect.Effect<void, E>
): Effect.Effect<string, WarehouseError | E> =>
  Effect.gen(function* () {
    yield* files(root, "make folders", () => fs.mkdir(root, { recursive: true }))
    const currentName = Option.getOrUndefined(
      yield* Effect.orElseSucceed(currentVersion(root), Option.none<string>)
    )
    const previous =
      currentName === undefined || currentName !== remembered
        ? undefined
        : yield* Effect.orElseSucceed(readManifest(root, currentName), () => undefined)
    const names = yield* files(root, "list versions", () => fs.readdir(root))
    const currentNumber = versionNumber(currentName ?? "")
    // Folders above the pointer were left by a publish that was killed.
    for (const name of names)
      if (versionNumber(name) > currentNumber)
        yield* files(root, "remove a folder", () =>
          fs.rm(path.join(root, name), { recursive: true, force: true })
        )
    const version = versionName(Math.max(currentNumber, versionNumber(remembered ?? "")) + 1)
    const folder = path.join(root, version)
    yield* files(root, "make folders", () => fs.mkdir(folder, { recursive: true }))

    const tables: Record<string, ReadonlyArray<PublishedFile>> = {}
    for (const model of models) {
      if (model.publish === undefined) continue
      const before = previous?.tables[model.name]
      const known = new Map((before ?? []).map((file) => [file.path, file]))
      const parts = yield* partsToPublish(
        session,
        model,
        before,
        pending.filter(({ table }) => table === model.name)
      )
      if (model.publish === "day")
        yield* files(root, "make folders", () => fs.mkdir(path.join(folder, model.name)))
      const source = previous === undefined ? root : path.join(root, previous.version)
      const published: Array<PublishedFile> = []
      for (const { isChanged, where, ...part } of parts) {
        const target = path.join(folder, part.path)
        const old = known.get(part.path)
        // A file that was damaged since is written again.
        if (!isChanged && old !== undefined && (yield* isWhole(source, old))) {
          yield* files(root, "link a file", () => linkOrCopy(path.join(source, old.path), target))
          published.push(old)
          continue
        }
        const rows = yield* writeParquet(session, model, where, target)
        if (rows === 0 && part.day !== null) {
          yield* files(root, "remove a file", () => fs.rm(target))
          continue
        }
        yield* files(root, "write a file", () => sync(target))
        const bytes = yield* files(root, "read a file", () => fs.readFile(target))
        published.push({ ...part, rows, checksum: publishedChecksum(bytes), stamp: stampOf(target) })
      }
      if (model.publish === "day")
        yield* files(root, "write a folder", () => sync(path.join(folder, model.name)))
      tables[model.name] = published
    }
    const manifest: Manifest = {
      format: 2,
      version,
      publishedAt: yield* Clock.currentTimeMillis,
      ...facts,
      tables
    }
    const text = JSON.stringify(manifest)
    yield* files(root, "write the manifest", async () => {
      const file = path.join(folder, "manifest.json")
      await fs.writeFile(file, text)
      await sync(file)
      await sync(folder)
      await fs.writeFile(path.join(root, ".CURRENT.new"), `${version}\n`)
      await sync(path.join(root, ".CURRENT.new"))
    })
    yield* beforeSwap
    yield* files(root, "swap the pointer", async () => {
      await fs.rename(path.join(root, ".CURRENT.new"), path.join(root, "CURRENT"))
      await sync(root)
    })
    yield* sweep(root, version)
    return version
  })

/** Of a table that is not cut by day most values are there once: a dictionary of them is made in vain. */
const mostlyUnique = ", PARQUET_VERSION v2, DICTIONARY_SIZE_LIMIT 2000"

/** Rows as the table holds them: those of an hour are together and in order, and no reader asks for more. */
const writeParquet = (
  session: WarehouseSession,
  model: Model,
  where: string,
  target: string
): Effect.Effect<number, WarehouseError> => {
  const { dialect, query } = session
  const encoded = model.publish === "day" ? "" : mostlyUnique
  return Effect.map(
    query(
      "publish",
      `COPY (SELECT ${columnList(dialect, model)} FROM ${model.name} WHERE ${where}) TO ${dialect.text(target)} (FORMAT parquet, COMPRESSION uncompressed${encoded})`
    ),
    ([row]) => Number(row["Count"])
  )
}

/** Removes versions that nobody reads any more: not among the last few, and replaced long enough ago. */
const sweep = (root: string, version: string): Effect.Effect<void, WarehouseUnavailable> =>
  Effect.gen(function* () {
    const now = yield* Clock.currentTimeMillis
    const names = (yield* files(root, "list versions", () => fs.readdir(root)))
      .filter((name) => versionNumber(name) > 0 && name <= version)
      .sort()
    for (let i = 0; i < names.length - keepVersions; i++) {
      const successor = yield* Effect.option(readManifest(root, names[i + 1]))
      if (Option.isSome(successor) && successor.value.publishedAt > now - keepMs) return
      yield* files(root, "remove a folder", () =>
        fs.rm(path.join(root, names[i]), { recursive: true, force: true })
      )
    }
  })

/** Whether the version in force is the one that was published last, whole and undamaged. */
const isSound = (root: string, remembered: string | undefined): Effect.Effect<boolean> =>
  current(root).pipe(
    Effect.flatMap(
      Option.match({
        onNone: () => Effect.succeed(false),
        onSome: ({ folder, manifest }) =>
          Effect.map(
            Effect.forEach(Object.values(manifest.tables).flat(), (file) => isWhole(folder, file)),
            (whole) => manifest.version === remembered && whole.every((one) => one)
          )
      })
    ),
    Effect.orElseSucceed(() => false)
  )

/** Publishes the marts of a DuckDB warehouse as Parquet files under `root`. */
export const folderPublisher = (session: WarehouseSession, root: string): Publisher => ({
  isSound: (version) => isSound(root, version),
  publish: (pending, remembered, facts, beforeSwap) =>
    publish(session, root, pending, remembered, facts, beforeSwap)
})
