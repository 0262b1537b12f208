import { Effect } from "effect"
import { createHash } from "node:crypto"
import { statSync } from "node:fs"
import fs from "node:fs/promises"
import path from "node:path"
import type { Manifest } from "./Manifest.ts"
import { PublishedDamaged } from "./Published.ts"

/** A published file as its manifest names it. */
export type PublishedFile = Manifest["tables"][string][number]

/** Checksum of a published file, as its manifest holds it: SHA-256 of its bytes, hex. */
export const publishedChecksum = (bytes: Uint8Array): string =>
  createHash("sha256").update(bytes).digest("hex")

/**
 * Files that this process has found right: inode, size, time of change, and the checksum they have. A file that did not
 * change is a hard link to itself in every version, so following the versions reads only what is new.
 */
const verified = new Set<string>()
const mostRemembered = 100_000

const verify = async (file: string, checksum: string): Promise<void> => {
  const { dev, ino, mtimeNs, size } = await fs.stat(file, { bigint: true })
  const known = [dev, ino, size, mtimeNs, checksum].join(" ")
  if (verified.has(known)) return
  if (publishedChecksum(await fs.readFile(file)) !== checksum)
    throw new Error("its bytes are not those that were written")
  if (verified.size >= mostRemembered) verified.clear()
  verified.add(known)
}

/** Checks one file of the version whose folder is `folder`: fails, naming it, unless it holds what was published. */
export const verifyPublishedFile = (
  folder: string,
  { checksum, path: name }: PublishedFile
): Effect.Effect<void, PublishedDamaged> => {
  const file = path.join(folder, name)
  return Effect.tryPromise({
    try: () => verify(file, checksum),
    catch: (cause) => {
      const missing = (cause as NodeJS.ErrnoException).code === "ENOENT"
      return new PublishedDamaged({
        file,
        message:
          `The published file ${file} is ${missing ? "missing" : `damaged: ${(cause as Error).message}`}. ` +
          // The batcher does not read files whose size and time of change are as it left them.
          `${missing ? "Run" : "Remove it and run"} \`musify batch run\`: it publishes again.`
      })
    }
  })
}

/** Size and time of change of a file: a hard link of it has the same. */
export const stampOf = (file: string): string => {
  const { mtimeNs, size } = statSync(file, { bigint: true })
  return `${size} ${mtimeNs}`
}

/** Whether a file is as it was written, by its stamp alone. */
export const isUntouched = (folder: string, { path: name, stamp }: PublishedFile): boolean => {
  try {
    return stamp !== undefined && stampOf(path.join(folder, name)) === stamp
  } catch {
    return false
  }
}

/** Files that are checked at the same time. */
const checkedAtOnce = 8

/**
 * Checks every file of a version before numbers are made of it: a reader of Parquet takes a flipped bit for a value.
 * A file is read once by a process, again only when it changes.
 */
export const verifyPublished = (folder: string, manifest: Manifest): Effect.Effect<void, PublishedDamaged> =>
  Effect.forEach(Object.values(manifest.tables).flat(), (file) => verifyPublishedFile(folder, file), {
    concurrency: checkedAtOnce,
    discard: true
  })
