import { Buffer } from "node:buffer"
import * as fs from "node:fs"
import * as path from "node:path"
import process from "node:process"
import { promisify } from "node:util"
import { Effect, Layer, Option } from "effect"
import type { ObjectEntry, ObjectStoreService } from "./ObjectStore.ts"
import { ObjectStore } from "./ObjectStore.ts"
import { ObjectStoreUnavailable } from "./ObjectStoreError.ts"

export interface LocalDirectoryOptions {
  /** The bucket: a folder, made when it is not there. */
  readonly directory: string
  /**
   * What a put waits for. "power": the file and its directory entries are fsynced, so it survives a power cut.
   * "process": nothing is fsynced; a kill -9 of every process costs nothing, a power cut may cost the last objects.
   */
  readonly durability?: "process" | "power"
}

const fsync = promisify(fs.fsync)

/** Where puts are prepared: in the bucket's file system, and outside of every name that a reader may glob. */
const temporaryFolder = ".tmp"

const advice: Record<string, string> = {
  ENOSPC: "The disk is full: free some space; nothing was lost and work goes on by itself.",
  EDQUOT: "The disk quota is used up: free some space; nothing was lost and work goes on by itself.",
  EACCES: "Make the folder readable and writable for this user.",
  EPERM: "Make the folder writable for this user, on a file system that has hard links.",
  EROFS: "The file system is read-only: mount it writable, or choose another data folder.",
  ENOTSUP: "The file system has no hard links: choose a data folder on one that has.",
  EMFILE: "Too many open files: raise the limit (ulimit -n)."
}
const retryableCodes = new Set(["ENOSPC", "EDQUOT", "EMFILE", "ENFILE", "EIO", "EAGAIN", "EBUSY"])

const unavailable = (what: string, name: string, where: string) => (cause: unknown) => {
  const code = (cause as NodeJS.ErrnoException).code ?? ""
  return new ObjectStoreUnavailable({
    name,
    message: `Cannot ${what} ${where}: ${(cause as Error).message}. ${advice[code] ?? "Check the folder and its file system."}`,
    retryable: retryableCodes.has(code),
    cause
  })
}

const codeOf = (cause: unknown): string | undefined => (cause as NodeJS.ErrnoException).code

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch (cause) {
    return codeOf(cause) === "EPERM"
  }
}

/** The entries of a folder; none when it is not there. */
const entriesOf = (directory: string): ReadonlyArray<fs.Dirent> => {
  try {
    return fs.readdirSync(directory, { withFileTypes: true })
  } catch (cause) {
    if (codeOf(cause) === "ENOENT" || codeOf(cause) === "ENOTDIR") return []
    throw cause
  }
}

/** From the first surrogate on, UTF-16 and UTF-8 have different orders. */
const wide = /[\ud800-\uffff]/

/** By their UTF-8 bytes. */
const compareNames = (a: string, b: string): number => {
  if (wide.test(a) || wide.test(b)) return Buffer.compare(Buffer.from(a), Buffer.from(b))
  return a < b ? -1 : a > b ? 1 : 0
}

/** Puts of this process so far, and the temporary files that it writes now: of all stores, since several may be one folder's. */
let puts = 0
const writing = new Set<string>()

/** Removes what killed processes left, also one that had our number; a temporary file is named by the process that writes it. */
const removeStaleTemporaries = (folder: string): void => {
  for (const entry of entriesOf(folder)) {
    const pid = Number(entry.name.split("-")[0])
    const file = path.join(folder, entry.name)
    if (pid === process.pid ? !writing.has(file) : !isAlive(pid)) fs.rmSync(file, { force: true })
  }
}

