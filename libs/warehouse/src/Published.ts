import { Effect, Option, Schema } from "effect"
import fs from "node:fs/promises"
import path from "node:path"
import { Manifest } from "./Manifest.ts"

/** What is published is damaged: a file that the pointer or the manifest names is missing or no manifest. */
export class PublishedDamaged extends Schema.TaggedError<PublishedDamaged>()("PublishedDamaged", {
  file: Schema.String,
  message: Schema.String
}) {}

/** A published version, as a reader finds it. */
export interface PublishedVersion {
  readonly manifest: Manifest
  /** Folder of the version; it stays for at least ten minutes after another took its place. */
  readonly folder: string
  /**
   * Absolute paths of a table's files; of one UTC day range ("2026-11-23", both included) when it is cut by day. A file
   * with changes repeats rows: see publishedQuery.
   */
  readonly files: (
    table: string,
    days?: { readonly from: string; readonly to: string }
  ) => ReadonlyArray<string>
}

const ManifestFile = Schema.parseJson(Manifest)

const isMissing = (cause: unknown): boolean => (cause as NodeJS.ErrnoException).code === "ENOENT"

/** Name of the version in force, or none before the first publish. */
export const currentVersion = (root: string): Effect.Effect<Option.Option<string>, PublishedDamaged> => {
  const file = path.join(root, "CURRENT")
  return Effect.tryPromise({
    try: () =>
      fs.readFile(file, "utf8").then(
        (text) => Option.some(text.trim()),
        (cause: unknown) => {
          if (isMissing(cause)) return Option.none<string>()
          throw cause
        }
      ),
    catch: (cause) => new PublishedDamaged({ file, message: `${file} cannot be read: ${String(cause)}` })
  })
}

/** The manifest of a version. */
export const readManifest = (root: string, version: string): Effect.Effect<Manifest, PublishedDamaged> => {
  const file = path.join(root, version, "manifest.json")
  return Effect.tryPromise({
    try: () => fs.readFile(file, "utf8"),
    catch: (cause) =>
      new PublishedDamaged({
        file,
        message: `${file} cannot be read: ${String(cause)} Run \`musify batch run\`: it publishes again.`
      })
  }).pipe(
    Effect.flatMap((text) =>
      Effect.mapError(
        Schema.decode(ManifestFile)(text),
        () =>
          new PublishedDamaged({
            file,
            message: `${file} is damaged or of a newer version. Run \`musify batch run\`: it publishes again.`
          })
      )
    )
  )
}

const attempt = (root: string): Effect.Effect<Option.Option<PublishedVersion>, PublishedDamaged> =>
  Effect.gen(function* () {
    const name = yield* currentVersion(root)
    if (Option.isNone(name)) return Option.none()
    const folder = path.join(root, name.value)
    const manifest = yield* readManifest(root, name.value)
    return Option.some({
      manifest,
      folder,
      files: (table, days) =>
        (manifest.tables[table] ?? [])
          .filter(({ day }) => days === undefined || day === null || (day >= days.from && day <= days.to))
          .map((file) => path.join(folder, file.path))
    })
  })

/**
 * The version in force under `root` (the folder `published`), or none before the first publish. Reads two small files,
 * so ask again whenever fresh numbers are wanted; a version in hand stays whole for ten minutes more.
 */
export const current = (root: string): Effect.Effect<Option.Option<PublishedVersion>, PublishedDamaged> =>
  // Between reading the pointer and the manifest the version can be swept, if this process was stopped for long.
  Effect.retry(attempt(root), { times: 1 })