const openStore = (root: string, durable: boolean): ObjectStoreService => {
  const temporaries = path.join(root, temporaryFolder)
  fs.mkdirSync(temporaries, { recursive: true })
  removeStaleTemporaries(temporaries)
  const madeFolders = new Set<string>()

  const syncFolder = async (folder: string): Promise<void> => {
    const handle = fs.openSync(folder, "r")
    try {
      await fsync(handle)
    } finally {
      fs.closeSync(handle)
    }
  }

  /** Makes a folder and answers those whose entries changed: the parents of the folders made. */
  const makeFolder = (folder: string): ReadonlyArray<string> => {
    if (madeFolders.has(folder)) return []
    const first = fs.mkdirSync(folder, { recursive: true })
    if (madeFolders.size > 100_000) madeFolders.clear()
    madeFolders.add(folder)
    if (first === undefined) return []
    const changed: Array<string> = []
    for (let made = folder; made.length >= first.length; made = path.dirname(made))
      changed.push(path.dirname(made))
    return changed
  }

  // Calls that touch only the page cache are made directly: a trip through the thread pool costs more than they do.
  const put = async (name: string, bytes: Uint8Array): Promise<"created" | "exists"> => {
    const target = path.join(root, name)
    if (fs.existsSync(target)) return "exists"
    const temporary = path.join(temporaries, `${process.pid}-${puts++}`)
    writing.add(temporary)
    try {
      const handle = fs.openSync(temporary, "w")
      try {
        for (let at = 0; at < bytes.length;) at += fs.writeSync(handle, bytes, at)
        if (durable) await fsync(handle)
      } finally {
        fs.closeSync(handle)
      }
      const folder = path.dirname(target)
      const changed = makeFolder(folder)
      try {
        fs.linkSync(temporary, target)
      } catch (cause) {
        if (codeOf(cause) === "EEXIST") return "exists"
        if (codeOf(cause) === "ENOENT") madeFolders.delete(folder)
        throw cause
      }
      if (durable) await Promise.all([folder, ...changed].map(syncFolder))
      return "created"
    } finally {
      writing.delete(temporary)
      fs.rmSync(temporary, { force: true })
    }
  }

  const list = (prefix: string, startAt: string, limit: number): ReadonlyArray<ObjectEntry> => {
    const found: Array<ObjectEntry> = []
    // Folders end in "/" while they are compared, so that a walk meets names in byte order of the whole name.
    const isWanted = (name: string): boolean => {
      const isFolder = name.endsWith("/")
      if (name === `${temporaryFolder}/`) return false
      if (!name.startsWith(prefix) && !(isFolder && prefix.startsWith(name))) return false
      return compareNames(name, startAt) >= 0 || (isFolder && startAt.startsWith(name))
    }
    const walk = (base: string): void => {
      // Sorted last: a chain's folder has thousands of names, of which a reader wants those since it read it.
      const names = entriesOf(path.join(root, base))
        .map((entry) => base + (entry.isDirectory() ? `${entry.name}/` : entry.name))
        .filter(isWanted)
        .sort(compareNames)
      for (const full of names) {
        if (found.length >= limit) return
        if (full.endsWith("/")) {
          walk(full)
        } else {
          const stat = fs.statSync(path.join(root, full), { throwIfNoEntry: false })
          if (stat !== undefined) found.push({ name: full, size: stat.size })
        }
      }
    }
    walk(prefix.slice(0, prefix.lastIndexOf("/") + 1))
    return found
  }

  return {
    putIfAbsent: (name, bytes) =>
      Effect.tryPromise({
        try: () => put(name, bytes),
        catch: unavailable("write", name, path.join(root, name))
      }),
    get: (name) =>
      Effect.try({
        try: () => {
          try {
            return Option.some<Uint8Array>(fs.readFileSync(path.join(root, name)))
          } catch (cause) {
            if (["ENOENT", "ENOTDIR", "EISDIR"].includes(codeOf(cause) ?? "")) return Option.none()
            throw cause
          }
        },
        catch: unavailable("read", name, path.join(root, name))
      }),
    metadata: (name) =>
      Effect.try({
        try: () => {
          try {
            return fs.statSync(path.join(root, name)).isFile() ? Option.some({}) : Option.none()
          } catch (cause) {
            if (["ENOENT", "ENOTDIR"].includes(codeOf(cause) ?? "")) return Option.none()
            throw cause
          }
        },
        catch: unavailable("read", name, path.join(root, name))
      }),
    list: (prefix, options = {}) =>
      Effect.try({
        try: () => list(prefix, options.startAt ?? "", options.limit ?? Number.POSITIVE_INFINITY),
        catch: unavailable("list", prefix, path.join(root, prefix))
      }),
    remove: (name) =>
      Effect.try({
        try: () => fs.rmSync(path.join(root, name), { force: true }),
        catch: unavailable("remove", name, path.join(root, name))
      }),
    locate: (name) => path.resolve(root, name)
  }
}

/** Opens a local directory as a bucket; fails when it cannot be made or written. */
export const makeLocalDirectoryObjectStore = (
  options: LocalDirectoryOptions
): Effect.Effect<ObjectStoreService, ObjectStoreUnavailable> =>
  Effect.try({
    try: () => openStore(path.resolve(options.directory), (options.durability ?? "power") === "power"),
    catch: unavailable("open the bucket", "", options.directory)
  })

/**
 * A local directory as a bucket. A put writes a temporary file, fsyncs it and links it into place: link() fails when
 * the name is there, so of any number of processes exactly one creates it, and an object is never seen half.
 */
export const layer = (options: LocalDirectoryOptions): Layer.Layer<ObjectStore, ObjectStoreUnavailable> =>
  Layer.effect(ObjectStore, makeLocalDirectoryObjectStore(options))
